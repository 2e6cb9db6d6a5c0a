import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';
import { Recent } from '../cache/recent.ts';
import { viaPseudonym } from './upstream.ts';

/** Faults of our own, requests that go round in circles, and what a hostile peer could make the path remember. */

const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"' } };

function broken(h: Harness): void {
  h.tier.reserve = () => {
    throw new Error('a fault');
  };
}

describe('a fault of our own in a fetch', () => {
  test('each request fetches for itself, past the store; the fault is counted', () => {
    const h = new Harness();
    const readers = [h.ask('/a'), h.ask('/a')];
    broken(h);
    h.last.head({ ...FRESH, bodyBytes: 4 });
    expect([h.origin.calls[0]!.state, h.origin.calls.length]).toEqual(['aborted', 3]);
    for (const call of h.origin.calls.slice(1)) call.answer(FRESH, Buffer.from('body'));
    for (const reader of readers) {
      expect([reader.status, reader.body.toString()]).toEqual([200, 'body']);
      expect(reader.cacheStatus).toEndWith('detail=storage');
    }
    expect([h.recorder.internalFaults, h.faults.splice(0).length, h.booked('bypass')]).toEqual([1, 1, 2]);
    h.finish();
  });

  test('the stale copy answers where it may', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s, ifError: 1h }' });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    const reader = h.ask('/a');
    broken(h);
    h.last.head({ ...FRESH, bodyBytes: 4 });
    expect(reader.body.toString()).toBe('good');
    expect([h.faults.splice(0).length, h.origin.calls.length]).toEqual([1, 2]);
    h.finish();
  });

  test('a second fault is a 500', () => {
    const h = new Harness();
    const reader = h.ask('/a');
    broken(h);
    h.last.head({ ...FRESH, bodyBytes: 4 });
    h.path.flights.onHead = () => {
      throw new Error('another');
    };
    h.last.head({ ...FRESH, bodyBytes: 4 });
    expect([reader.status, h.faults.splice(0).length]).toEqual([500, 2]);
    h.finish();
  });

  test.each(['a head', 'a failure'])('one waiter that throws at %s keeps nobody else waiting', (news) => {
    const h = new Harness();
    const readers = [h.ask('/a'), h.ask('/a'), h.ask('/a')];
    const { respond } = readers[0]!;
    readers[0]!.respond = () => {
      throw new Error('a fault');
    };
    if (news === 'a head') h.last.answer(FRESH, Buffer.from('body'));
    else h.last.fail('refused');
    const status = news === 'a head' ? 200 : 502;
    expect(readers.slice(1).map((reader) => reader.status)).toEqual([status, status]);
    expect(h.recorder.internalFaults).toBe(1);
    readers[0]!.respond = respond;
    readers.shift();
    for (const reader of readers) expect(reader.done).toBe(true);
  });
});

describe('loops', () => {
  test('a request that has been here before is refused; one that came through other nodes is not', () => {
    for (const route of ['', 'cache: false']) {
      const h = new Harness({ route });
      h.ask('/a', { fields: { via: '1.1 front, 1.1 holdfast-ffffff' } });
      const via = h.last.request.fields.get('via')!;
      expect(via).toBe('1.1 front, 1.1 holdfast-ffffff, 1.1 holdfast-0a1b2c');
      const again = h.ask('/a', { fields: { via } });
      expect([again.status, again.cacheStatus]).toEqual([508, 'Holdfast; detail=loop']);
      expect(h.origin.calls.length).toBe(1);
      h.finish();
    }
  });

  test('the name of a process is stable, its own, and none of its secret', () => {
    const name = viaPseudonym({ k0: 0x0a1b2c3d, k1: 5 });
    expect(name).toMatch(/^holdfast-[0-9a-f]{6}$/);
    expect(viaPseudonym({ k0: 0x0a1b2c3d, k1: 5 })).toBe(name);
    expect(viaPseudonym({ k0: 0x0a1b2c3d, k1: 6 })).not.toBe(name);
  });
});

describe('Recent', () => {
  const hash = (lo: number) => ({ lo, hi: 7 });

  test('remembers for its time', () => {
    const recent = new Recent(1_000);
    recent.add(hash(1), 0);
    recent.add(hash(2), 500);
    expect([recent.has(hash(1), 999), recent.has(hash(1), 1_000), recent.has({ lo: 1, hi: 8 }, 0)]).toEqual([
      true,
      false,
      false,
    ]);
    recent.add(hash(3), 1_200);
    expect([recent.size, recent.has(hash(2), 1_200)]).toEqual([2, true]);
  });

  test('never holds more than its bound: the oldest leave first', () => {
    const recent = new Recent(1_000_000);
    for (let i = 0; i < 20_000; i += 1) recent.add(hash(i), i);
    expect(recent.size).toBe(10_000);
    expect([recent.has(hash(9_999), 20_000), recent.has(hash(10_000), 20_000)]).toEqual([false, true]);
  });
});
