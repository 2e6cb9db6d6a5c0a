import { z } from 'zod';
import { NAME_EXPECTS, NAME_PATTERN, readName } from './names.ts';
import { GUARD_OPTIONS } from './options-guard.ts';
import { S3_OPTIONS } from './options-s3.ts';
import { flag, group, integer, META, size, text, timeout } from './table.ts';
import { readAuthority, readFieldName, readFieldValue, readFilePath, readOriginUrl } from './values.ts';

/** The option table, second part: origins. */

const httpOrigin = group('An HTTP server that has the images.', {
  type: z.literal('http').register(META, {
    kind: 'choice',
    about: 'The kind of origin: an HTTP server.',
    expects: 'http',
    effect: 'live',
  }),
  url: text(
    {
      about:
        'Where it is. A path is put before the path of every request. No credentials: they belong into headers.',
      effect: 'live',
      expects: 'an address that starts with http:// or https://',
      pattern: '^https?://[^\\s?#]+$',
    },
    readOriginUrl,
  ),
  timeouts: group(
    'How long each stage of an exchange may take. Every stage has a limit, so a hanging origin cannot hold requests.',
    {
      connect: timeout({
        about: 'From the start of a connection until it is usable, TLS included.',
        effect: 'live',
        min: '10ms',
        max: '1m',
      }).prefault('2s'),
      firstByte: timeout({
        about: 'From the request until the whole head of the response.',
        effect: 'live',
        min: '10ms',
        max: '10m',
      }).prefault('10s'),
      idle: timeout({
        about: 'Longest silence within a body.',
        effect: 'live',
        min: '10ms',
        max: '10m',
      }).prefault('10s'),
      total: timeout({
        about: 'The exchange as a whole, redirects included.',
        effect: 'live',
        min: '100ms',
        max: '1h',
      }).prefault('60s'),
    },
  ).prefault({}),
  maxBody: size({
    about: 'Largest body that is accepted at all, stored or not.',
    effect: 'live',
    min: '1KiB',
    max: '1TiB',
  }).prefault('256MiB'),
  redirects: group('What to do when the origin redirects.', {
    follow: integer({
      about:
        'How many redirects in a row are followed; one too many, or one that is not allowed, is a failure. With 0 none is: the client gets the redirect.',
      effect: 'live',
      min: 0,
      max: 10,
    }).prefault(0),
    crossHost: flag({
      about:
        'Whether a redirect may lead to another host. Otherwise whoever controls a redirect would choose what is fetched.',
      effect: 'live',
    }).prefault(false),
  }).prefault({}),
  tls: group('For https origins.', {
    verify: flag({
      about: 'Whether the certificate is checked. Without it anybody on the way can replace images.',
      effect: 'live',
    }).prefault(true),
    ca: text(
      {
        about:
          'PEM file with the certificates of a private authority; relative to the directory of the configuration file.',
        effect: 'live',
        expects: 'the path of a file',
        defaultNote: "the system's authorities",
      },
      readFilePath,
    ).optional(),
    serverName: text(
      {
        about: 'Name for SNI and for checking the certificate, when it is not the host of the url.',
        effect: 'live',
        expects: 'a host name',
        defaultNote: 'the host of the url',
      },
      readAuthority,
    ).optional(),
  }).prefault({}),
  connections: integer({
    about:
      'Most exchanges with this origin at a time; further requests wait for one to end. This is what protects it when the cache is cold.',
    effect: 'live',
    min: 1,
    max: 4096,
  }).prefault(64),
  ...GUARD_OPTIONS,
  host: text(
    {
      about: 'Host field to send.',
      effect: 'live',
      expects: 'a host name',
      defaultNote: 'the host of the url',
    },
    readAuthority,
  ).optional(),
  headers: z
    .record(
      text({ about: 'A field name.', effect: 'live', expects: 'a header field name' }, readFieldName),
      text(
        { about: 'A field value. Never logged.', effect: 'live', secret: true, expects: 'one line of text' },
        readFieldValue,
      ),
    )
    .register(META, {
      kind: 'map',
      about: `Fields to add to every request, such as a token: X-Origin-Token: "\${ORIGIN_TOKEN}". Values are never logged.`,
      expects: 'a mapping of field names to values',
      effect: 'live',
    })
    .prefault({}),
});

const filesOrigin = group('A directory of images on this machine.', {
  type: z.literal('files').register(META, {
    kind: 'choice',
    about: 'The kind of origin: a directory.',
    expects: 'files',
    effect: 'live',
  }),
  root: text(
    {
      about:
        'The directory; nothing outside of it is served. Relative to the directory of the configuration file.',
      effect: 'live',
      expects: 'the path of a directory',
    },
    readFilePath,
  ),
});

const { timeouts, maxBody, tls, connections } = httpOrigin.in.shape;
const s3Origin = group('A bucket of S3.', {
  ...S3_OPTIONS,
  timeouts,
  maxBody,
  tls,
  connections,
  ...GUARD_OPTIONS,
});

/** `origins`: names and what they stand for. */
export const ORIGINS = z
  .record(
    text(
      { about: 'The name of an origin.', effect: 'live', expects: NAME_EXPECTS, pattern: NAME_PATTERN },
      readName,
    ),
    z.discriminatedUnion('type', [httpOrigin, filesOrigin, s3Origin]).register(META, {
      kind: 'group',
      about: 'An origin.',
      expects: 'a mapping that starts with type: http, type: files or type: s3',
    }),
  )
  .register(META, {
    kind: 'map',
    about: 'Where images come from, each under a name of its own. At least one.',
    expects: 'a mapping of names to origins',
    effect: 'live',
  });
