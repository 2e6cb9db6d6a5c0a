import { hostName, normalisePath, type Target } from '../http/target.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Routes } from './1-route.ts';
import { primaryKey, resourceOf } from './2-key.ts';
import type { Flights } from './flights.ts';

/**
 * What to forget: one URL as clients ask for it, absolute or from its path on, with all its variants; or all of a route.
 */
export type PurgeTarget = { readonly url: string } | { readonly route: string };

/**
 * Removes what matches from the tier, and keeps fetches under way from bringing it back. O(entries): it reads every key.
 *
 * @returns how many responses that were; undefined when no route serves the target.
 */
export function purge(
  tier: MemoryTier,
  routes: Routes,
  target: PurgeTarget,
  flights: Flights,
): number | undefined {
  const matches = 'url' in target ? matchUrl(routes, target.url) : matchRoute(routes, target.route);
  if (matches === undefined) return undefined;
  flights.purge(matches);
  let purged = 0;
  for (const slot of [...tier.cache.entries.slots()]) {
    if (!tier.cache.visible(slot) || !matches(tier.keyText(slot))) continue;
    tier.cache.remove(slot, 'purged');
    purged += 1;
  }
  return purged;
}

function matchUrl(routes: Routes, text: string): ((key: string) => boolean) | undefined {
  const url = splitUrl(text);
  if (url === undefined) return undefined;
  const { host, target } = url;
  const route = routes.match(host, target.path);
  if (route === undefined) return undefined;
  const primary = primaryKey(route, host, resourceOf(route, target));
  return (key) => key === primary || key.startsWith(`${primary} `);
}

/** `http://user@host:port/path?query#fragment`, or from the path on. */
const HTTP_URL = /^(?:https?:\/\/(?:[^/?#]*@)?([^/?#@]*))?([^?#]*)(\?[^#]*)?(?:#.*)?$/is;

/**
 * Host and target of a URL. Split by hand: `URL` spells some characters in another way than clients send them, `'` in
 * queries and `\` for two, and the key is made of what clients send.
 */
function splitUrl(text: string): { readonly host: string; readonly target: Target } | undefined {
  const parts = HTTP_URL.exec(text.trim());
  if (parts === null) return undefined;
  const [, authority, path = '', query = ''] = parts;
  const written = `${authority !== undefined && path === '' ? '/' : path}${query}`;
  // What people write and browsers encode before they send it.
  const sent = written.toWellFormed().replace(/[ \x80-\u{10ffff}]+/gu, encodeURIComponent);
  const target = normalisePath(sent);
  const host = hostOf(authority ?? 'localhost');
  return target === undefined || host === undefined ? undefined : { host, target };
}

/** An international name counts in the form in which it is sent. */
function hostOf(authority: string): string | undefined {
  const sent = /[^\x00-\x7f]/.test(authority) ? URL.parse(`http://${authority}`)?.host : authority;
  return sent === undefined ? undefined : hostName(sent);
}

function matchRoute(routes: Routes, name: string): ((key: string) => boolean) | undefined {
  if (!routes.all.some((route) => route.name === name)) return undefined;
  return (key) => key.startsWith(`${name} `);
}
