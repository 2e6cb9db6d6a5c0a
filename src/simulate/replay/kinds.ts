import { assert } from '../../base/assert.ts';
import type { NotStoredReason } from '../../cache/outcome.ts';
import { type ServedKind, servedKind, type TrafficBatch } from '../../traffic/batch.ts';
import { VARIANT_MARK } from './key-rows.ts';

/** A recorded kind of request, with what it comes to in a replay. One object for each. */
export interface Kind {
  readonly id: number;
  /** Number of its route, in the order in which routes appear. */
  readonly route: number;
  /** Status of the origin's response; 200 where there was none. */
  readonly status: number;
  readonly isVariant: boolean;
  readonly isInternal: boolean;
  /** The node answered it by itself: no request for an image. */
  readonly isRefused: boolean;
  /** It went past the cache for a reason that lies in the request. */
  readonly bypasses: boolean;
  /** Nothing came from the origin, unless its life says what it stated. */
  readonly failed: boolean;
  /** Served stale: if an origin was waited for, it failed. */
  readonly stale: boolean;
  /** Why its response is not to be stored, whatever the route says; undefined when the route decides. */
  readonly reason: NotStoredReason | undefined;
}

/** Reasons that lie in request or response, and not in what a route or a tier allows. */
const FIXED: ReadonlySet<NotStoredReason | ''> = new Set<NotStoredReason>([
  'method',
  'no-store',
  'private',
  'authorization',
  'vary-star',
  'set-cookie',
  'range',
  'unframed',
  'truncated',
  'type',
  'rule',
  'fallback',
]);

/** Why its response is not to be stored, whatever the route says; undefined when the route decides. */
export function fixedReason({ notStored }: ServedKind): NotStoredReason | undefined {
  return notStored !== '' && FIXED.has(notStored) ? notStored : undefined;
}

/** What a batch does not say by itself: the kinds and routes of a whole record, numbered. */
export class Kinds {
  /** By number. */
  readonly routes: string[] = [];
  readonly all: Kind[] = [];
  readonly #byRecorded = new Map<ServedKind, Kind>();
  readonly #routeIds = new Map<string, number>();
  readonly #onRoute: (name: string) => void;

  /** @param onRoute told of each new route, in the order of their numbers. */
  constructor(onRoute: (name: string) => void) {
    this.#onRoute = onRoute;
  }

  /** The kinds of a batch, in the order of its table. O(table). */
  of(batch: TrafficBatch): Kind[] {
    return batch.kindTable.map((recorded) => this.#byRecorded.get(recorded) ?? this.#add(recorded));
  }

  /** The number of a route, which gets one if it has none. */
  route(name: string): number {
    const known = this.#routeIds.get(name);
    if (known !== undefined) return known;
    const id = this.routes.push(name) - 1;
    this.#routeIds.set(name, id);
    this.#onRoute(name);
    return id;
  }

  /** As an original that was never seen is taken for. */
  original(of: Kind): Kind {
    const route = this.routes[of.route]!;
    const known = this.all.find(
      (kind) => kind.route === of.route && !kind.isVariant && kind.status === 200 && kind.isInternal,
    );
    return known ?? this.#add(servedKind(route, { internal: true }));
  }

  #add(recorded: ServedKind): Kind {
    const { status, outcome, notStored, variant, internal } = recorded;
    const id = this.all.length;
    assert(id < VARIANT_MARK - 1, 'a record has fewer than 32,767 kinds of requests');
    const kind: Kind = {
      id,
      route: this.route(recorded.route),
      status: status === 0 ? 200 : status,
      isVariant: variant,
      isInternal: internal,
      isRefused: outcome === 'refused',
      bypasses: outcome === 'bypass' && notStored !== 'route',
      failed: outcome === 'failed',
      stale: outcome === 'stale',
      reason: fixedReason(recorded),
    };
    this.all.push(kind);
    this.#byRecorded.set(recorded, kind);
    return kind;
  }
}
