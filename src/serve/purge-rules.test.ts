import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';
import { assert } from '../base/assert.ts';
import { seededRandom } from '../base/random.ts';

/** Purges as rules: effective before anything is swept, exact about what came first, and over when the sweep is. */

const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"' } };
const tagged = (tags: string) => ({ fields: { ...FRESH.fields, 'surrogate-key': tags } });
const TWO_ROUTES = `
- name: one
  origin: o
  match: { hosts: [one.test] }
  key: { host: true }
- name: two
  origin: o
  match: { hosts: ["*"], paths: ["/a/*", "/b/*"] }
`;

/** More entries than one slice of the sweep looks at. */
function crowd(h: Harness): void {
  for (let i = 0; i < 2_500; i += 1) h.fill(`/crowd/${i}`, FRESH, '');
}

describe('before the sweep has come', () => {
  test('what is purged is gone, what is purged softly is stale, and what came after is neither', () => {
    const h = new Harness();
    crowd(h);
    h.fill('/old', FRESH, 'old');
    h.fill('/soft', FRESH, 'soft');
    h.fill('/kept', FRESH, 'kept');
    const hard = h.purger.purge({ url: '/old' })!;
    const soft = h.purger.purge({ url: '/soft' }, true)!;
    expect([hard.swept, soft.swept, h.tier.purges.active]).toEqual([false, false, 2]);
    expect(h.ask('/kept').cacheStatus).toStartWith('Holdfast; hit');
    // In the very second of the purge.
    h.fill('/old', FRESH, 'new');
    expect(h.ask('/old').body.toString()).toBe('new');
    expect(hard.removed).toBe(1);
    const validated = h.ask('/soft');
    expect(h.last.request.fields.get('if-none-match')).toBe('"1"');
    h.last.answer({ status: 304, fields: { 'cache-control': 'max-age=60', etag: '"1"' } });
    expect(validated.body.toString()).toBe('soft');
    expect(h.ask('/soft').cacheStatus).toStartWith('Holdfast; hit');
    h.clock.advance(1_000);
    expect([hard.swept, soft.swept, h.tier.purges.active]).toEqual([true, true, 0]);
    // The sweep left what is younger.
    expect(h.ask('/old').body.toString()).toBe('new');
    expect(h.ask('/soft').cacheStatus).toStartWith('Holdfast; hit');
    expect([hard.removed, soft.removed]).toEqual([1, 1]);
    h.finish();
  });

  test('the sweep comes round although the table grows meanwhile', () => {
    const h = new Harness();
    crowd(h);
    h.purger.purge({ url: '/none' });
    // The cursor stands behind the first slice now.
    const purge = h.purger.purge({ prefix: '/crowd/' })!;
    for (let i = 0; i < 3_000; i += 1) h.fill(`/later/${i}`, FRESH, '');
    h.clock.advance(1_000);
    expect([purge.swept, purge.removed, h.tier.cache.count]).toEqual([true, 2_500, 3_000]);
    h.finish();
  });

  test('whoever waits for the sweep is told when it is over', async () => {
    const h = new Harness();
    crowd(h);
    const purge = h.purger.purge({ prefix: '/crowd/1' })!;
    let told = false;
    const waiting = h.purger.swept(purge).then(() => {
      told = true;
    });
    await Promise.resolve();
    expect(told).toBe(false);
    h.clock.advance(1_000);
    await waiting;
    expect(purge.removed).toBe(1 + 10 + 100 + 1_000);
    await h.purger.swept(purge);
    h.finish();
  });
});

describe('soft', () => {
  test('serves when the origin fails, as long as its window allows, and says how', () => {
    const h = new Harness();
    h.fill('/a', FRESH, 'kept');
    expect(h.purge({ all: true }, true)).toBe(1);
    const asked = h.ask('/a');
    expect(asked.state).toBe('waiting');
    h.last.fail('reset');
    expect(asked.body.toString()).toBe('kept');
    expect(asked.cacheStatus).toContain('stale-if-error');
    h.finish();
  });

  test('a validation that was under way does not make it fresh again', () => {
    const h = new Harness();
    h.fill('/a', FRESH, 'body');
    h.clock.advance(91_000);
    const asked = h.ask('/a');
    const call = h.last;
    expect(call.request.fields.get('if-none-match')).toBe('"1"');
    h.purge({ url: '/a' }, true);
    call.answer({ status: 304, fields: FRESH.fields });
    expect(asked.body.toString()).toBe('body');
    expect(h.ask('/a').state).toBe('waiting');
    h.finish();
  });
});

