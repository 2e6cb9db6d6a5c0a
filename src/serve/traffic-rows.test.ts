import { describe, expect, test } from 'bun:test';
import { Harness, type HarnessOptions } from '../../test/support/harness.ts';
import { ScriptedTransformer } from '../../test/support/scripted-transformer.ts';
import { type ResponseLife, Stated, type TrafficRow } from '../traffic/batch.ts';
import { rowsOf } from '../traffic/rows.fixture.ts';

const DAY = { status: 200, fields: { 'cache-control': 'max-age=86400', etag: '"1"' } };

/** A harness that records. */
class Recorded extends Harness {
  readonly #rows: TrafficRow[] = [];
  /** What keys stand for. */
  readonly paths: string[] = [];

  constructor(options: HarnessOptions = {}) {
    super({ ...options, records: true });
    this.traffic!.listen({
      onBatch: (batch) => {
        this.#rows.push(...rowsOf([batch]));
        this.paths.push(...(batch.paths ?? []).map(({ path }) => path));
      },
    });
  }

  /** What was recorded since the last time. */
  rows(): TrafficRow[] {
    this.traffic!.drain();
    return this.#rows.splice(0);
  }

  /** How the requests were served. */
  words(): string[] {
    return this.rows().map(({ kind }) => kind.outcome);
  }
}

test('paths are told without what a query or a field has of secrets', () => {
  const h = new Recorded({ seed: 3 });
  h.ask('/a.jpg?w=100&token=hunter2&u=0123456789abcdef0');
  h.last.answer(
    { status: 200, fields: { 'cache-control': 'max-age=60', vary: 'x-tenant' } },
    Buffer.alloc(9),
  );
  h.rows();
  expect(h.paths).toHaveLength(1);
  expect(h.paths[0]).toContain('/a.jpg?');
  expect(h.paths[0]).toContain('w=100');
  expect(h.paths[0]).toMatch(/token=~/);
  expect(h.paths[0]).not.toMatch(/hunter2|0123456789abcdef0|tenant/);
  h.finish();
});

describe('a row', () => {
  test('of a miss says what the origin said; of a hit, what is stored', () => {
    const h = new Recorded();
    h.clock.advance(5000);
    const asked = h.ask('/a.jpg');
    h.clock.advance(40);
    h.last.answer(
      {
        status: 200,
        fields: {
          'cache-control': 'public, max-age=600, stale-while-revalidate=60',
          'content-type': 'image/jpeg',
          age: '7',
        },
      },
      Buffer.alloc(1234),
    );
    expect(asked.done).toBe(true);
    h.clock.advance(1000);
    h.ask('/a.jpg');
    const [miss, hit] = h.rows();
    const said: ResponseLife = {
      known: 'stated',
      lifetimeS: 600,
      modifiedAgoS: undefined,
      ageS: 7,
      whileRevalidateS: 60,
      ifErrorS: undefined,
      flags: Stated.PUBLIC | Stated.IMAGE,
    };
    expect(miss).toMatchObject({ bodyBytes: 1234, originMs: 40, life: said });
    expect(miss!.kind).toMatchObject({
      route: 'r',
      outcome: 'miss',
      status: 200,
      tier: 'none',
      notStored: '',
    });
    expect(miss!.atMs).toBeCloseTo(h.clock.nowMs() - 1040, 2);
    expect(hit).toMatchObject({
      keyLo: miss!.keyLo,
      keyHi: miss!.keyHi,
      bodyBytes: 1234,
      besideBytes: miss!.besideBytes,
      originMs: undefined,
    });
    expect(hit!.kind).toMatchObject({ outcome: 'hit', tier: 'memory' });
    expect(hit!.life).toMatchObject({ known: 'applied', lifetimeS: 600, whileRevalidateS: 60 });
    h.finish();
  });

  test('has the time of its look-up, however long it took', () => {
    const h = new Recorded();
    h.fill('/hot', DAY);
    h.rows();
    const before = h.clock.nowMs();
    h.ask('/slow');
    for (let i = 0; i < 5; i += 1) {
      h.clock.advance(100);
      h.ask('/hot');
    }
    h.last.answer(DAY, Buffer.from('x'));
    const rows = h.rows();
    expect(rows.map(({ kind }) => kind.outcome)).toEqual(['miss', 'hit', 'hit', 'hit', 'hit', 'hit']);
    expect(rows[0]).toMatchObject({ originMs: 500 });
    expect(rows[0]!.atMs).toBeCloseTo(before, 2);
    h.finish();
  });

  test('is of the whole response, whatever part was sent of it', () => {
    const h = new Recorded();
    h.fill('/a', DAY, Buffer.alloc(5000));
    h.ask('/a', { fields: { range: 'bytes=0-9' } });
    h.ask('/a', { fields: { 'if-none-match': '"1"' } });
    h.ask('/a', { method: 'HEAD' });
    const rows = h.rows();
    expect(rows.map(({ bodyBytes }) => bodyBytes)).toEqual([5000, 5000, 5000, 5000]);
    expect(rows.map(({ kind }) => [kind.status, kind.outcome, kind.head])).toEqual([
      [200, 'miss', false],
      [200, 'hit', false],
      [200, 'hit', false],
      [200, 'hit', true],
    ]);
    h.finish();
  });

  test('of a body without a length has the length that came', () => {
    const h = new Recorded();
    h.ask('/a');
    h.last.head({ ...DAY, framing: 'chunked' });
    expect(h.rows()).toEqual([]);
    h.last.data(Buffer.alloc(300));
    h.last.data(Buffer.alloc(400));
    h.last.end();
    expect(h.rows()).toMatchObject([{ bodyBytes: 700, kind: { outcome: 'miss', notStored: '' } }]);
    h.finish();
  });
});

