import type { S3OriginConfig } from './config.ts';
import type { Refusal } from './table.ts';
import { type OriginUrl, readOriginUrl } from './values.ts';

/** Readers of the names of S3, and what follows from them. Pure; they never throw. */

const refuse = (reason: string, remedy: string): Refusal => ({ reason, remedy });

/** Reads the name of a bucket ("General purpose bucket naming rules", S3 user guide). */
export function readBucket(text: string): string | Refusal {
  if (/^s3:\/\//i.test(text)) {
    const [bucket, ...rest] = text.slice(5).split('/');
    const prefix = rest.join('/');
    return refuse(
      'a bucket is named without s3://',
      `write bucket: ${bucket}${prefix === '' ? '' : ` and prefix: ${prefix}`}`,
    );
  }
  if (text.startsWith('arn:'))
    return refuse('this is an ARN, not a name', 'write only what follows the last colon');
  if (text.includes('/'))
    return refuse('a bucket has no path', 'write only its name; what is before the keys goes into prefix');
  const form = 'buckets are named with 3 to 63 lower-case letters, digits, dots and hyphens';
  if (/[A-Z]/.test(text)) return refuse('the name of a bucket has no capital letters', form);
  if (text.includes('_')) return refuse('the name of a bucket has no underscore', form);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text))
    return refuse('this is not the name of a bucket', form);
  if (/\.\.|\.-|-\./.test(text))
    return refuse('a dot in the name of a bucket stands between letters or digits', form);
  if (/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/.test(text))
    return refuse('the name of a bucket does not look like an address', form);
  return text;
}

/** Reads the name of a region. */
export function readRegion(text: string): string | Refusal {
  if (/^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$/.test(text))
    return refuse(`${text} is a zone, not a region`, `write ${text.slice(0, -1)}`);
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(text)) return text;
  return refuse(
    'this is not the name of a region',
    'write it like eu-central-1; servers other than AWS mostly take us-east-1',
  );
}

/** Reads the address of a server that speaks S3. */
export function readEndpoint(text: string): OriginUrl | Refusal {
  const url = readOriginUrl(text);
  if ('reason' in url) {
    if (/credential/.test(url.reason))
      return refuse(url.reason, 'remove it: keys come from what credentials names');
    return url;
  }
  if (url.basePath === '') return url;
  const bare = `${url.scheme}://${url.authority}`;
  return refuse(
    'an endpoint has no path',
    `write ${bare}; the bucket goes into bucket, what is before the keys into prefix`,
  );
}

/** Reads what is put before every key; without `/` at its end. */
export function readKeyPrefix(text: string): string | Refusal {
  if (text.startsWith('/'))
    return refuse('keys do not start with /', `write ${text.replace(/^\/+/, '') || 'nothing'}`);
  if (/\/\/$/.test(text)) return refuse('this ends in two slashes', `write ${text.replace(/\/+$/, '/')}`);
  if (text.split('/').some((part) => part === '.' || part === '..'))
    return refuse('. and .. mean nothing in a key', 'write the beginning of the keys as it is');
  if (!text.isWellFormed() || /[\x00-\x1f\x7f]/.test(text))
    return refuse('this has a character that is not text', 'write the beginning of the keys as it is');
  if (Buffer.byteLength(text) > 900)
    return refuse('keys have at most 1,024 bytes', 'leave room for the rest of the key');
  return text.replace(/\/$/, '');
}

/** Reads `s3://bucket/prefix`, the way AWS's tools name places in a bucket. */
export function readS3Url(text: string): { readonly bucket: string; readonly prefix: string } | Refusal {
  const [, name, rest] = /^s3:\/\/([^/]*)\/?(.*)$/is.exec(text) ?? ['', '', ''];
  if (/[?#]/.test(name!))
    return refuse('a bucket has no query', 'write s3://bucket/prefix; other settings go into a file');
  const bucket = readBucket(name!);
  if (typeof bucket !== 'string') return bucket;
  const prefix = readKeyPrefix(rest!);
  return typeof prefix === 'string' ? { bucket, prefix } : prefix;
}

/** Where S3 is, when the environment says so as it says to AWS's tools. */
export function endpointFrom(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || undefined;
}

/** Where requests for a bucket go. */
export function endpointOf({ endpoint, region }: Pick<S3OriginConfig, 'endpoint' | 'region'>): OriginUrl {
  if (endpoint !== undefined) return endpoint;
  const hostname = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  return { scheme: 'https', hostname, port: 443, basePath: '', authority: hostname };
}

/** Where requests name the bucket. */
export function addressingOf({ addressing, bucket, endpoint }: S3OriginConfig): 'path' | 'virtual' {
  // No certificate covers a bucket with a dot in its name: the wildcard in it stands for one label.
  return addressing ?? (endpoint === undefined && !bucket.includes('.') ? 'virtual' : 'path');
}
