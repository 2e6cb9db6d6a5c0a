import { expect, test } from 'bun:test';
import { validateConfig } from '../config/validate.ts';
import { RoomWatch, roomRules } from './room.ts';

test('an overflow of the pinned share is said once, refusals at most every ten minutes with their number', () => {
  const said: [string, Record<string, unknown>][] = [];
  const cache = { pinnedOverflows: 0, pinnedBytes: 50, youngBytes: 40, budgetBytes: 100 };
  let [refusals, nowMs] = [0, 0];
  const watch = new RoomWatch({
    cache,
    residencyRefusals: () => refusals,
    monotonicMs: () => nowMs,
    log: { warn: (message, facts) => void said.push([message, { ...facts }]) },
  });
  watch.check();
  expect(said).toEqual([]);
  cache.pinnedOverflows = 1;
  for (let i = 0; i < 3; i += 1) watch.check();
  expect(said.splice(0)).toEqual([
    [expect.stringContaining('pinnedShare'), { pinnedBytes: 50, sizeBytes: 100 }],
  ]);
  for (refusals = 1; refusals <= 700; refusals += 1) {
    watch.check();
    nowMs += 1_000;
  }
  expect(said.map(([, facts]) => facts['notStored'])).toEqual([1, 600]);
  expect(said[0]![0]).toContain('minResidency');
});

test('the rules come from the configuration, in the order of its routes', () => {
  const text = `version: 1
cache: { memory: { minResidency: 5m, pinnedShare: 20 } }
origins: { o: { type: http, url: 'http://127.0.0.1:9' } }
routes:
  - { name: icons, origin: o, match: { paths: ['/icons/*'] }, pinned: true }
  - { name: rest, origin: o }
`;
  const result = validateConfig(text, { file: 'f', env: {} });
  expect(result.ok && roomRules(result.config, ['icons', 'rest'])).toEqual({
    minResidencyS: 300,
    pinnedShare: 0.2,
    variantsShare: 0.5,
    pinnedRoutes: [true, false],
  });
});
