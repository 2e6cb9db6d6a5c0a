import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { GhostQueue } from './ghost.ts';

/** Naive: an array, oldest first. */
class Remembered {
  list: { fingerprint: number; sizeBytes: number }[] = [];
  capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  bytes(): number {
    return this.list.reduce((total, g) => total + g.sizeBytes, 0);
  }

  push(fingerprint: number, sizeBytes: number, maxCount: number): void {
    if (sizeBytes > this.capacity || this.list.some((g) => g.fingerprint === fingerprint)) return;
    while (this.bytes() + sizeBytes > this.capacity || this.list.length >= maxCount) this.list.shift();
    this.list.push({ fingerprint, sizeBytes });
  }

  take(fingerprint: number): boolean {
    const at = this.list.findIndex((g) => g.fingerprint === fingerprint);
    if (at !== -1) this.list.splice(at, 1);
    return at !== -1;
  }

  resize(capacity: number): void {
    this.capacity = capacity;
    while (this.bytes() > capacity) this.list.shift();
  }
}

describe('GhostQueue', () => {
  test.each([
    ['32-bit fingerprints', 1, 1],
    ['fingerprints that share their low 32 bits', 2 ** 32, 1],
    ['fingerprints up to 2^53', 2 ** 45 + 1, 5_000],
  ])('agrees with a naive list: %s', (_name, stride, maxSize) => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      const ghosts = new GhostQueue(150 * maxSize);
      const naive = new Remembered(150 * maxSize);
      for (let step = 0; step < 4_000; step += 1) {
        const fingerprint = (random.u32() % 250) * stride;
        const dice = random.next();
        if (dice < 0.7) {
          const size = 1 + (random.u32() % maxSize);
          ghosts.push(fingerprint, size, 100);
          naive.push(fingerprint, size, 100);
        } else if (dice < 0.995) {
          expect(ghosts.take(fingerprint)).toBe(naive.take(fingerprint));
        } else {
          const capacity = random.u32() % (200 * maxSize);
          ghosts.resize(capacity);
          naive.resize(capacity);
        }
        expect([ghosts.count, ghosts.bytes]).toEqual([naive.list.length, naive.bytes()]);
        if (step % 50 === 0) ghosts.check();
      }
    }
  });

  test('holds no more than the count it is told, and nothing larger than its capacity', () => {
    const ghosts = new GhostQueue(1_000);
    for (let i = 0; i < 500; i += 1) ghosts.push(i, 1, 10);
    expect(ghosts.count).toBe(10);
    ghosts.push(1_000, 1_001, 10);
    expect([ghosts.count, ghosts.take(1_000)]).toEqual([10, false]);
    expect([ghosts.take(489), ghosts.take(490), ghosts.take(490)]).toEqual([false, true, false]);
    ghosts.check();
  });
});
