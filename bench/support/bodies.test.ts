import { expect, test } from 'bun:test';
import { imageOf, rangedBytes, rangedPrefix, sizedPrefix } from './bodies.ts';

test('a path says how long its body is', () => {
  expect(imageOf(`${sizedPrefix(2_000)}17`)).toEqual({ number: 17, bytes: 2_000 });
  expect(imageOf(`/uncached${rangedPrefix(1, 512)}17`)).toEqual({
    number: 17,
    bytes: rangedBytes(1, 512, 17),
  });
  for (const path of ['/', '/s/x/1', '/s/100/', '/q/100/1', '/s/100/1/x'])
    expect(imageOf(path)).toBeUndefined();
});

test('ranged lengths keep their bounds, reach them, and are even in between', () => {
  const counts = new Map<number, number>();
  for (let number = 0; number < 10_000; number += 1) {
    const bytes = rangedBytes(10, 19, number);
    counts.set(bytes, (counts.get(bytes) ?? 0) + 1);
  }
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(50);
});
