import type { RouteConfig, ValidConfig } from '../config/config.ts';
import { lifetimeRulesOf } from '../config/route-rules.ts';
import type { FreshnessRules, StaleRules } from '../http/freshness.ts';
import { hostName, type QueryRule } from '../http/target.ts';
import { createReader, type ImageReader } from '../image/reader.ts';
import type { Origin } from '../origin/origin.ts';
import type { BypassRule } from './bypass.ts';

/** Step 1: the request's host and path choose a route; the first that matches wins, in the order of the file. */

/** A route as the request path uses it. */
export interface Route extends FreshnessRules, StaleRules {
  /** The index of its counters: stays with its name as long as the node runs. */
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
  /** Methods other than GET and HEAD go to the origin. */
  readonly forwardsUnsafe: boolean;
  /** Requests that go past the cache; undefined for none. */
  readonly bypass: BypassRule | undefined;
  /** All request fields that are not dangerous are sent to the origin, also those that no key has. */
  readonly sendsAllFields: boolean;
  /** Request fields that are sent to the origin and are in the key, besides those that every route has; lower-case. */
  readonly requestFields: readonly string[];
  /** Content types of 2xx responses that are stored; undefined for all. */
  readonly storeTypes: readonly string[] | undefined;
  /** Where addresses may ask for variants. Set once, when all routes are there. */
  images: ImageRoute | undefined;
  /** Its responses are originals, of this route's variants or of another's. Set like `images`. */
  hasVariants: boolean;
}

/** What a route makes of images. */
export interface ImageRoute extends Omit<NonNullable<RouteConfig['images']>, 'rules' | 'originals'> {
  readonly reader: ImageReader;
  /** Serves the originals: the route itself, or another. */
  readonly originals: Route;
  /** Whether a path that an address names is one of the originals'; on the route itself any is. */
  readonly hasOriginal: (host: string, path: string) => boolean;
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

  /**
   * @param origins every origin that a route names; their order is their ids.
   * @param byRoute what each route asks, in the order of the routes: its origin with those to fall back on. Default: that
   * origin alone.
   * @param idOf the id of a route by its name: counters are kept by it, so it stays when the configuration changes.
   */
  constructor(
    config: Pick<ValidConfig, 'routes' | 'cache'>,
    origins: readonly Origin[],
    byRoute?: readonly Origin[],
    idOf: (name: string, position: number) => number = (_, position) => position,
  ) {
    this.#matchers = config.routes.map((rule, position) => {
      const originId = origins.findIndex((origin) => origin.name === rule.origin);
      const route: Route = {
        id: idOf(rule.name, position),
        name: rule.name,
        origin: byRoute?.[position] ?? origins[originId]!,
        originId,
        stripPrefix: rule.stripPrefix ?? '',
        caches: rule.cache,
        keyHost: rule.key.host,
        query: typeof rule.key.query === 'string' ? rule.key.query : { allow: rule.key.query },
        ...lifetimeRulesOf(rule),
        forwardsUnsafe: rule.unsafeMethods === 'forward',
        bypass: rule.bypass,
        obeyRequestDirectives: rule.obeyRequestDirectives,
        objectBytesMax: rule.maxObjectBytes ?? config.cache.memory.maxObjectBytes,
        sendsAllFields: rule.sendFields === 'all',
        requestFields: rule.requestFields,
        storeTypes: rule.storeTypes,
        images: undefined,
        hasVariants: false,
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
    for (const [position, { images }] of config.routes.entries()) {
      if (images === undefined) continue;
      const { rules, originals: name, ...rest } = images;
      const route = this.all[position]!;
      // Only now: it may be one that comes after.
      const originals = this.all.find((other) => other.name === name) ?? route;
      route.images = {
        ...rest,
        reader: createReader(rules, config.routes[position]!.stripPrefix),
        originals,
        hasOriginal: (host, path) => originals === route || this.#isOriginal(originals, host, path),
      };
      originals.hasVariants = true;
    }
  }

  /**
   * Whether a route serves a path as an original: asked for by itself it would be this route's, or that of a route of variants of its
   * originals. A path for which another route comes first is that one's, with the rules that it has.
   */
  #isOriginal(originals: Route, host: string, path: string): boolean {
    const matched = this.match(host, path);
    if (matched === originals) return true;
    const matcher = this.#matchers.find(({ route }) => route === originals)!;
    return matched?.images?.originals === originals && objection(matcher, host, path) === undefined;
  }

  /** The route of a request, or undefined. O(routes). */
  match(host: string, path: string): Route | undefined {
    for (const matcher of this.#matchers) {
      if (objection(matcher, host, path) === undefined) return matcher.route;
    }
    return undefined;
  }

  /** Every route in order, with what keeps it from serving the request; undefined for the ones that would. */
  objections(
    host: string,
    path: string,
  ): { readonly route: Route; readonly why: 'host' | 'path' | undefined }[] {
    return this.#matchers.map((matcher) => ({ route: matcher.route, why: objection(matcher, host, path) }));
  }

  /** The routes that serve some path of a host, or of any. */
  on(host: string | undefined): Route[] {
    return this.#matchers
      .filter(
        ({ hosts }) => hosts === undefined || host === undefined || hosts.some((matches) => matches(host)),
      )
      .map(({ route }) => route);
  }
}

function objection({ hosts, paths }: Matcher, host: string, path: string): 'host' | 'path' | undefined {
  if (hosts !== undefined && !hosts.some((matches) => matches(host))) return 'host';
  for (const { prefix, exact } of paths) {
    if (exact ? path === prefix : path.startsWith(prefix)) return undefined;
  }
  return 'path';
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