describe('every way to be served', () => {
  test('collapsed, confirmed, stale, failed, bypassed', () => {
    const h = new Recorded({ route: 'stale: { ifError: 1h }' });
    h.ask('/a');
    h.ask('/a');
    h.last.answer({ ...DAY, fields: { 'cache-control': 'max-age=10', etag: '"1"' } }, Buffer.from('abc'));
    expect(h.words()).toEqual(['miss', 'collapsed']);
    h.clock.advance(20_000);
    h.ask('/a');
    h.last.answer({ status: 304, fields: { 'cache-control': 'max-age=20', etag: '"1"' } });
    expect(h.rows()).toMatchObject([
      {
        bodyBytes: 3,
        kind: { outcome: 'revalidated', status: 200, tier: 'memory' },
        life: { lifetimeS: 20 },
      },
    ]);
    h.clock.advance(30_000);
    h.ask('/a');
    h.last.fail('reset');
    expect(h.rows()).toMatchObject([
      { bodyBytes: 3, kind: { outcome: 'stale', tier: 'memory' }, life: { known: 'applied' } },
    ]);
    h.ask('/b');
    h.last.fail('reset');
    expect(h.rows()).toMatchObject([
      { bodyBytes: 0, kind: { outcome: 'failed', status: 0 }, life: { known: 'unknown' } },
    ]);
    h.ask('/a', { fields: { authorization: 'x', cookie: 'y' } });
    h.last.answer({ status: 206, fields: { 'content-range': 'bytes 0-1/90' } }, Buffer.from('ab'));
    expect(h.rows()).toMatchObject([
      { bodyBytes: 90, kind: { outcome: 'bypass', status: 200, notStored: 'authorization' } },
    ]);
    h.ask('/c', { fields: { 'cache-control': 'only-if-cached' } });
    h.ask('/c', { method: 'DELETE' });
    h.finish();
    expect(h.words()).toEqual(['refused']);
  });

  test('with why it was not stored', () => {
    const h = new Recorded();
    h.fill('/a', { status: 200, fields: { 'cache-control': 'private' } });
    h.ask('/b');
    h.last.head({ ...DAY, bodyBytes: 100 });
    h.last.data(Buffer.alloc(10));
    h.last.fail('truncated');
    const rows = h.rows();
    expect(rows.map(({ kind, bodyBytes }) => [kind.outcome, kind.notStored, bodyBytes])).toEqual([
      ['miss', 'private', 4],
      ['miss', 'truncated', 100],
    ]);
    h.finish();
  });

  test('also when the client does not wait for it', () => {
    const h = new Recorded();
    h.ask('/a').leave();
    expect(h.rows()).toEqual([]);
    h.last.answer(DAY, Buffer.alloc(99));
    expect(h.rows()).toMatchObject([{ bodyBytes: 99, kind: { outcome: 'miss', notStored: '' } }]);
    h.finish();
  });
});

describe('keys', () => {
  test('of what varies have the resource in common, and differ', () => {
    const h = new Recorded();
    const vary = { status: 200, fields: { ...DAY.fields, vary: 'accept' } };
    for (const accept of ['image/webp', 'image/avif']) h.fill('/a', vary, 'x', { fields: { accept } });
    for (const accept of ['image/webp', 'image/avif']) h.ask('/a', { fields: { accept } });
    const rows = h.rows();
    expect(rows.map(({ kind }) => kind.outcome)).toEqual(['miss', 'miss', 'hit', 'hit']);
    expect(new Set(rows.map(({ keyHi }) => keyHi)).size).toBe(1);
    expect(rows.map(({ keyLo }) => keyLo).slice(2)).toEqual(rows.map(({ keyLo }) => keyLo).slice(0, 2));
    expect(new Set(rows.map(({ keyLo }) => keyLo)).size).toBe(2);
    h.finish();
  });

  test('of variants have that of their original, which is looked up as well', () => {
    const transformer = new ScriptedTransformer();
    const h = new Recorded({ route: 'images: { onFailure: error }', transformer });
    const fields = { 'cache-control': 'max-age=60', 'content-type': 'image/jpeg', etag: '"v1"' };
    h.ask('/a.jpg?w=100');
    h.clock.advance(1);
    h.last.answer({ fields }, Buffer.from('original'));
    h.clock.advance(1);
    transformer.last.make('webp!');
    h.ask('/a.jpg?w=100');
    h.ask('/a.jpg');
    const rows = h.rows();
    expect(rows.map(({ kind }) => [kind.outcome, kind.variant, kind.internal])).toEqual([
      ['miss', true, false],
      ['miss', false, true],
      ['hit', true, false],
      ['hit', false, false],
    ]);
    expect(rows.map(({ bodyBytes }) => bodyBytes)).toEqual([5, 8, 5, 8]);
    expect(new Set(rows.map(({ keyHi }) => keyHi)).size).toBe(1);
    const [variant, original] = rows;
    expect(rows.map(({ keyLo }) => keyLo)).toEqual(
      [variant, original, variant, original].map((row) => row!.keyLo),
    );
    h.finish();
  });

  test('are those of the index', () => {
    const h = new Recorded({ seed: 5 });
    h.fill('/a', DAY);
    const [row] = h.rows();
    const slot = [...h.tier.cache.entries.slots()][0]!;
    const { entries } = h.tier.cache;
    expect([row!.keyLo, row!.keyHi]).toEqual([entries.hashLo(slot), entries.hashHi(slot)]);
    expect(row!.besideBytes).toBe(entries.keyBytes(slot) + entries.headBytes(slot));
    h.finish();
  });
});
