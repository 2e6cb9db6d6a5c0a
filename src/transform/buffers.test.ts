import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { Buffers } from './buffers.ts';

test('a buffer is used again once it was given back, and never twice at a time', () => {
  const buffers = new Buffers();
  const random = seededRandom(1);
  const taken = new Map<Buffer, number>();
  const made = new Set<ArrayBufferLike>();
  for (let i = 0; i < 5_000; i += 1) {
    if (random.next() < 0.5 || taken.size === 0) {
      const bytes = Math.floor(random.next() ** 3 * 3_000_000);
      const buffer = buffers.take(bytes);
      expect(buffer.length).toBe(bytes);
      buffer.fill(i & 0xff);
      made.add(buffer.buffer);
      taken.set(buffer, i & 0xff);
    } else {
      const [buffer, mark] = [...taken][random.u32() % taken.size]!;
      // Nobody else has written to it.
      expect(buffer.length === 0 || (buffer[0] === mark && buffer.at(-1) === mark)).toBe(true);
      taken.delete(buffer);
      buffers.give(buffer);
    }
  }
  expect(made.size).toBeLessThan(2_000);
});

test('what is not its own is left alone', () => {
  const buffers = new Buffers();
  const own = Buffer.from('somebody else reads this');
  buffers.give(own);
  const [one, other] = [buffers.take(10), buffers.take(10)];
  expect(one.buffer).not.toBe(other.buffer);
  expect(own.toString()).toBe('somebody else reads this');
});
