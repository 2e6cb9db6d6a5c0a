import { hostName, selectQuery, type Target } from '../http/target.ts';
import type { Route } from './1-route.ts';

/**
 * Step 2: the key. It is made of exactly what is sent to the origin: the normalised path and the selected query,
 * so no part of a request that could change the origin's answer is left out of it.
 *
 * A space parts the members; none of them can contain one.
 */

/** The resource: normalised path and selected query, in origin-form. */
export function resourceOf(route: Route, target: Target): string {
  if (target.query === '') return target.path;
  const query = selectQuery(target.query, route.query);
  return query === '' ? target.path : `${target.path}?${query}`;
}

/** Primary key (RFC 9111 section 2): the same for all variants of a resource. */
export function primaryKey(route: Route, host: string, resource: string): string {
  return route.keyHost ? `${route.name} ${hostName(host)} ${resource}` : `${route.name} ${resource}`;
}

/** What the origin is asked for. */
export function upstreamTarget(route: Route, resource: string): string {
  if (route.stripPrefix === '' || !resource.startsWith(route.stripPrefix)) return resource;
  const rest = resource.slice(route.stripPrefix.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
