import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { type Ghost, Ghosts } from './ghosts.ts';

/** The naive form: an array of places, written round and round. */
class Model {
  readonly places: ({ key: number; ghost: Ghost; order: number } | undefined)[];
  #cursor = 0;
  #order = 0;

  constructor(capacity: number) {
    this.places = new Array(capacity).fill(undefined);
  }

  add(key: number, ghost: Ghost): void {
    this.#order += 1;
    this.places[this.#cursor] = { key, ghost, order: this.#order };
    this.#cursor = (this.#cursor + 1) % this.places.length;
  }

  take(key: number): Ghost | undefined {
    const mine = this.places.filter((place) => place?.key === key).sort((a, b) => b!.order - a!.order);
    if (mine[0] === undefined) return undefined;
    this.places[this.places.indexOf(mine[0])] = undefined;
    return mine[0].ghost;
  }

  get count(): number {
    return this.places.filter((place) => place !== undefined).length;
  }
}

test.each([1, 2, 7, 64, 100])(
  '%i places equal the naive ring, also for hashes that agree in one half',
  (capacity) => {
    const random = seededRandom(capacity);
    const ghosts = new Ghosts(capacity);
    const model = new Model(capacity);
    const halves = (key: number): { lo: number; hi: number } => ({ lo: key % 5, hi: Math.floor(key / 5) });
    for (let i = 0; i < 20_000; i += 1) {
      const key = random.u32() % (capacity * 2);
      const { lo, hi } = halves(key);
      if (random.u32() % 3 > 0) {
        const ghost = {
          usableUntilS: random.u32(),
          sizeBytes: random.u32(),
          route: random.u32() % 1000,
        };
        ghosts.add(lo, hi, ghost);
        model.add(key, ghost);
      } else {
        expect(ghosts.take({ lo, hi })).toEqual(model.take(key)!);
      }
      expect(ghosts.count).toBe(model.count);
    }
  },
);

test('without places nothing is remembered', () => {
  const ghosts = new Ghosts(0);
  ghosts.add(1, 2, { usableUntilS: 1, sizeBytes: 1, route: 0 });
  expect([ghosts.count, ghosts.take({ lo: 1, hi: 2 })]).toEqual([0, undefined]);
});
