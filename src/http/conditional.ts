import { parseHttpDate } from './date.ts';
import { Fields } from './fields.ts';
import { trimOws } from './list.ts';
import { withoutHopByHop } from './wire/framing.ts';

/** What the stored response offers for comparison. */
export interface Validators {
  readonly etag: string | undefined;
  /** Seconds since the epoch. */
  readonly lastModifiedS: number | undefined;
  /** Date of the response, or when it was received; stands in for a missing Last-Modified (RFC 9111 section 4.3.2). */
  readonly dateS?: number | undefined;
  readonly status: number;
}

/**
 * Evaluates a request's preconditions against the response that would be sent (RFC 9110 section 13.2.2, steps 1 to 4;
 * step 5 is `ifRangeAllows`). They are ignored unless that response is a 2xx (13.2.1).
 */
export function evaluateConditional(
  method: string,
  requestFields: Fields,
  stored: Validators,
): 'proceed' | 'not-modified' | 'precondition-failed' {
  if (stored.status < 200 || stored.status > 299) return 'proceed';
  const ifMatch = requestFields.get('if-match');
  if (ifMatch !== undefined) {
    if (!matchesAny(ifMatch, stored.etag, sameStrongly)) return 'precondition-failed';
  } else {
    const unmodifiedSinceS = parseHttpDate(requestFields.get('if-unmodified-since'));
    if (unmodifiedSinceS !== undefined && stored.lastModifiedS !== undefined) {
      if (stored.lastModifiedS > unmodifiedSinceS) return 'precondition-failed';
    }
  }
  const reads = method === 'GET' || method === 'HEAD';
  const ifNoneMatch = requestFields.get('if-none-match');
  if (ifNoneMatch !== undefined) {
    if (!matchesAny(ifNoneMatch, stored.etag, sameWeakly)) return 'proceed';
    return reads ? 'not-modified' : 'precondition-failed';
  }
  if (!reads) return 'proceed';
  const modifiedSinceS = parseHttpDate(requestFields.get('if-modified-since'));
  const modifiedS = stored.lastModifiedS ?? stored.dateS;
  if (modifiedSinceS === undefined || modifiedS === undefined) return 'proceed';
  return modifiedS <= modifiedSinceS ? 'not-modified' : 'proceed';
}

/** Conditions to validate a stored response at the origin (RFC 9111 section 4.3.1); none without a validator. */
export function conditionalFields(stored: Fields): [name: string, value: string][] {
  const conditions: [string, string][] = [];
  const etag = stored.get('etag');
  if (etag !== undefined && etag !== '') conditions.push(['if-none-match', etag]);
  const lastModified = stored.get('last-modified');
  if (lastModified !== undefined && parseHttpDate(lastModified) !== undefined) {
    conditions.push(['if-modified-since', lastModified]);
  }
  return conditions;
}

/**
 * Whether a 304 is about this stored response (RFC 9111 section 4.3.4). False when it names another entity tag: then
 * the origin confirmed something else, and the response has to be fetched whole.
 */
export function confirms(stored: Fields, update: Fields): boolean {
  const confirmed = update.get('etag');
  const held = stored.get('etag');
  return confirmed === undefined || held === undefined || sameWeakly(confirmed, held);
}

/**
 * The stored fields after a 304 (RFC 9111 section 3.2): each field of the update replaces all lines of its name,
 * except those that describe the stored bytes, that are not stored at all, or that are meant for one client.
 * Neither argument is changed.
 */
export function merge304(stored: Fields, update: Fields): Fields {
  const replaced = new Set<string>();
  for (const [name] of withoutHopByHop(update)) if (!KEPT_ON_304.has(name)) replaced.add(name);
  if (!sameMediaType(stored.get('content-type'), update.get('content-type'))) replaced.delete('content-type');
  const merged = new Fields();
  for (const [name, value] of stored) if (!replaced.has(name)) merged.add(name, value);
  for (const [name, value] of update) if (replaced.has(name)) merged.add(name, value);
  return merged;
}

/** Stored fields that a 304 carries (RFC 9110 section 15.4.5), and those that browsers check on each answer. */
const NOT_MODIFIED_FIELDS: readonly string[] = [
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
  'access-control-allow-credentials',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'cross-origin-resource-policy',
  'timing-allow-origin',
  'via',
];

/** The part of a stored response's fields that a 304 carries. */
export function notModifiedFields(stored: Fields): Fields {
  const sent = new Fields();
  for (const [name, value] of stored) if (NOT_MODIFIED_FIELDS.includes(name)) sent.add(name, value);
  return sent;
}

/** Strong comparison (RFC 9110 section 8.8.3.2): equal, and both are strong, well-formed entity tags. */
export function sameStrongly(a: string, b: string): boolean {
  return a === b && a.length >= 2 && a.startsWith('"') && a.endsWith('"');
}

/** Weak comparison (RFC 9110 section 8.8.3.2): equal but for a `W/`; also for tags that came without quotes. */
export function sameWeakly(a: string, b: string): boolean {
  return withoutWeakness(a) === withoutWeakness(b);
}

const KEPT_ON_304: ReadonlySet<string> = new Set([
  'content-md5',
  'content-length',
  'content-encoding',
  'content-range',
  'set-cookie',
  'age',
]);

/** Parameters may change; a 304 that calls the stored bytes something else is a server's slip. */
function sameMediaType(a: string | undefined, b: string | undefined): boolean {
  const essence = (type: string | undefined): string | undefined =>
    type?.split(';', 1)[0]?.trim().toLowerCase();
  return essence(a) === essence(b);
}

function withoutWeakness(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}

function matchesAny(
  list: string,
  etag: string | undefined,
  same: (a: string, b: string) => boolean,
): boolean {
  if (list === '*') return true;
  if (etag === undefined) return false;
  if (same(list, etag)) return true;
  return entityTags(list).some((candidate) => same(candidate, etag));
}

/** Members of an entity-tag list. Unlike quoted strings, entity tags have no escapes (RFC 9110 section 8.8.3). */
function entityTags(list: string): string[] {
  return (list.match(/(?:W\/)?"[^"]*"|[^,"]+/g) ?? []).map(trimOws).filter((tag) => tag !== '');
}
