import { createHash } from 'node:crypto';
import { Fields } from '../../http/fields.ts';
import { type FreshnessRules, freshness, initialAgeS } from '../../http/freshness.ts';
import { personalReason } from '../../http/storable.ts';
import { responseDirectives } from '../../http/targeted.ts';
import type { Transformed } from '../../transform/transform.ts';

/** The head of a variant's response: what it has of its original's, and what is its own. */

/**
 * Part of every variant's ETag: to be changed when the same original and options come to give other bytes, so that nobody
 * confirms what an earlier version made.
 */
const ENGINE = '1';

/** What an original's response says that holds for its variants too: lifetimes, tags, who may read it. */
const INHERITED = [
  'cache-control',
  'cdn-cache-control',
  'surrogate-control',
  'expires',
  'date',
  'age',
  'last-modified',
  'surrogate-key',
  'cache-tag',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'cross-origin-resource-policy',
  'timing-allow-origin',
  'x-robots-tag',
];

/** Says of a response what is not to be seen in the picture; a dictionary (RFC 9651). */
const SAYS = 'holdfast-image';

/**
 * What tells two versions of an original apart: its ETag, else its date and length. Undefined where the response has neither:
 * then only the bytes themselves do.
 */
export function identityOf(original: Fields, bodyBytes: number | undefined): string | undefined {
  const etag = original.get('etag');
  if (etag !== undefined && etag !== '') return etag;
  const modified = original.get('last-modified');
  return modified === undefined || bodyBytes === undefined ? undefined : `${modified} ${bodyBytes}`;
}

/** The same, made of the bytes. About 1 ms a MiB. */
export function identityOfBytes(body: Uint8Array): string {
  return createHash('sha1').update(body).digest('hex');
}

/** The ETag of a variant (RFC 9110 section 8.8.3): another one for each version of the original, of its overlay and for other options. */
export function etagOf(identity: string, spec: string, provisional: boolean): string {
  const hash = createHash('sha256').update(`${ENGINE} ${spec} ${identity}`).digest('base64url').slice(0, 22);
  return provisional ? `"${hash}-p"` : `"${hash}"`;
}

/** Of an answer that is passed on in the place of a variant: another one may come when the client says other things of itself. */
export function passedFields(original: Fields, vary: readonly string[]): Fields {
  const fields = original.clone();
  fields.delete('cache-status');
  const said = [original.get('vary') ?? '', ...vary].filter((name) => name !== '');
  if (said.length > 0) fields.set('vary', said.join(', '));
  return fields;
}

/** What a 304 about a variant, and the head of a new one, have in common. */
export function inheritedFields(original: Fields, etag: string, vary: readonly string[]): Fields {
  const fields = inherited(original, INHERITED);
  fields.add('etag', etag);
  if (vary.length > 0) fields.add('vary', vary.join(', '));
  return fields;
}

function inherited(original: Fields, names: readonly string[]): Fields {
  const fields = new Fields();
  for (const name of names) {
    const value = original.get(name);
    if (value !== undefined) fields.add(name, value);
  }
  // The fields that say so stay behind.
  if (personalReason(original, responseDirectives(original)) !== undefined) {
    dropLifetimes(fields);
    fields.set('cache-control', 'no-store');
  }
  return fields;
}

/** For how long an original will be fresh from now on, in seconds; 0 for one that is stale. @param rules of its route. */
export function freshForS(original: Fields, rules: FreshnessRules, nowS: number): number {
  const ageS = initialAgeS({
    ageField: original.get('age'),
    dateField: original.get('date'),
    viaField: original.get('via'),
    requestAtS: nowS,
    responseAtS: nowS,
  });
  return Math.max(0, freshness(200, original, rules, nowS).lifetimeS - ageS);
}

/** Adds what only a body has. @param originalBytes length of the original. */
export function describeBody(fields: Fields, made: Transformed, originalBytes: number): void {
  fields.add('content-type', made.contentType);
  fields.add('content-length', String(made.body.length));
  // What a browser takes for something else than it is, it might run.
  fields.add('x-content-type-options', 'nosniff');
  const said: string[] = [];
  if (made.width > 0) said.push(`width=${made.width}`, `height=${made.height}`);
  if (made.frames > 1) said.push(`frames=${made.frames}`);
  said.push(`original-bytes=${originalBytes}`);
  if (made.isOriginal) said.push('original');
  if (made.width > 0 && made.body.length > originalBytes) said.push('larger');
  if (made.provisional) said.push('provisional');
  fields.add(SAYS, said.join(', '));
}

/**
 * A lifetime of its own, for what stands in for something better; unless no cache may use it unasked anyway.
 *
 * @param lifetimeS no longer than the original's.
 */
export function shorten(fields: Fields, lifetimeS: number): void {
  const cc = responseDirectives(fields);
  if (cc.noStore || cc.noCache || cc.private) return;
  dropLifetimes(fields);
  // That of the original would make it stale for whoever counts from it.
  fields.delete('date');
  const strict = cc.mustRevalidate || cc.proxyRevalidate ? ', must-revalidate' : '';
  fields.set('cache-control', `public, max-age=${lifetimeS}${strict}`);
}

function dropLifetimes(fields: Fields): void {
  for (const name of ['cdn-cache-control', 'surrogate-control', 'expires', 'age']) fields.delete(name);
}

/** By what its response says; its bytes may not have been looked at. */
export function mayBeImage(original: Fields): boolean {
  return /^(?:image\/|application\/octet-stream|$)/i.test(original.get('content-type') ?? '');
}

/**
 * The original in the place of a variant that could not be made: marked, and for a short time only.
 *
 * @param cause why, a word of RETRIEVAL_FAILURES.
 */
export function fallbackFields(
  original: Fields,
  vary: readonly string[],
  lifetimeS: number,
  cause: string,
): Fields {
  const fields = inherited(original, [...INHERITED, 'content-type', 'content-length', 'content-encoding']);
  // No validator: it would confirm the stand-in when the variant can be made again.
  fields.delete('last-modified');
  shorten(fields, lifetimeS);
  if (vary.length > 0) fields.add('vary', vary.join(', '));
  fields.add('x-content-type-options', 'nosniff');
  fields.add(SAYS, `fallback=${cause}`);
  return fields;
}