describe('by tag', () => {
  test('every response that names it goes, in either field, whatever its route', () => {
    const h = new Harness();
    h.fill('/a', tagged('sale news'));
    h.fill('/b', { fields: { ...FRESH.fields, 'cache-tag': 'x,sale' } });
    h.fill('/c', tagged('sales'));
    h.fill('/d', { fields: { ...tagged('sale').fields, vary: 'accept' } });
    expect(h.purge({ tag: 'sale' })).toBe(3);
    expect(h.ask('/c').cacheStatus).toStartWith('Holdfast; hit');
    for (const path of ['/a', '/b', '/d']) expect(h.ask(path).state).toBe('waiting');
    h.finish();
  });

  test('a fetch that was under way is stored unless its response turns out to be meant, and nobody joins it', () => {
    const h = new Harness();
    const meant = h.ask('/a');
    const first = h.last;
    const other = h.ask('/b');
    const second = h.last;
    h.purge({ tag: 'sale' });
    const later = h.ask('/a');
    expect(h.last).not.toBe(first);
    first.answer(tagged('sale'), Buffer.from('old'));
    second.answer(tagged('other'), Buffer.from('fine'));
    expect([meant.body.toString(), other.body.toString(), later.state]).toEqual(['old', 'fine', 'waiting']);
    h.last.answer(tagged('sale'), Buffer.from('new'));
    expect(later.body.toString()).toBe('new');
    expect(h.ask('/a').body.toString()).toBe('new');
    expect(h.ask('/b').cacheStatus).toStartWith('Holdfast; hit');
    h.finish();
  });

  test('one whose head had come already is not stored', () => {
    const h = new Harness();
    h.ask('/a');
    h.last.head({ ...tagged('sale'), bodyBytes: 4 });
    h.purge({ tag: 'sale' });
    h.last.data(Buffer.from('body')).end();
    expect(h.tier.cache.count).toBe(0);
    h.finish();
  });
});

describe('by prefix', () => {
  test('of every route that serves it, and only on the host that is named', () => {
    const h = new Harness({ route: TWO_ROUTES });
    const fill = (host: string, path: string) => h.fill(path, FRESH, 'body', { host });
    fill('one.test', '/a/1');
    fill('one.test', '/b/1');
    fill('two.test', '/a/1');
    fill('two.test', '/a/2?q=1');
    fill('two.test', '/b/1');
    expect(h.purge({ prefix: 'http://two.test/a/2?q' })).toBe(1);
    expect(h.purge({ prefix: 'http://one.test/b' })).toBe(2);
    expect(h.purge({ prefix: '/a' })).toBe(2);
    expect(h.tier.cache.count).toBe(0);
    expect(h.purge({ prefix: 'nonsense' })).toBeUndefined();
    h.finish();
  });
});

test.each([1, 2, 3, 4, 5, 6])(
  'seed %i: nobody is served what is older than a purge, whatever else goes on',
  (seed) => {
    const random = seededRandom(seed);
    const h = new Harness({ seed });
    const pathOf = (n: number): string => `/${n % 3}/${n}`;
    /** When a path, by its number, was last purged, in turns; and the turn in which each body was made. */
    const purged = new Array<number>(60).fill(-1);
    const calls: { call: (typeof h)['last']; n: number; turn: number }[] = [];
    crowd(h);
    for (let turn = 0; turn < 3_000; turn += 1) {
      const n = random.u32() % 60;
      const roll = random.next();
      if (roll < 0.05) {
        const kind = random.u32() % 4;
        const soft = random.next() < 0.3;
        if (kind === 0) h.purger.purge({ url: pathOf(n) }, soft);
        else if (kind === 1) h.purger.purge({ prefix: `/${n % 3}/` }, soft);
        else if (kind === 2) h.purger.purge({ tag: `t${n % 5}` }, soft);
        else h.purger.purge({ all: true }, soft);
        for (let other = 0; other < 60; other += 1) {
          const meant = [other === n, other % 3 === n % 3, other % 5 === n % 5, true][kind]!;
          if (meant) purged[other] = turn;
        }
      } else if (roll < 0.5) {
        const before = h.origin.calls.length;
        const asked = h.ask(pathOf(n));
        if (h.origin.calls.length > before) calls.push({ call: h.last, n, turn });
        if (asked.state === 'whole') {
          const made = Number(asked.body.toString());
          assert(made > purged[n]!, `turn ${turn}: ${pathOf(n)} made at ${made}, purged at ${purged[n]}`);
        }
      } else if (calls.length > 0 && roll < 0.95) {
        const [{ call, n: of, turn: made }] = calls.splice(random.u32() % calls.length, 1) as [
          (typeof calls)[0],
        ];
        call.answer(
          { fields: { ...FRESH.fields, etag: `"${made}"`, 'cache-tag': `t${of % 5}` } },
          Buffer.from(`${made}`),
        );
      } else h.clock.advance(random.u32() % 30);
    }
    expect(h.tier.purges.total).toBeGreaterThan(50);
    h.finish();
  },
);
