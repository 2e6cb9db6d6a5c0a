import { expect, test } from 'bun:test';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { VariantFailures } from './failures.ts';

const CORRUPT = { cause: 'corrupt', detail: 'no' } as const;

test('a failure is remembered for half a minute, unless it says nothing of the original', () => {
  const clock = virtualClock();
  const failures = new VariantFailures(clock);
  failures.add('a', CORRUPT);
  failures.add('b', { cause: 'queue-full', detail: 'busy' });
  clock.advance(29_999);
  expect([failures.of('a'), failures.of('b')]).toEqual([CORRUPT, undefined]);
  clock.advance(1);
  expect(failures.of('a')).toBeUndefined();
});

test('the oldest are forgotten when there are many, sooner where addresses are long', () => {
  for (const [length, most] of [
    [10, 10_000],
    [8_000, 1_100],
  ] as const) {
    const failures = new VariantFailures(virtualClock());
    const keyOf = (i: number): string => `${'k'.repeat(length)}${i}`;
    for (let i = 0; i < 12_000; i += 1) failures.add(keyOf(i), CORRUPT);
    const kept = Array.from({ length: 12_000 }, (_, i) => failures.of(keyOf(i)) !== undefined);
    const count = kept.filter(Boolean).length;
    expect([length, count <= most, count > most * 0.9]).toEqual([length, true, true]);
    expect(kept.slice(-count).every(Boolean)).toBe(true);
    failures.clear();
    expect(failures.of(keyOf(11_999))).toBeUndefined();
  }
});

test('one that fails again and again is one', () => {
  const failures = new VariantFailures(virtualClock());
  failures.add('other', CORRUPT);
  for (let i = 0; i < 20_000; i += 1)
    failures.add('k'.repeat(8_000), { ...CORRUPT, detail: 'x'.repeat(300) });
  expect(failures.of('other')).toEqual(CORRUPT);
});
