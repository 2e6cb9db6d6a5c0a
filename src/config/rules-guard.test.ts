import { expect, test } from 'bun:test';
import { validateConfig } from './validate.ts';

/** The rules between what protects an origin and the routes that lead to it. */

function check(origin: string, route: string) {
  const text = `version: 1
origins:
  main: { type: http, url: 'http://127.0.0.1:9'${origin} }
  spare: { type: http, url: 'http://127.0.0.1:10' }
routes:
  - { name: all, origin: main${route} }
  - { name: other, origin: spare, match: { hosts: [other.example] } }
`;
  // The one that matches less comes first.
  const lines = text.split('\n');
  const swapped = [...lines.slice(0, 5), lines[6], lines[5], ''].join('\n');
  const result = validateConfig(swapped, { file: 'a.yaml', env: {} });
  const found = result.ok ? result.warnings : result.problems;
  return { ok: result.ok, found: found.map(({ path, reason, remedy }) => `${path}: ${reason}; ${remedy}`) };
}

test.each([
  ['', ', failover: [main]', 'routes[1].failover[0]: "main" is the origin of this route'],
  ['', ', failover: [spaer]', 'routes[1].failover[0]: there is no origin "spaer"; did you mean "spare"?'],
  ['', ', failover: [spare, spare]', 'routes[1].failover[1]: "spare" is listed twice'],
  [
    ', breaker: { openFor: 2m }',
    '',
    'origins.main.breaker.maxOpenFor: maxOpenFor (1m) is below openFor (2m); raise it',
  ],
  [
    ', health: { path: /healthz, interval: 1s }',
    '',
    'origins.main.health.timeout: timeout (2s) is above interval (1s)',
  ],
  [', health: { path: healthz }', '', 'origins.main.health.path: this is not a path; write it like /healthz'],
])('an error: %s%s', (origin, route, message) => {
  const { ok, found } = check(origin, route);
  expect(ok).toBe(false);
  expect(found.length).toBe(1);
  expect(found[0]).toStartWith(message);
});

test.each([
  ['', ', deadline: 5s', 'routes[1].deadline: the deadline (5s) always ends the wait before firstByte'],
  ['', ', hedgeAfter: 1s', 'routes[1].hedgeAfter: hedgeAfter has no effect: there is no other origin to ask'],
  [
    '',
    ', failover: [spare], hedgeAfter: 30s',
    'routes[1].hedgeAfter: hedgeAfter (30s) has no effect: the deadline (30s) ends the wait before',
  ],
])('a warning: %s%s', (origin, route, message) => {
  const { ok, found } = check(origin, route);
  expect(ok).toBe(true);
  expect(found.length).toBe(1);
  expect(found[0]).toStartWith(message);
});

test('an origin that others fall back on is in use; a sound configuration has nothing to say', () => {
  const health = ', health: { path: /healthz }';
  expect(check(health, ', failover: [spare], hedgeAfter: 1s, deadline: 20s').found).toEqual([]);
});
