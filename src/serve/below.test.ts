import { expect, test } from 'bun:test';
import { DiskHarness } from '../../test/support/disk-harness.ts';
import { noise } from '../../test/support/harness.ts';
import { awaited } from '../../test/support/simulation/process.ts';
import { NONE } from '../cache/entries.ts';
import { findKey } from '../store/disk/disk.ts';

/** What the simulation found of the tier below memory, one by one. */

const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"' } };
const image = (seed: number, bytes = 10_000): Buffer => noise(seed, bytes);

function slotOf({ disk }: DiskHarness, target: string): number {
  const key = Buffer.from(`r ${target}`);
  return findKey(disk, key);
}

test('two that are brought up at once, with room for one: each client gets its own image', () => {
  const h = DiskHarness.open({ memoryBytes: 18_000, segmentBytes: 2 ** 14 });
  for (const seed of [1, 2]) h.fill(`/${seed}`, FRESH, image(seed));
  h.emptyMemory();
  const readers = [1, 2].map((seed) => h.ask(`/${seed}`));
  h.settle();
  for (const [i, reader] of readers.entries()) {
    expect(reader.cacheStatus).toStartWith('Holdfast; hit');
    expect(reader.body.equals(image(i + 1))).toBe(true);
  }
  h.finish();
});

test('a renewal of a lent response is about that one, whatever was asked for meanwhile', () => {
  const h = DiskHarness.open({ objectBytesMax: 1_000, route: 'stale: { whileRevalidate: 0s }' });
  for (const seed of [1, 2]) h.fill(`/${seed}`, FRESH, image(seed));
  h.settle(100_000);
  const reader = h.ask('/1');
  h.settle();
  const call = h.last;
  h.ask('/2');
  h.settle();
  call.head({ status: 304, ...FRESH }).end();
  expect(reader.cacheStatus).toContain('fwd-status=304');
  const freshFor = (target: string): number => h.disk.facts(slotOf(h, target)).freshUntilS - h.nowS;
  expect([freshFor('/1') > 0, freshFor('/2') > 0]).toEqual([true, false]);
  h.last.head({ status: 304, ...FRESH }).end();
  h.settle();
  h.finish();
});

test('a renewal of a lent response that has left the disk meanwhile changes nothing of what lies in its place', () => {
  const h = DiskHarness.open({ objectBytesMax: 1_000, route: 'stale: { whileRevalidate: 0s }' });
  h.fill('/1', FRESH, image(1));
  h.settle(100_000);
  h.ask('/1');
  h.settle();
  const call = h.last;
  const place = slotOf(h, '/1');
  h.disk.remove(place);
  h.fill('/2', FRESH, image(2));
  expect(slotOf(h, '/2')).toBe(place);
  call.head({ status: 304, fields: { ...FRESH.fields, 'cache-control': 'max-age=10000' } }).end();
  h.settle();
  expect(h.disk.facts(place).freshUntilS).toBeLessThanOrEqual(h.nowS + 60);
  h.finish();
});

test('what was evicted from memory is forgotten on disk as well, when it was tainted or changed', () => {
  for (const what of ['tainted', 'changed'] as const) {
    const h = DiskHarness.open();
    h.fill('/1', FRESH, image(1));
    h.emptyMemory();
    if (what === 'tainted') h.last.taint();
    else {
      h.ask('/1', { method: 'POST' });
      h.last.answer({ status: 204 });
    }
    expect(slotOf(h, '/1')).toBe(NONE);
    h.finish();
  }
});

test('the client that a copy to disk was held back for goes away: the copy is finished', () => {
  const h = DiskHarness.open({ objectBytesMax: 1_000, spoolBytes: 1_000 });
  const reader = h.ask('/1', { pace: 'held' });
  const body = image(1, 200_000);
  const call = h.last.head({ ...FRESH, bodyBytes: body.length });
  call.data(body.subarray(0, 100_000));
  expect(call.paused).toBe(true);
  reader.leave();
  expect(call.paused).toBe(false);
  call.data(body.subarray(100_000)).end();
  h.settle();
  const again = h.ask('/1');
  h.settle();
  expect(again.body.equals(body)).toBe(true);
  h.finish();
});

test('a body that the disk cannot go on with is a failure with a cause of its own', () => {
  const h = DiskHarness.open({ objectBytesMax: 1_000 });
  h.fill('/1', FRESH, image(1, 400_000));
  h.settle(2_000);
  const reader = h.ask('/1', { pace: 'held' });
  h.settle();
  reader.pump(1);
  h.settle();
  h.files.temper.failRead = 1;
  for (let i = 0; i < 20 && !reader.done; i += 1) {
    reader.pump();
    h.settle();
  }
  expect([reader.state, h.bookingOf(reader).served.cause]).toEqual(['broken', 'disk']);
  h.finish();
});

test('the same purge again after a restart is not taken for the earlier one', () => {
  const first = DiskHarness.open();
  // Of the two the later has the smaller number: those of memory begin anew with each process.
  for (const url of ['/2', '/3', '/1']) first.purge({ url });
  first.fill('/1', FRESH, image(1));
  first.settle();
  awaited(first.clock, first.disk.close());
  first.files.kill();
  const h = DiskHarness.open({ clock: first.clock }, first.files);
  h.settle();
  h.purge({ url: '/1' });
  const reader = h.ask('/1');
  h.settle();
  expect(reader.state).toBe('waiting');
  h.finish();
});

test('a new body for the disk alone that breaks off while a good copy could stand in: the copy is served', () => {
  const h = DiskHarness.open({ objectBytesMax: 1_000, route: 'stale: { whileRevalidate: 0s, ifError: 1h }' });
  h.fill('/1', FRESH, image(1));
  h.settle(100_000);
  const reader = h.ask('/1');
  h.settle();
  h.last
    .head({ ...FRESH, bodyBytes: 10_000 })
    .data(image(2, 5_000))
    .fail('truncated');
  h.settle();
  expect([reader.state, reader.status, reader.body.equals(image(1))]).toEqual(['whole', 200, true]);
  h.finish();
});
