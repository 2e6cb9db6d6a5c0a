import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { editDistance, suggest } from './suggest.ts';

/** Breadth-first over edits, straight from the definition; only for tiny words over a tiny alphabet. */
function naiveDistance(from: string, to: string): number {
  const edits = (word: string): string[] => {
    const next: string[] = [];
    for (let i = 0; i <= word.length; i += 1) {
      const [head, tail] = [word.slice(0, i), word.slice(i)];
      for (const letter of 'ab') next.push(head + letter + tail, head + letter + tail.slice(1));
      if (tail.length > 0) next.push(head + tail.slice(1));
      if (tail.length > 1) next.push(head + tail[1] + tail[0] + tail.slice(2));
    }
    return next;
  };
  let words = new Set([from]);
  for (let distance = 0; ; distance += 1) {
    if (words.has(to)) return distance;
    words = new Set([...words].flatMap(edits).filter((word) => word.length <= 6));
  }
}

test('the distance is that of the definition, or one more where a swapped pair is edited again', () => {
  const random = seededRandom(5);
  const word = (): string => Array.from({ length: random.u32() % 5 }, () => 'ab'[random.u32() % 2]).join('');
  for (let i = 0; i < 300; i += 1) {
    const [a, b] = [word(), word()];
    expect(editDistance(a, b)).toBeWithin(naiveDistance(a, b), naiveDistance(a, b) + 2);
    expect(editDistance(a, b)).toBe(editDistance(b, a));
    expect(editDistance(a, b) === 0).toBe(a === b);
  }
  expect(editDistance('connect', 'conenct')).toBe(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});

test('suggests slips, not other words', () => {
  const known = ['listen', 'maxConnections', 'headTimeout', 'idleTimeout', 'warn', 'hosts'];
  expect(suggest('lisen', known)).toBe('listen');
  expect(suggest('max_connections', known)).toBe('maxConnections');
  expect(suggest('MaxConections', known)).toBe('maxConnections');
  expect(suggest('idelTimeout', known)).toBe('idleTimeout');
  expect(suggest('warning', known)).toBe('warn');
  expect(suggest('host', known)).toBe('hosts');
  expect(suggest('compression', known)).toBeUndefined();
  expect(suggest('', known)).toBeUndefined();
  expect(suggest('x'.repeat(10_000), known)).toBeUndefined();
  expect(suggest('a', [])).toBeUndefined();
});
