import type { Cache } from '../../cache/cache.ts';
import { Flag, NONE, Word } from '../../cache/entries.ts';
import { type Arena, NO_ROOM } from './arena.ts';

/** Bytes that one slice moves: a few milliseconds. */
const SLICE_BYTES = 8 * 1024 * 1024;

/** Moves records out of segments that a shrink gives back to the system, in slices. */
export class Vacating {
  readonly #cache: Cache;
  readonly #arena: Arena;
  /** Where the walk stands; NONE when nothing is to be moved. */
  #at = NONE;

  constructor(cache: Cache, arena: Arena) {
    this.#cache = cache;
    this.#arena = arena;
  }

  /** The arena has been resized: some of its segments may be doomed. */
  begin(): void {
    this.#at = 0;
  }

  /** Moves at most {@link SLICE_BYTES}, and nothing that is being read. True when there is more to do. */
  slice(): boolean {
    if (this.#at === NONE) return false;
    const { entries, claims } = this.#cache;
    let moved = 0;
    let waiting = false;
    for (; this.#at < entries.highest; this.#at += 1) {
      const slot = this.#at;
      if (!entries.used(slot) || (entries.flags(slot) & Flag.GUEST) !== 0) continue;
      if (!this.#arena.isDoomed(entries.location(slot))) continue;
      if (moved >= SLICE_BYTES) return true;
      if (entries.pins(slot) !== 0 || !claims.claim(slot)) {
        waiting = true;
        continue;
      }
      moved += this.#relocate(slot);
      claims.yield(slot);
    }
    this.#at = waiting ? 0 : NONE;
    return waiting;
  }

  #relocate(slot: number): number {
    const { entries } = this.#cache;
    const length = entries.recordBytes(slot);
    const ref = this.#arena.relocate(entries.location(slot), length);
    if (ref !== NO_ROOM) entries.set(slot, Word.LOCATION, ref);
    return length;
  }
}
