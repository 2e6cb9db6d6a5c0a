import { expect, test } from 'bun:test';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { rarely } from './warnings.ts';

test('the same warning comes once in ten seconds, with how often it was meant', () => {
  const clock = virtualClock();
  const said: unknown[] = [];
  const warn = rarely(clock, (message, facts) => said.push([message, facts]));
  for (let i = 0; i < 100; i += 1) warn('a', 'first', { i });
  warn('b', 'second', {});
  expect(said).toEqual([
    ['first', { i: 0 }],
    ['second', {}],
  ]);
  clock.advance(10_000);
  warn('a', 'first', { i: 100 });
  warn('b', 'second', {});
  expect(said.slice(2)).toEqual([
    ['first', { i: 100, repeated: 99 }],
    ['second', {}],
  ]);
});

test('what is remembered is bounded', () => {
  const said: string[] = [];
  const warn = rarely(virtualClock(), (message) => said.push(message));
  for (let i = 0; i < 5_000; i += 1) warn(`kind ${i}`, String(i), {});
  expect(said).toHaveLength(5_000);
});
