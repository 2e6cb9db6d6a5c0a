import type { Fields } from '../http/fields.ts';
import { normalisePath } from '../http/target.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route, Routes } from './1-route.ts';
import { primaryKey, resourceOf } from './2-key.ts';
import type { CacheRequest } from './answer.ts';
import type { Flights } from './flights.ts';
import { forget } from './forget.ts';
import type { Purger } from './purge.ts';

/** Methods other than GET and HEAD: whether they may pass, and what their success makes of the store. */

/** Safe (RFC 9110 section 9.2.1): what it brings is no sign that anything has changed. */
function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** CONNECT and TRACE never pass: one opens tunnels, the other repeats what only the origin should see. */
export function mayForward(route: Route, method: string): boolean {
  return route.forwardsUnsafe && method !== 'CONNECT' && method !== 'TRACE';
}

/** What is needed to find and forget what a response makes invalid. */
export interface Invalidation {
  readonly tier: MemoryTier;
  readonly routes: Routes;
  readonly flights: Flights;
  readonly purger: Purger;
}

/**
 * Forgets, after a response that is no error, the target of an unsafe request and what Location and Content-Location
 * name of the same host (RFC 9111 section 4.4), with all variants, and keeps fetches under way from bringing them back.
 */
export function invalidateAfter(
  where: Invalidation,
  request: CacheRequest,
  route: Route,
  primary: string,
  status: number,
  fields: Fields,
): void {
  if (isSafe(request.method) || status < 200 || status > 399) return;
  invalidate(where, route, primary);
  for (const name of ['location', 'content-location']) {
    for (const target of sameHostTargets(request, route, fields.get(name))) {
      const path = normalisePath(target);
      const other = path === undefined ? undefined : where.routes.match(request.host, path.path);
      if (path === undefined || other === undefined) continue;
      invalidate(where, other, primaryKey(other, request.host, resourceOf(other, path)));
    }
  }
}

/**
 * What the origin chooses by request fields goes with the entry that names it: the keys hang on its generation. What is made
 * here of an original has keys of its own, and is purged. O(1).
 */
function invalidate({ tier, flights, purger }: Invalidation, route: Route, primary: string): void {
  flights.invalidate(primary);
  forget(tier, primary, 'invalidated');
  if (route.hasVariants) purger.carryOut({ kind: 'url', key: primary }, false);
}

/**
 * The paths that a reference names here. A route that strips a prefix has two: the origin may speak of its own
 * paths or of those that clients see.
 */
function sameHostTargets(request: CacheRequest, route: Route, reference: string | undefined): string[] {
  if (reference === undefined || reference === '') return [];
  const absolute = /^(?:https?:)?\/\/([^/?#]*)([^#]*)/i.exec(reference);
  if (absolute !== null && absolute[1]!.toLowerCase() !== request.host) return [];
  if (absolute === null && /^[a-z][a-z0-9+.-]*:/i.test(reference)) return [];
  const written = (absolute === null ? reference : absolute[2]!).replace(/#.*$/, '');
  const target = request.target.replace(/\?.*$/, '');
  const path =
    written === '' || written.startsWith('?')
      ? `${absolute === null ? target : '/'}${written}`
      : written.startsWith('/')
        ? written
        : target.replace(/[^/]*$/, written);
  return route.stripPrefix === '' ? [path] : [path, `${route.stripPrefix}${path}`];
}
