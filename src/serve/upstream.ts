import type { HashKey } from '../base/hash.ts';
import { halfSipHash } from '../base/hash.ts';
import type { Fields } from '../http/fields.ts';
import { addVia, originRequestFields, storedResponseFields } from '../http/forward.ts';
import { type SharedFieldRules, sharedRequestFields } from '../http/selection.ts';
import { canonicalRequestFields } from '../http/vary.ts';

/** What goes to the origin, and what of its answer is kept. */

/** Name of this cache in the Via field of responses. */
export const CACHE_NAME = 'holdfast';

/** What a bypass sends on besides: the client's own conditions are then the origin's business. */
const CONDITIONS = [
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
];

/** What describes a body; sent on with one. */
const OF_BODY = ['content-encoding', 'content-type'];

/**
 * Name of one process in the Via field of its requests (RFC 9110 section 7.6.3): a request that comes back to it goes round
 * in circles, while one that passes several nodes does not. Made from the process's secret by its hash, which gives nothing of it away.
 */
export function viaPseudonym(key: HashKey): string {
  const hash = { lo: 0, hi: 0 };
  const name = Buffer.from('via', 'latin1');
  halfSipHash(key, name, name.length, hash, { c: 2, d: 4 });
  return `${CACHE_NAME}-${(hash.lo & 0xff_ffff).toString(16).padStart(6, '0')}`;
}

/**
 * Fields for the origin. Those that choose a variant are sent in the form that the key is made of.
 *
 * @param rules what the route sends for what may be stored.
 */
export function upstreamFields(
  fields: Fields,
  bypass: boolean,
  pseudonym: string,
  rules: SharedFieldRules,
  hasBody = false,
): Fields {
  const upstream = bypass
    ? canonicalRequestFields(originRequestFields(fields, { cookies: true, cacheDirectives: true }))
    : sharedRequestFields(fields, rules);
  // Origins turn away requests without one, and by one: nobody's own must decide for all.
  if (!bypass && !upstream.has('user-agent')) upstream.set('user-agent', CACHE_NAME);
  if (bypass) {
    for (const name of hasBody ? [...CONDITIONS, ...OF_BODY] : CONDITIONS) {
      const value = fields.get(name);
      if (value !== undefined) upstream.set(name, value);
    }
  }
  addVia(upstream, pseudonym);
  return upstream;
}

/** Fields of a response as they are stored. */
export function keptFields(fields: Fields, nowS: number): Fields {
  const kept = storedResponseFields(fields, nowS);
  addVia(kept, CACHE_NAME);
  return kept;
}
