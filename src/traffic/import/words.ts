import type { Outcome } from '../../cache/outcome.ts';

/**
 * What caches call the ways in which they serve, in our words. From the manuals of nginx (`$upstream_cache_status`), Varnish
 * (`Varnish:handling`, `Varnish:hitmiss`), CloudFront (`x-edge-result-type`), Fastly (`fastly_info.state`), Cloudflare
 * (`CacheCacheStatus`), Squid (result codes without `TCP_`), Apache Traffic Server and httpd's mod_cache.
 */
const WORDS: ReadonlyMap<string, Outcome> = new Map(
  Object.entries({
    hit: 'hit',
    'mem-hit': 'hit',
    'ims-hit': 'hit',
    'hit-cluster': 'hit',
    'hit-wait': 'collapsed',
    'hit-pass': 'bypass',
    'hit-synth': 'refused',
    'hit-front': 'hit',
    'cache-hit': 'hit',
    originshieldhit: 'hit',
    'hit-stale': 'stale',
    'hit-stale-cluster': 'stale',
    stale: 'stale',
    updating: 'stale',
    'refresh-fail-hit': 'stale',
    'refresh-fail-old': 'stale',
    revalidated: 'revalidated',
    refreshhit: 'revalidated',
    'refresh-hit': 'revalidated',
    'refresh-unmodified': 'revalidated',
    'conditional-cache-hit': 'revalidated',
    miss: 'miss',
    'cache-miss': 'miss',
    'miss-cluster': 'miss',
    'miss-wait': 'collapsed',
    expired: 'miss',
    scarce: 'miss',
    'refresh-miss': 'miss',
    'refresh-modified': 'miss',
    'client-refresh-miss': 'miss',
    deferred: 'miss',
    ignored: 'miss',
    pass: 'bypass',
    'pass-cluster': 'bypass',
    pipe: 'bypass',
    bypass: 'bypass',
    dynamic: 'bypass',
    tunnel: 'bypass',
    synth: 'refused',
    redirect: 'refused',
    denied: 'refused',
    limitexceeded: 'refused',
    capacityexceeded: 'refused',
    collapsed: 'collapsed',
    refused: 'refused',
    failed: 'failed',
  } satisfies Record<string, Outcome>),
);

/** Longest of them, with what may stand before it. */
const WORD_CHARS_MAX = 40;

/** In our words, how a cache says that it served a request; undefined when that is no such word. Upper and lower case are the same. */
export function outcomeOf(word: string): Outcome | undefined {
  if (word.length > WORD_CHARS_MAX) return undefined;
  const plain = word.toLowerCase().replaceAll('_', '-');
  const found = WORDS.get(plain);
  if (found !== undefined) return found;
  // `HIT, MISS` of a shield and an edge: the one that the client talked to is the last.
  const last = plain.slice(plain.lastIndexOf(',') + 1).trim();
  const bare = last
    .replace(/^tcp-/, '')
    .replace(/\/\d+$/, '')
    .replace(/ /g, '-');
  return WORDS.get(bare);
}
