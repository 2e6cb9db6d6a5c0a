import { expect, test } from 'bun:test';
import { startTestNode } from '../../test/support/node.ts';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../test/support/virtual-disk.ts';
import { seededRandom } from '../base/random.ts';
import type { ValidConfig } from '../config/config.ts';
import { describe } from '../config/describe.ts';
import { validateConfig } from '../config/validate.ts';
import { eventually, openVirtual } from '../store/disk/disk.fixture.ts';
import type { Node, NodeOptions } from './node.ts';
import type { LoadedConfig } from './reload.ts';

/** Options that the table calls live are applied by a reload; all others are named as waiting for a restart. */

function configOf(lines: readonly string[]): ValidConfig {
  const ends = [
    'version: 1',
    'origins: { o: { type: http, url: "http://127.0.0.1:9" } }',
    'routes: [{ name: r, origin: o }]',
  ];
  const result = validateConfig([...ends, ...lines].join('\n'), { file: 'live.yaml', env: {} });
  if (!result.ok) throw new Error(result.problems.map(({ path, reason }) => `${path}: ${reason}`).join('; '));
  return result.config;
}

const LOOPBACK = ['server: { listen: "127.0.0.1:0" }', 'admin: { listen: "127.0.0.1:0" }'];

/** Starts a node, reloads it with other lines, and says what came of it. */
async function reloaded(
  before: readonly string[],
  after: readonly string[],
  options: Partial<NodeOptions> = {},
): Promise<[Node, string[], string[]]> {
  const faults: string[] = [];
  const load = (): Promise<LoadedConfig> =>
    Promise.resolve({ ok: true, hash: 'b', config: configOf(after), warnings: [] });
  const node = startTestNode(configOf(before), faults, {
    configSource: { file: 'live.yaml', hash: 'a', load },
    ...options,
  });
  const { ok, changed, needsRestart } = await node.reload();
  await node.stop(0);
  expect([ok, faults]).toEqual([true, []]);
  return [node, [...changed], [...needsRestart]];
}

const token = (text: string): string[] => [
  'server: { listen: "127.0.0.1:0" }',
  `admin: { listen: "127.0.0.1:0", tokens: [${text}] }`,
];
const memory = (text: string): string[] => [...LOOPBACK, `cache: { memory: { ${text} } }`];
const log = (text: string): string[] => [...LOOPBACK, `log: { ${text} }`];

/** Another value for each live option beside those of routes and origins, and what it makes of the node. */
const OTHERS: Readonly<Record<string, { lines: string[]; seen?: (node: Node) => unknown; is?: unknown }>> = {
  'admin.tokens': { lines: token('{ name: a, token: "0123456789abcdef", role: read }') },
  'cache.memory.size': {
    lines: memory('size: 8MiB'),
    seen: ({ tier }) => tier.cache.budgetBytes,
    is: 2 ** 23,
  },
  'cache.memory.policy': {
    lines: memory('policy: lru'),
    seen: ({ tier }) => tier.cache.policy,
    is: 'lru',
  },
  'cache.memory.favour': {
    lines: memory('favour: bytes'),
    seen: ({ tier }) => tier.cache.favour,
    is: 'bytes',
  },
  'cache.memory.minResidency': { lines: memory('minResidency: 5s') },
  'cache.memory.pinnedShare': { lines: memory('pinnedShare: 20') },
  'cache.memory.variantsShare': {
    lines: memory('variantsShare: 20'),
    seen: ({ tier }) => tier.cache.rules.variantsShare,
    is: 0.2,
  },
  'cache.memory.maxObject': {
    lines: memory('maxObject: 64MiB'),
    seen: ({ tier }) => tier.objectBytesMax,
    is: 2 ** 26,
  },
  'log.level': { lines: log('level: debug') },
  'log.access.to': { lines: log('access: { to: stdout }') },
  'log.access.sample': { lines: log('access: { sample: 7 }') },
};

const LIVE = describe()
  .filter(({ meta }) => meta.effect === 'live')
  .map(({ path }) => path)
  .filter((path) => !/^(routes|origins|cache\.disk)/.test(path) && !path.includes('[].'));

test('each live option is known here', () => {
  expect(LIVE.toSorted()).toEqual(Object.keys(OTHERS).toSorted());
});

test.each(Object.entries(OTHERS))('%s is applied', async (path, { lines, seen, is }) => {
  const [node, changed, needsRestart] = await reloaded(LOOPBACK, lines);
  expect(changed).toContain(path);
  expect(needsRestart).toEqual([]);
  expect(seen?.(node)).toEqual(is);
});

test('the size of a disk tier is applied, and its shares', async () => {
  const disk = (rest: string): string[] => [
    ...LOOPBACK,
    `cache: { disk: { path: /d, maxObject: 512KiB, size: ${rest} } }`,
  ];
  const clock = virtualClock();
  const tier = await openVirtual(new VirtualDisk(clock, seededRandom(1)), clock);
  // Its time stands still, so it is closed here and not with the node.
  const close = tier.close.bind(tier);
  tier.close = () => Promise.resolve();
  const after = disk('8MiB, variantsShare: 25');
  const [, changed, needsRestart] = await reloaded(disk('16MiB'), after, { disk: tier });
  expect([changed, needsRestart]).toEqual([['cache.disk.size', 'cache.disk.variantsShare'], []]);
  expect(tier.snapshot().budgetBytes).toBe(2 ** 23);
  tier.balance.wrote(true, 1_000);
  expect(tier.balance.behindBytes).toBe(3_000);
  await eventually(clock, close());
});

test('a larger memory takes larger responses', async () => {
  const [node] = await reloaded(memory('size: 4MiB'), memory('size: 64MiB'));
  expect(node.tier.objectBytesMax).toBe(2 ** 24);
});

test.each([
  ['server.maxFetches', ['server: { listen: "127.0.0.1:0", maxFetches: 7 }', LOOPBACK[1]!]],
  ['server.workers', ['server: { listen: "127.0.0.1:0", workers: 2 }', LOOPBACK[1]!]],
  ['cache.ghosts', [...LOOPBACK, 'cache: { ghosts: 7 }']],
  ['cache.disk', [...LOOPBACK, 'cache: { disk: { path: /nowhere, size: 1GiB } }']],
  ['log.audit.to', log('audit: { to: stdout }')],
])('%s waits for a restart', async (path, lines) => {
  const [, changed, needsRestart] = await reloaded(LOOPBACK, lines);
  expect(needsRestart).toEqual([path]);
  expect(changed).toEqual([]);
});
