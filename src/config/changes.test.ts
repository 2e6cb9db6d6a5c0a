import { expect, test } from 'bun:test';
import { changesBetween } from './changes.ts';
import type { ValidConfig } from './config.ts';
import { validateConfig } from './validate.ts';

const BASE = `version: 1
server: { listen: "127.0.0.1:1" }
origins:
  a: { type: http, url: "http://127.0.0.1:9", headers: { x-secret: hush-hush } }
  b: { type: files, root: /srv }
routes:
  - { name: one, origin: a, match: { paths: ["/one/*"] } }
  - { name: two, origin: b, match: { paths: ["/two/*"] }, ttl: { default: 1h } }
`;

function config(text: string): ValidConfig {
  const result = validateConfig(text, { file: 'f', env: {} });
  if (!result.ok) throw new Error(result.problems.map(({ reason }) => reason).join());
  return result.config;
}

const changes = (text: string): string[] =>
  changesBetween(config(BASE), config(text)).map(({ path, effect }) => `${path} ${effect}`);

test.each([
  [BASE, []],
  [BASE.replace('127.0.0.1:1', '127.0.0.1:2'), ['server.listen restart']],
  [
    `${BASE}cache: { ghosts: 5, memory: { policy: lru } }`,
    ['cache.memory.policy live', 'cache.ghosts restart'],
  ],
  [`${BASE}cache: { memory: { size: 16MiB } }`, ['cache.memory.size live', 'cache.memory.maxObject live']],
  [BASE.replace('default: 1h', 'default: 2h'), ['routes[two].ttl.default live']],
  [BASE.replace('hush-hush', 'hush'), ['origins.a.headers.x-secret live']],
  [BASE.replace('/srv', '/other'), ['origins.b.root live']],
  [BASE.replace('type: files, root: /srv', 'type: http, url: "http://127.0.0.1:8"'), undefined],
  [BASE.replace('"/one/*"', '"/one/*", "/1/*"'), ['routes[one].match.paths live']],
  [BASE.replace('name: one', 'name: first'), ['routes[one] live', 'routes[first] live']],
  [BASE.replace(/( {2}- .*\n)( {2}- .*\n)/, '$2$1'), ['routes (order) live']],
] as const)('what differs is named, and nothing else: %#', (text, expected) => {
  const found = changes(text);
  if (expected === undefined) {
    // An origin of another kind: all of its options came or went.
    expect(found.length).toBeGreaterThan(1);
    expect(
      found.filter(
        (change) => !/^(origins\.b\.[\w.]+|routes\[two\]\.(key\.query|unsafeMethods)) live$/.test(change),
      ),
    ).toEqual([]);
  } else expect(found.toSorted()).toEqual([...expected].toSorted());
  expect(found.join()).not.toContain('hush');
});
