import { describe, expect, test } from 'bun:test';
import { InternalFault } from '../../base/assert.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { Arena, type ArenaOptions, NO_ROOM } from './arena.ts';
import type { Ref } from './arena-reader.ts';

/** An arena beside the naive form of it: a map from reference to bytes. Every operation is checked against the map. */
class Model {
  readonly arena: Arena;
  readonly live = new Map<Ref, Uint8Array<ArrayBuffer>>();
  readonly #random: Random;

  constructor(options: ArenaOptions, random: Random) {
    this.arena = new Arena(options);
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** Any live reference. At least one must be live. */
  any(): Ref {
    return [...this.live.keys()][this.below(this.live.size)]!;
  }

  /** Allocates and fills; false when there was no room. Fails the test unless there was room exactly when there should be. */
  add(bytes: number): boolean {
    const { arena } = this;
    const fits = arena.usedBytes + arena.costBytes(bytes) <= arena.capacityBytes;
    const ref = arena.allocate(bytes);
    expect(ref !== NO_ROOM).toBe(fits);
    if (ref === NO_ROOM) return false;
    expect(this.live.has(ref)).toBe(false);
    const content = new Uint8Array(bytes).map(() => this.below(256));
    arena.write(ref, 0, content);
    this.live.set(ref, content);
    return true;
  }

  remove(ref: Ref): void {
    this.arena.free(ref, this.live.get(ref)!.length);
    this.live.delete(ref);
  }

  overwrite(ref: Ref): void {
    const content = this.live.get(ref)!;
    const offset = this.below(content.length);
    const piece = new Uint8Array(this.below(content.length - offset + 1)).fill(this.below(256));
    this.arena.write(ref, offset, piece);
    content.set(piece, offset);
  }

  /** Reads and compares a random part of one record in every way there is. */
  inspect(ref: Ref): void {
    const { arena } = this;
    const content = this.live.get(ref)!;
    const offset = this.below(content.length + 1);
    const at = this.below(4);
    const into = new Uint8Array(at + this.below(content.length + 4)).fill(0xee);
    const copied = arena.read(ref, content.length, offset, into, at);
    expect(copied).toBe(Math.max(0, Math.min(content.length - offset, into.length - at)));
    expect(into.subarray(0, at)).toEqual(new Uint8Array(Math.min(at, into.length)).fill(0xee));
    expect(into.subarray(at, at + copied)).toEqual(content.subarray(offset, offset + copied));
    expect(into.subarray(at + copied).every((byte) => byte === 0xee)).toBe(true);

    const other = content.slice(offset);
    expect(arena.equals(ref, content.length, offset, other, other.length)).toBe(true);
    expect(
      arena.equals(ref, content.length, offset, new Uint8Array(content.length + 1), other.length + 1),
    ).toBe(false);
    if (other.length === 0) return;
    const wrong = this.below(other.length);
    other[wrong] = other[wrong]! ^ 1;
    expect(arena.equals(ref, content.length, offset, other, other.length)).toBe(false);
    expect(arena.equals(ref, content.length, offset, other, wrong)).toBe(true);
  }

  relocate(ref: Ref): Ref {
    const content = this.live.get(ref)!;
    const moved = this.arena.relocate(ref, content.length);
    if (moved === NO_ROOM) return NO_ROOM;
    this.live.delete(ref);
    expect(this.live.has(moved)).toBe(false);
    this.live.set(moved, content);
    return moved;
  }

  /** Every byte of every record, every counter, and the recount. */
  verify(): void {
    const { arena } = this;
    let cost = 0;
    for (const [ref, content] of this.live) {
      const read = new Uint8Array(content.length);
      expect(arena.read(ref, content.length, 0, read, 0)).toBe(content.length);
      expect(Buffer.compare(read, content)).toBe(0);
      const view = arena.contiguous(ref, content.length);
      if (view !== undefined) expect(Buffer.compare(view, content)).toBe(0);
      cost += arena.costBytes(content.length);
    }
    expect(arena.usedBytes).toBe(cost);
    expect(arena.freeBytes).toBe(Math.max(0, arena.capacityBytes - cost));
    arena.check([...this.live].map(([ref, content]) => [ref, content.length] as const));
  }
}

/** Small arenas of all shapes: many segments, few, one, and such as hold a single block. */
const SHAPES = [
  { blockBytes: 256, segmentBytes: 4096, capacityBytes: 264 * 100 },
  { blockBytes: 32, segmentBytes: 256, capacityBytes: 33 * 150 + 17 },
  { blockBytes: 32, segmentBytes: 8192, capacityBytes: 33 * 200 },
  { blockBytes: 64, segmentBytes: 64, capacityBytes: 66 * 40 },
  { blockBytes: 32, segmentBytes: 32 * 64, capacityBytes: 33 * 600 },
];

/** From one byte to three segments, mostly small. */
function length(model: Model): number {
  const { blockBytes, segmentBytes } = model.arena;
  const kind = model.below(8);
  if (kind === 0) return 1 + model.below(3 * segmentBytes);
  if (kind === 1) return blockBytes * (1 + model.below(4));
  return 1 + model.below(kind * blockBytes);
}

describe('against a map of records', () => {
  for (const [number, shape] of SHAPES.entries()) {
    for (const seed of [1, 2, 3, 4, 5]) {
      test(`shape ${number}, seed ${seed}: room exactly when there are blocks, contents right, nothing lost`, () => {
        const model = new Model(shape, seededRandom(seed * 100 + number));
        let refusals = 0;
        for (let step = 0; step < 600; step++) {
          // Frees only when full, for the most part, so that almost every step works in a full arena.
          if (!model.add(length(model))) {
            refusals += 1;
            for (let n = model.below(4); n >= 0 && model.live.size > 0; n--) model.remove(model.any());
          }
          if (model.live.size > 0) {
            model.overwrite(model.any());
            model.inspect(model.any());
          }
          model.verify();
          expect(model.arena.heldBytes).toBeLessThanOrEqual(model.arena.capacityBytes);
        }
        expect(refusals).toBeGreaterThan(50);
        expect(model.arena.chainedAllocations).toBeGreaterThan(5);
        for (const ref of model.live.keys()) model.remove(ref);
        model.verify();
        expect(model.arena.extents).toBe(0);
      });
    }
  }

  test('free blocks merge back into whole segments', () => {
    const random = seededRandom(7);
    const segments = 6;
    // The reserve of six segments is less than one, so that each of them must be whole again for the last line.
    const model = new Model(
      { blockBytes: 32, segmentBytes: 1024, capacityBytes: segments * 32 * 33 },
      random,
    );
    for (let step = 0; step < 400; step++) if (!model.add(length(model))) model.remove(model.any());
    for (const ref of model.live.keys()) model.remove(ref);
    const chainedBefore = model.arena.chainedAllocations;
    for (let n = 0; n < segments; n++) expect(model.add(1024)).toBe(true);
    expect(model.add(1)).toBe(false);
    expect(model.arena.chainedAllocations).toBe(chainedBefore);
  });
});

describe('placement', () => {
  test('a run that is long enough is found behind a shorter one of its size class', () => {
    const arena = new Arena({ capacityBytes: 264 * 256, segmentBytes: 2 ** 16 });
    const [longer, , shorter] = [101, 1, 100, 54].map((blocks) => arena.allocate(256 * blocks));
    arena.free(longer!, 256 * 101);
    arena.free(shorter!, 256 * 100);
    expect(arena.allocate(256 * 101)).toBe(longer!);
    expect(arena.allocate(256 * 100)).toBe(shorter!);
  });

  test('a new segment is preferred to several extents, and these to nothing', () => {
    const arena = new Arena({ capacityBytes: 264 * 48, segmentBytes: 4096 });
    const refs = [10, 10, 12].map((blocks) => arena.allocate(256 * blocks));
    expect(refs.map((ref, i) => arena.contiguous(ref, 256 * [10, 10, 12][i]!) !== undefined)).toEqual([
      true,
      true,
      true,
    ]);
    const last = arena.allocate(256 * 16);
    expect(arena.contiguous(last, 256 * 16)).toBeUndefined();
    expect([arena.chainedAllocations, arena.extents, arena.freeBytes]).toEqual([1, 3, 0]);
  });
});

describe('budget', () => {
  test('a record is charged its blocks and 1/32, whatever the arena looks like', () => {
    const arena = new Arena({ capacityBytes: 2 ** 20 });
    expect([1, 256, 257, 512, 100_000].map((bytes) => arena.costBytes(bytes))).toEqual([
      264, 264, 528, 528, 103_224,
    ]);
  });

  test('memory is taken when it is needed, and only what the capacity allows', () => {
    const made: number[] = [];
    const allocateBuffer = (sizeBytes: number) => {
      made.push(sizeBytes);
      return new SharedArrayBuffer(sizeBytes);
    };
    const arena = new Arena({ capacityBytes: 264 * 24, segmentBytes: 4096, allocateBuffer });
    expect([made, arena.heldBytes]).toEqual([[], 0]);
    arena.allocate(4000);
    expect([made, arena.heldBytes]).toEqual([[4096], 4096]);
    arena.allocate(256 * 8);
    expect(made).toEqual([4096, 4096]);
    expect(arena.heldBytes).toBe(256 * 24);
    expect([arena.freeBytes, arena.allocate(1)]).toEqual([0, NO_ROOM]);
  });

  test('an arena that is always full, freed at random, stays within its capacity, and few records are scattered', () => {
    const random = seededRandom(3);
    const arena = new Arena({ capacityBytes: 32 * 2 ** 20, segmentBytes: 2 ** 20 });
    const live: { ref: Ref; bytes: number }[] = [];
    for (let step = 0; step < 40_000; step++) {
      const bytes = Math.floor(500 * 64 ** random.next());
      while (arena.costBytes(bytes) > arena.freeBytes) {
        const victim = Math.floor(random.next() * live.length);
        const { ref, bytes: length } = live[victim]!;
        arena.free(ref, length);
        live[victim] = live.at(-1)!;
        live.pop();
      }
      live.push({ ref: arena.allocate(bytes), bytes });
    }
    arena.check(live.map(({ ref, bytes }) => [ref, bytes] as const));
    expect(arena.usedBytes / arena.capacityBytes).toBeGreaterThan(0.998);
    expect(arena.heldBytes + arena.overheadBytes).toBeLessThanOrEqual(arena.capacityBytes);
    expect(arena.chainedAllocations / arena.allocations).toBeLessThan(0.15);
  });

  test('when the system has no memory, what is held is used up, in pieces if need be, and it is asked again', () => {
    let left = 2;
    const allocateBuffer = (sizeBytes: number) => {
      if (left === 0) throw new RangeError('Out of memory');
      left -= 1;
      return new SharedArrayBuffer(sizeBytes);
    };
    const arena = new Arena({ capacityBytes: 264 * 64, segmentBytes: 4096, allocateBuffer });
    const a = arena.allocate(256 * 10);
    const b = arena.allocate(256 * 10);
    expect([a, b]).not.toContain(NO_ROOM);
    const c = arena.allocate(256 * 12);
    expect(c).not.toBe(NO_ROOM);
    expect(arena.contiguous(c, 256 * 12)).toBeUndefined();
    expect(arena.allocate(1)).toBe(NO_ROOM);
    expect(arena.refusedSegments).toBeGreaterThan(0);
    arena.check([a, b, c].map((ref, i) => [ref, 256 * [10, 10, 12][i]!] as const));
    left = 1;
    expect(arena.allocate(1)).not.toBe(NO_ROOM);
  });

  test('another failure than want of memory is not taken for it', () => {
    const allocateBuffer = () => {
      throw new TypeError('broken');
    };
    const arena = new Arena({ capacityBytes: 2 ** 20, allocateBuffer });
    expect(() => arena.allocate(1)).toThrow('broken');
  });
});

describe('resize', () => {
  /** Moves everything out of doomed segments, as an owner does in slices. */
  function vacate(model: Model): void {
    for (const ref of [...model.live.keys()]) {
      if (!model.arena.isDoomed(ref)) continue;
      const moved = model.relocate(ref);
      expect(moved).not.toBe(NO_ROOM);
      expect(model.arena.isDoomed(moved)).toBe(false);
    }
  }

  for (const [number, shape] of SHAPES.entries()) {
    if (shape.capacityBytes < shape.segmentBytes) continue;
    test(`shape ${number}: through random resizes no record is lost, and a full arena can be vacated`, () => {
      const model = new Model(shape, seededRandom(500 + number));
      const { arena } = model;
      let shrunk = 0;
      for (let round = 0; round < 60; round++) {
        while (model.add(length(model)));
        const target = model.below(shape.capacityBytes * 1.5);
        const heldBefore = arena.heldBytes;
        arena.resize(target);
        expect(arena.capacityBytes).toBe(target);
        model.verify();
        while (arena.usedBytes > target) model.remove(model.any());
        model.verify();
        // Sometimes the next resize comes before the segments are empty.
        if (model.below(3) > 0) {
          vacate(model);
          model.verify();
          expect(arena.doomedBytes).toBe(0);
          expect(arena.heldBytes).toBeLessThan(target + arena.segmentBytes);
          if (arena.heldBytes < heldBefore) shrunk += 1;
        }
        for (let n = 0; n < 10; n++)
          if (!model.add(length(model)) && model.live.size > 0) model.remove(model.any());
        model.verify();
      }
      expect(shrunk).toBeGreaterThan(5);
    });
  }

  test('allocation avoids doomed segments, and a record that does not lie in one is not moved', () => {
    const arena = new Arena({ capacityBytes: 264 * 64, segmentBytes: 4096 });
    const [a, b, c, hole1, d, hole2, e] = [16, 16, 8, 8, 2, 3, 2].map((blocks) =>
      arena.allocate(256 * blocks),
    );
    arena.free(hole1!, 256 * 8);
    arena.free(hole2!, 256 * 3);
    arena.resize(264 * 46);
    expect([a, b, c, d, e].map((ref) => arena.isDoomed(ref!))).toEqual([false, false, false, true, true]);
    // The hole of three blocks would be the best fit, but it is in the segment that is to go.
    const added = arena.allocate(256 * 2);
    expect(arena.isDoomed(added)).toBe(false);
    expect(arena.freeBytes).toBe(0);
    expect(arena.relocate(a!, 256 * 16)).toBe(a!);
    const moved = [d!, e!].map((ref) => arena.relocate(ref, 512));
    expect(arena.heldBytes).toBe(256 * 48);
    const records = [a!, b!, c!, added, ...moved].map(
      (ref, i) => [ref, 256 * [16, 16, 8, 2, 2, 2][i]!] as const,
    );
    arena.check(records);
  });

  test('while more is used than the capacity, nothing is allocated, and a record without a place stays where it is', () => {
    const arena = new Arena({ capacityBytes: 264 * 32, segmentBytes: 4096 });
    const a = arena.allocate(4096);
    const b = arena.allocate(4096);
    arena.resize(264 * 16);
    const doomed = arena.isDoomed(a) ? a : b;
    expect([arena.freeBytes, arena.allocate(1), arena.doomedBytes]).toEqual([0, NO_ROOM, 4096]);
    expect(arena.relocate(doomed, 4096)).toBe(NO_ROOM);
    expect(arena.heldBytes).toBe(8192);
    arena.free(doomed, 4096);
    expect([arena.heldBytes, arena.doomedBytes]).toEqual([4096, 0]);
    arena.check([[doomed === a ? b : a, 4096]]);
  });

  test('growing spares what a shrink had doomed', () => {
    const arena = new Arena({ capacityBytes: 264 * 64, segmentBytes: 4096 });
    const refs = [1, 2, 3, 4].map(() => arena.allocate(4000));
    arena.resize(264 * 16);
    expect(refs.filter((ref) => arena.isDoomed(ref))).toHaveLength(3);
    arena.resize(264 * 64);
    expect(refs.filter((ref) => arena.isDoomed(ref))).toHaveLength(0);
    arena.check(refs.map((ref) => [ref, 4000] as const));
  });
});

describe('faults and bounds', () => {
  test('options out of bounds are refused, and say which and why', () => {
    const make = (options: ArenaOptions) => () => new Arena(options);
    expect(make({ capacityBytes: -1 })).toThrow(
      'memory arena: capacityBytes must be 0 to 283467841536, got -1',
    );
    expect(make({ capacityBytes: Number.NaN })).toThrow('got NaN');
    expect(make({ capacityBytes: 2 ** 39 })).toThrow('larger blocks than 256 bytes allow more');
    expect(make({ capacityBytes: 1, blockBytes: 300 })).toThrow(
      'blockBytes must be a power of two from 32 to 1048576',
    );
    expect(make({ capacityBytes: 1, segmentBytes: 128 })).toThrow(
      'segmentBytes must be a power of two from 256',
    );
    expect(make({ capacityBytes: 1, segmentBytes: 2 ** 31 })).toThrow(RangeError);
  });

  test('a capacity that is refused changes nothing', () => {
    const arena = new Arena({ capacityBytes: 264 });
    expect(() => arena.resize(Number.POSITIVE_INFINITY)).toThrow(RangeError);
    expect(arena.capacityBytes).toBe(264);
  });

  test('a second free, a wrong length and a write past the end are faults', () => {
    const arena = new Arena({ capacityBytes: 264 * 20, segmentBytes: 4096 });
    const chained = arena.allocate(4096 + 300);
    const plain = arena.allocate(100);
    expect(() => arena.allocate(0)).toThrow(InternalFault);
    expect(() => arena.free(chained, 4096)).toThrow(InternalFault);
    expect(() => arena.write(chained, 4096, new Uint8Array(600))).toThrow(InternalFault);
    expect(() => arena.write(plain, 200, new Uint8Array(100))).toThrow(InternalFault);
    arena.check([
      [chained, 4396],
      [plain, 100],
    ]);
    arena.free(plain, 100);
    expect(() => arena.free(plain, 100)).toThrow(InternalFault);
  });
});
