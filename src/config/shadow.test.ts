import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { coversHost, coversPath } from './shadow.ts';

const HOSTS = ['*', 'a', '*.a', 'b.a', '*.b.a', 'c.b.a', 'xa', 'b'];
const PATHS = ['/*', '/a', '/a*', '/a/*', '/a/', '/a/b', '/a/b*', '/ab', '/b/*', '/'];

/** Matching by the words of the reference, on one concrete request. */
const hostMatches = (pattern: string, host: string): boolean =>
  pattern === '*' || (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern);
const pathMatches = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;

/** Concrete names: the patterns themselves with something in place of the star. */
const samples = (patterns: readonly string[], fills: readonly string[]): string[] =>
  patterns.flatMap((pattern) =>
    pattern.includes('*') ? fills.map((fill) => pattern.replace('*', fill)) : [pattern],
  );

test('one pattern covers another exactly if every request for the one is one for the other', () => {
  const hosts = samples(HOSTS, ['z', 'y.z', 'b', 'c.b', 'x']);
  const paths = samples(PATHS, ['', 'z', '/', '/z', 'b', 'b/c']);
  const covers = (
    matches: (pattern: string, name: string) => boolean,
    names: string[],
    outer: string,
    inner: string,
  ) => names.every((name) => !matches(inner, name) || matches(outer, name));
  for (const outer of HOSTS) {
    for (const inner of HOSTS) {
      expect([outer, inner, coversHost(outer, inner)]).toEqual([
        outer,
        inner,
        covers(hostMatches, hosts, outer, inner),
      ]);
    }
  }
  for (const outer of PATHS) {
    for (const inner of PATHS) {
      expect([outer, inner, coversPath(outer, inner)]).toEqual([
        outer,
        inner,
        covers(pathMatches, paths, outer, inner),
      ]);
    }
  }
});

test('a covered pattern never matches what its cover does not, on random names', () => {
  const random = seededRandom(3);
  const word = (alphabet: string): string =>
    Array.from({ length: random.u32() % 6 }, () => alphabet[random.u32() % alphabet.length]).join('');
  let covered = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const [outer, inner] = [`/${word('ab/')}*`, `/${word('ab/')}${random.u32() % 2 === 0 ? '*' : ''}`];
    if (!coversPath(outer, inner)) continue;
    covered += 1;
    const name = inner.replace('*', word('ab/'));
    expect(pathMatches(inner, name) && !pathMatches(outer, name)).toBe(false);
  }
  expect(covered).toBeGreaterThan(1000);
});
