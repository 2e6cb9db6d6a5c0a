import { NONE } from '../../cache/entries.ts';
import type { SimulatedNode } from '../plan.ts';
import type { Asked } from './asked.ts';
import { Events } from './events.ts';
import type { KeyRows } from './key-rows.ts';
import { type Originals, SimulatedPath } from './path.ts';
import { Tally } from './tally.ts';
import type { TierCounts } from './tier-stats.ts';
import { SimulatedTiers, type TierScale } from './tiers.ts';

/** What the nodes of a replay have in common. */
export interface RunParts extends TierScale {
  readonly keys: KeyRows;
  /** Its word in the rows of the keys. */
  readonly word: number;
  readonly originals: Originals;
  readonly countFromMs: number;
}

/** One simulated node on its way through a record. */
export class NodeRun {
  readonly node: SimulatedNode;
  readonly tiers: SimulatedTiers;
  readonly path: SimulatedPath;
  readonly tally: Tally;
  /** Counters of the tiers when counting began. */
  memoryBefore: TierCounts;
  diskBefore: TierCounts | undefined;
  readonly #events = new Events();
  readonly #pinned: boolean[] = [];
  #isCounting = false;

  constructor(node: SimulatedNode, parts: RunParts) {
    this.node = node;
    const events = this.#events;
    const note = (name: 'evictions' | 'prematureEvictions' | 'refusals') => () => {
      if (this.#isCounting) this.tally.inMinute(name, events.nowMs(), 1);
    };
    this.tiers = new SimulatedTiers(node, events, parts, this.#pinned, {
      evicted: note('evictions'),
      premature: note('prematureEvictions'),
      refused: note('refusals'),
    });
    const { tiers } = this;
    this.tally = new Tally(parts.countFromMs, () => ({
      memory: tiers.cache.usedBytes,
      disk: tiers.disk?.levels.usedBytes ?? 0,
    }));
    const { keys, word, originals } = parts;
    // Queues cannot be told from a sample.
    const origins = parts.rate < 1 ? new Map() : node.origins;
    this.path = new SimulatedPath({ origins, events, tiers, tally: this.tally, keys, word, originals });
    this.memoryBefore = tiers.counts;
    this.diskBefore = tiers.disk?.counts;
  }

  /** A route appears in the record; they are numbered in this order. */
  addRoute(name: string): void {
    const route = this.node.routes.get(name) ?? this.node.otherRoute;
    this.#pinned.push(route.pinned && route.caches);
    this.tiers.cache.account.grow(this.#pinned.length);
    this.path.addRoute(route);
    this.tally.addRoute();
  }

  /** Sets the clock, without anything being due. */
  set(nowMs: number): void {
    this.#events.advance(nowMs);
  }

  /** The first request is about to come. */
  start(nowMs: number): void {
    this.set(nowMs);
    this.tiers.start(nowMs);
  }

  /** From now on it counts. */
  count(nowMs: number): void {
    this.set(nowMs);
    this.#isCounting = true;
    this.path.count();
    this.tiers.stats.count();
    this.tiers.disk?.stats.count();
    this.memoryBefore = this.tiers.counts;
    this.diskBefore = this.tiers.disk?.counts;
  }

  /** As {@link KeyRows.touch}, for what the look-ups of some requests read. */
  touch(some: readonly Asked[], count: number): number {
    const { entries } = this.tiers.cache;
    let sum = 0;
    for (let at = 0; at < count; at += 1) sum += entries.first(some[at]!);
    for (let at = 0; at < count; at += 1) {
      const slot = entries.first(some[at]!);
      if (slot !== NONE) sum += entries.flags(slot);
    }
    return sum;
  }

  request(asked: Asked): void {
    this.#events.advance(asked.atMs);
    this.path.request(asked);
  }

  /** No more requests come: what is under way lands. @param toMs when the record ends. */
  finish(toMs: number): void {
    this.set(toMs);
    this.#events.finish();
    this.tally.close(toMs);
  }
}
