import { type CacheControl, parseCacheControl } from './cache-control.ts';
import type { Fields } from './fields.ts';

/**
 * The directives of a response that hold here: those of CDN-Cache-Control where it is there and can be read, else those
 * of Cache-Control (RFC 9213 section 2.2). Never throws; O(n).
 */
export function responseDirectives(fields: Fields): CacheControl {
  const targeted = parseTargeted(fields.get('cdn-cache-control'));
  return targeted ?? parseCacheControl(fields.get('cache-control'));
}

/**
 * Parses a targeted field: a dictionary of structured fields (RFC 9213 section 2.1, RFC 9651 section 4.2.2). A lifetime that is no
 * integer grants nothing.
 *
 * @returns undefined when the field is absent, empty or malformed anywhere: it is then ignored as a whole.
 */
export function parseTargeted(value: string | undefined): CacheControl | undefined {
  const text = value?.replace(/^ +| +$/g, '');
  if (text === undefined || text === '') return undefined;
  const directives = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    MEMBER.lastIndex = at;
    const m = MEMBER.exec(text);
    if (m === null) return undefined;
    at = MEMBER.lastIndex;
    if (at === text.length && text.endsWith(',')) return undefined;
    // A key that comes twice counts in its last value.
    directives.set(m[1]!, m[2] ?? '?1');
  }
  const written = [...directives].map(([name, item]) => inCacheControl(name, item));
  return { ...parseCacheControl(written.filter((member) => member !== '').join(', ')), targeted: true };
}

const KEY = '[a-z*][a-z0-9_.*-]*';
/** Bare items and inner lists of RFC 9651 section 3.3; each alternative starts with another character. */
const BARE = [
  '-?[0-9]{1,15}(?:\\.[0-9]{1,3})?',
  '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"',
  "[A-Za-z*][!#$%&'*+.^_`|~\\w:/-]*",
  ':[A-Za-z0-9+/=]*:',
  '\\?[01]',
  '@-?[0-9]{1,15}',
].join('|');
const INNER_LIST = `\\([^()"]*(?:"[^"\\\\]*"[^()"]*)*\\)`;
const MEMBER = new RegExp(
  `(${KEY})(?:=(${BARE}|${INNER_LIST}))?(?:; *${KEY}(?:=(?:${BARE}))?)*[ \\t]*(?:,[ \\t]*|$)`,
  'y',
);

const TIMES = /^(?:max-age|s-maxage|stale-while-revalidate|stale-if-error)$/;

/** A member as Cache-Control spells it; empty when it says nothing. */
function inCacheControl(name: string, item: string): string {
  if (TIMES.test(name)) return /^[0-9]+$/.test(item) ? `${name}=${item}` : '';
  if (item === '?0') return '';
  return item.startsWith('"') ? `${name}=${item}` : name;
}
