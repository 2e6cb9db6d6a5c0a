import { normalisePath } from '../http/target.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Routes } from './1-route.ts';
import { primaryKey, resourceOf } from './2-key.ts';
import type { Flights } from './flights.ts';

/** What to forget: one URL as clients ask for it, with all its variants, or all of a route. */
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
  const url = URL.parse(text, 'http://localhost');
  const target = url === null ? undefined : normalisePath(`${url.pathname}${url.search}`);
  if (url === null || target === undefined) return undefined;
  const route = routes.match(url.host, target.path);
  if (route === undefined) return undefined;
  const primary = primaryKey(route, url.host, resourceOf(route, target));
  return (key) => key === primary || key.startsWith(`${primary} `);
}

function matchRoute(routes: Routes, name: string): ((key: string) => boolean) | undefined {
  if (!routes.all.some((route) => route.name === name)) return undefined;
  return (key) => key.startsWith(`${name} `);
}
