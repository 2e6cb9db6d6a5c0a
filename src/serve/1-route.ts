import type { ValidConfig } from '../config/config.ts';
import type { FreshnessRules, StaleRules } from '../http/freshness.ts';
import { hostName, type QueryRule } from '../http/target.ts';
import type { Origin } from '../origin/origin.ts';

/** Step 1: the request's host and path choose a route; the first that matches wins, in the order of the file. */

/** A route as the request path uses it. */
export interface Route extends FreshnessRules, StaleRules {
  /** Position in the configuration: the index of its counters. */
  readonly id: number;
  readonly name: string;
  readonly origin: Origin;
  readonly originId: number;
  /** Removed from the path before the origin is asked; empty for none. */
  readonly stripPrefix: string;
  readonly caches: boolean;
  readonly keyHost: boolean;
  readonly query: QueryRule;
  readonly obeyRequestDirectives: boolean;
  readonly objectBytesMax: number;
}

interface Matcher {
  readonly route: Route;
  readonly hosts: readonly ((host: string) => boolean)[] | undefined;
  readonly paths: readonly { readonly prefix: string; readonly exact: boolean }[];
}

/** The routes of one configuration, ready for matching. */
export class Routes {
  readonly all: readonly Route[];
  readonly #matchers: readonly Matcher[];

  /** @param origins every origin that a route names; their order is their ids. */
  constructor(config: Pick<ValidConfig, 'routes' | 'cache'>, origins: readonly Origin[]) {
    this.#matchers = config.routes.map((rule, id) => {
      const originId = origins.findIndex((origin) => origin.name === rule.origin);
      const route: Route = {
        id,
        name: rule.name,
        origin: origins[originId]!,
        originId,
        stripPrefix: rule.stripPrefix ?? '',
        caches: rule.cache,
        keyHost: rule.key.host,
        query: typeof rule.key.query === 'string' ? rule.key.query : { allow: rule.key.query },
        defaultTtlS: rule.ttl.defaultS,
        fallbackTtlS: 3_600,
        minTtlS: rule.ttl.minS,
        overrideTtlS: rule.ttl.overrideS,
        negativeTtlS: rule.ttl.negativeS,
        heuristicFraction: 0.1,
        heuristicMaxS: 86_400,
        staleWhileRevalidateS: rule.stale.whileRevalidateS,
        staleIfErrorS: rule.stale.ifErrorS,
        obeyRequestDirectives: rule.obeyRequestDirectives,
        objectBytesMax: rule.maxObjectBytes ?? config.cache.memory.maxObjectBytes,
      };
      const { hosts, paths } = rule.match;
      return {
        route,
        hosts: hosts.includes('*') ? undefined : hosts.map(hostMatcher),
        paths: paths.map((path) =>
          path.endsWith('*') ? { prefix: path.slice(0, -1), exact: false } : { prefix: path, exact: true },
        ),
      };
    });
    this.all = this.#matchers.map((matcher) => matcher.route);
  }

  /** The route of a request, or undefined. O(routes). */
  match(host: string, path: string): Route | undefined {
    for (const { route, hosts, paths } of this.#matchers) {
      if (hosts !== undefined && !hosts.some((matches) => matches(host))) continue;
      for (const { prefix, exact } of paths) {
        if (exact ? path === prefix : path.startsWith(prefix)) return route;
      }
    }
    return undefined;
  }
}

/** `img.example.com` matches that host on any port, `*.example.com` every host below it. */
function hostMatcher(pattern: string): (host: string) => boolean {
  const name = pattern.toLowerCase();
  if (name.startsWith('*.')) {
    const suffix = name.slice(1);
    return (host) => hostName(host).endsWith(suffix);
  }
  return (host) => host === name || hostName(host) === name;
}
