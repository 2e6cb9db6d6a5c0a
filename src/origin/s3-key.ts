/** Targets as keys of objects: what an S3 origin asks for. Pure. */

/** Longest key, in bytes of UTF-8 ("Naming Amazon S3 objects", S3 user guide). */
const KEY_BYTES_MAX = 1024;
const NOT_UNRESERVED = /[^\w\-.~/]/g;

/**
 * The path of the object that a target names, in the one spelling that is sent and signed: each byte of the key but unreserved
 * characters and `/` percent-encoded in upper case, nothing normalised. The target's query is dropped.
 *
 * The key is the decoded path without its first `/`, behind the prefix: `/a%20b//c+d.jpg` is `a b//c+d.jpg`.
 *
 * Undefined for what can be no key, or is none that survives its way to every server: an empty one or one of slashes only (servers
 * list the bucket), one with a segment `.` or `..` (servers, and proxies in front of them, resolve it), one that is not UTF-8
 * or longer than 1,024 bytes.
 *
 * @param prefix what is put before every key, without `/` at either end; empty for none.
 */
export function objectPath(target: string, prefix: string): string | undefined {
  const queryAt = target.indexOf('?');
  const written = target.slice(1, queryAt < 0 ? undefined : queryAt);
  let key: string;
  try {
    key = (prefix === '' ? '' : `${prefix}/`) + decodeURIComponent(written);
  } catch {
    return undefined;
  }
  if (/^\/*$/.test(key) || key.split('/').some((segment) => segment === '.' || segment === '..'))
    return undefined;
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) return undefined;
  return `/${encoded(key)}`;
}

function encoded(key: string): string {
  const bytes = Buffer.from(key, 'utf8').toString('latin1');
  return bytes.replace(
    NOT_UNRESERVED,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
