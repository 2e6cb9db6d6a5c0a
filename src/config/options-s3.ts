import { z } from 'zod';
import { readBucket, readEndpoint, readKeyPrefix, readRegion } from './s3.ts';
import { choice, group, META, text } from './table.ts';
import { readFilePath } from './values.ts';

const CREDENTIALS =
  'What the origin proves itself with. The keys themselves never stand in the configuration.';

/** The option table: origins of type s3, but for the options that they share with http. */
export const S3_OPTIONS = {
  type: z.literal('s3').register(META, {
    kind: 'choice',
    about: 'The kind of origin: a bucket of S3, or of a server that speaks its protocol.',
    expects: 's3',
    effect: 'live',
  }),
  bucket: text(
    {
      about: 'The name of the bucket.',
      effect: 'live',
      expects: 'the name of a bucket',
      pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    },
    readBucket,
  ),
  region: text(
    {
      about: 'The region of the bucket; requests are signed for it.',
      effect: 'live',
      expects: 'the name of a region, such as eu-central-1',
    },
    readRegion,
  ).prefault('us-east-1'),
  endpoint: text(
    {
      about: 'The server, when it is not that of AWS: MinIO, Ceph, Cloudflare R2 and others.',
      effect: 'live',
      expects: 'an address that starts with http:// or https://, without a path',
      pattern: '^https?://[^\\s/?#]+/?$',
      defaultNote: 'that of AWS for the region',
    },
    readEndpoint,
  ).optional(),
  addressing: choice(['path', 'virtual'], {
    about:
      'Where requests name the bucket: before the key (`path`), or before the host, in Host and TLS (`virtual`). Connections go to the endpoint either way.',
    effect: 'live',
    defaultNote: '`path` when there is an endpoint or the bucket has a dot, else `virtual`',
  }).optional(),
  prefix: text(
    {
      about:
        'Put before every key, like a directory: with `photos`, a request for /a.jpg is one for the key photos/a.jpg.',
      effect: 'live',
      expects: 'the beginning of keys, such as photos/',
      defaultNote: 'none',
    },
    readKeyPrefix,
  ).optional(),
  credentials: group(CREDENTIALS, {
    from: choice(['environment', 'file', 'anonymous'], {
      about:
        'Where the keys come from. `environment`: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. `file`: a credentials file, read again when it changes. `anonymous`: requests without a signature, for public buckets.',
      effect: 'live',
    }).prefault('environment'),
    file: text(
      {
        about:
          'With `from: file`: a file in the form of ~/.aws/credentials, such as a mounted secret; relative to the directory of the configuration file.',
        effect: 'live',
        expects: 'the path of a file',
        defaultNote: 'none',
      },
      readFilePath,
    ).optional(),
    profile: text(
      {
        about: 'With `from: file`: which profile of the file.',
        effect: 'live',
        expects: 'the name of a profile',
      },
      (name) => name,
    ).prefault('default'),
  })
    .register(META, { kind: 'group', about: CREDENTIALS, expects: 'a mapping such as { from: environment }' })
    .prefault({}),
  accessDenied: choice(['error', 'not-found'], {
    about:
      'What an AccessDenied stands for. Without the right to list the bucket, S3 answers so for keys that do not exist. As an `error`, stale copies are served and nothing is stored; as `not-found`, a wrong policy looks like deleted images.',
    effect: 'live',
  }).prefault('error'),
};
