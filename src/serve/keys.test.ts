import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';

/** What makes two requests ask for the same thing: path, query, host, and the fields that Vary names. */

const FRESH = { fields: { 'cache-control': 'max-age=60' } };
const target = (h: Harness): string => h.last.request.target;

describe('path and query', () => {
  test.each([
    ['/a/b.png', '/a/x/../b.png'],
    ['/a/b.png', '/a/./b.png'],
    ['/a/b.png', '/a/%62.png'],
    ['/a/b.png', '/a/%2e/b.png'],
    ['/b.png', '/../../b.png'],
    ['/%E2%82%AC', '/%e2%82%ac'],
    ['/a', '/a?'],
  ])('%s and %s are one', (one, other) => {
    const h = new Harness();
    h.fill(one, FRESH, 'one');
    expect(target(h)).toBe(one);
    expect(h.ask(other).body.toString()).toBe('one');
    h.finish();
  });

  test.each([
    ['/a', '/A'],
    ['/a', '/a/'],
    ['/a/b', '/a%2Fb'],
    ['/a', '//a'],
    ['/a', '/a?x'],
    ['/a?x=1', '/a?x=2'],
    ['/a?x=1&x=2', '/a?x=2&x=1'],
    ['/a?x=1&y=2', '/a?y=2&x=1'],
    ['/a?x=1', '/a?&x=1&'],
    ['/a?x=', '/a?x'],
  ])('%s and %s are two', (one, other) => {
    const h = new Harness();
    h.fill(one, FRESH, 'one');
    expect(h.fill(other, FRESH, 'other').body.toString()).toBe('other');
    expect(target(h)).toBe(other);
    h.finish();
  });

  test('query: none keeps it from key and origin', () => {
    const h = new Harness({ route: 'key: { query: none }' });
    h.fill('/a?utm=1', FRESH);
    expect(target(h)).toBe('/a');
    expect(h.ask('/a?utm=2').cacheStatus).toStartWith('Holdfast; hit');
    h.finish();
  });

  test('a list lets its parameters through, sorted, and no other', () => {
    const h = new Harness({ route: 'key: { query: [w, h] }' });
    h.fill('/a?w=1&utm=x&h=2', FRESH);
    expect(target(h)).toBe('/a?h=2&w=1');
    expect(h.ask('/a?h=2&w=1&fbclid=3').cacheStatus).toStartWith('Holdfast; hit');
    expect(h.ask('/a?h=2&w=2').state).toBe('waiting');
    h.finish();
  });

  test('stripPrefix takes the start of the path from what the origin is asked', () => {
    const h = new Harness({ route: 'match: { paths: ["/images/*"] }\nstripPrefix: /images' });
    h.fill('/images/a.png?x=1', FRESH);
    expect(target(h)).toBe('/a.png?x=1');
    h.fill('/images/', FRESH);
    expect(target(h)).toBe('/');
    h.finish();
  });

  test('paths that grow threefold when they are encoded are told apart to the last byte', () => {
    const h = new Harness();
    const long = `/${'"'.repeat(8_000)}`;
    h.fill(`${long}1`, FRESH, 'one');
    expect(h.fill(`${long}2`, FRESH, 'two').body.toString()).toBe('two');
    expect(h.ask(`${long}1`).body.toString()).toBe('one');
    expect(h.ask(`${long}2`).body.toString()).toBe('two');
    h.finish();
  });
});

describe('host', () => {
  test('is not part of the key unless the route says so', () => {
    for (const [host, calls] of [
      ['false', 1],
      ['true', 2],
    ] as const) {
      const h = new Harness({ route: `key: { host: ${host} }` });
      for (const name of ['a.example', 'b.example']) {
        const reader = h.ask('/a', { host: name });
        if (reader.state === 'waiting') h.last.answer(FRESH, Buffer.from(name));
      }
      expect(h.origin.calls.length).toBe(calls);
      expect(h.ask('/a', { host: 'b.example' }).body.toString()).toBe(
        calls === 1 ? 'a.example' : 'b.example',
      );
      h.finish();
    }
  });

  test('routes of different hosts do not share', () => {
    const h = new Harness({
      route: `
- name: one
  origin: o
  match: { hosts: ["one.example", "*.one.example"] }
- name: two
  origin: o
  match: { hosts: ["two.example"] }`,
    });
    h.fill('/a', FRESH, 'one', { host: 'one.example' });
    h.fill('/a', FRESH, 'two', { host: 'two.example:8080' });
    expect(h.ask('/a', { host: 'www.one.example:80' }).body.toString()).toBe('one');
    expect(h.ask('/a', { host: 'two.example' }).body.toString()).toBe('two');
    expect(h.ask('/a', { host: 'three.example' }).status).toBe(404);
    expect(h.ask('/a', { host: 'oneXexample' }).status).toBe(404);
    h.finish();
  });
});

describe('Vary', () => {
  const AVIF = { fields: { accept: 'image/avif,image/webp,*/*' } };
  const WEBP = { fields: { accept: 'image/webp,*/*;q=0.8' } };
  const varying = (by: string) => ({ fields: { 'cache-control': 'max-age=60', vary: by } });

  test('two variants live side by side, and clients of one class share theirs', () => {
    const h = new Harness();
    h.fill('/a', varying('Accept'), 'avif', AVIF);
    const webp = h.fill('/a', varying('Accept'), 'webp', WEBP);
    expect(webp.cacheStatus).toBe('Holdfast; fwd=vary-miss; fwd-status=200; stored');
    expect(h.ask('/a', AVIF).body.toString()).toBe('avif');
    expect(h.ask('/a', WEBP).body.toString()).toBe('webp');
    const chrome = { fields: { accept: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8' } };
    expect(h.ask('/a', chrome).body.toString()).toBe('avif');
    expect(h.ask('/a', { fields: {} }).state).toBe('waiting');
    h.finish();
  });

  test('the origin gets the folded field, so that sharers cannot differ', () => {
    const h = new Harness();
    h.fill('/a', varying('Accept'), 'avif', {
      fields: { accept: 'image/avif;q=0.9,text/html,image/jxl;q=0' },
    });
    const sent = h.last.request.fields.get('accept');
    expect(h.ask('/a', { fields: { accept: sent! } }).body.toString()).toBe('avif');
    h.finish();
  });

  test('followers that turn out to want another variant go their own way, together', () => {
    const h = new Harness();
    const first = [h.ask('/a', AVIF), h.ask('/a', AVIF)];
    const second = [h.ask('/a', WEBP), h.ask('/a', WEBP)];
    h.last.answer(varying('Accept'), Buffer.from('avif'));
    expect(h.origin.calls.length).toBe(2);
    h.last.answer(varying('Accept'), Buffer.from('webp'));
    for (const reader of first) expect(reader.body.toString()).toBe('avif');
    for (const reader of second) expect(reader.body.toString()).toBe('webp');
    expect(h.ask('/a', AVIF).cacheStatus).toStartWith('Holdfast; hit');
    expect(h.ask('/a', WEBP).cacheStatus).toStartWith('Holdfast; hit');
    h.finish();
  });

  test('a field that only some responses name still keeps all variants reachable', () => {
    const h = new Harness();
    const both = (size: string) => ({ fields: { ...AVIF.fields, size } });
    h.fill('/a', varying('Accept'), 'plain', both('1'));
    h.fill('/a', varying('Accept, Size'), 'double', { fields: { ...WEBP.fields, size: '2' } });
    h.fill('/a', varying('Accept'), 'plain again', both('1'));
    expect(h.ask('/a', both('1')).body.toString()).toBe('plain again');
    expect(h.ask('/a', { fields: { ...WEBP.fields, size: '2' } }).body.toString()).toBe('double');
    expect(h.ask('/a', both('3')).state).toBe('waiting');
    h.finish();
  });

  test('a stale variant is validated for itself, also when its head grows', () => {
    const h = new Harness();
    const stale = {
      fields: { 'cache-control': 'max-age=0, stale-while-revalidate=0', vary: 'accept', etag: '"v"' },
    };
    h.fill('/a', stale, 'avif', AVIF);
    h.fill('/a', stale, 'webp', WEBP);
    for (const [asking, body] of [
      [AVIF, 'avif'],
      [WEBP, 'webp'],
      [AVIF, 'avif'],
    ] as const) {
      h.clock.advance(1_000);
      const reader = h.ask('/a', asking);
      expect(h.last.request.fields.get('if-none-match')).toBe('"v"');
      h.last.answer({ status: 304, fields: { 'x-note': 'longer'.repeat(1 + (h.random.u32() % 9)) } });
      expect(reader.body.toString()).toBe(body);
    }
    h.finish();
  });

  test('a variant that can no longer be shared is validated alone without taking the place of the others', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s }' });
    const stale = { fields: { 'cache-control': 'max-age=1', vary: 'accept', etag: '"v"' } };
    h.fill('/a', stale, 'avif', AVIF);
    h.fill('/a', stale, 'webp', WEBP);
    h.clock.advance(5_000);
    const readers = [h.ask('/a', AVIF), h.ask('/a', AVIF)];
    h.last.answer({ fields: { 'cache-control': 'private' } }, Buffer.from('private'));
    h.last.answer({ status: 304, fields: { etag: '"v"', 'cache-control': 'max-age=1000' } });
    expect(readers.map((reader) => reader.body.toString())).toEqual(['private', 'avif']);
    expect(h.ask('/a', AVIF).body.toString()).toBe('avif');
    const webp = h.ask('/a', WEBP);
    h.last.answer({ status: 304 });
    expect(webp.body.toString()).toBe('webp');
    h.finish();
  });

  test('what does not reach the origin chooses no variant', () => {
    const h = new Harness();
    // Named by Connection, the field ends here: what comes back is for those who send none.
    h.fill('/a', varying('Origin'), 'for none', {
      fields: { origin: 'https://a.example', connection: 'origin' },
    });
    expect(h.last.request.fields.has('origin')).toBe(false);
    expect(h.ask('/a').body.toString()).toBe('for none');
    expect(h.ask('/a', { fields: { origin: 'https://a.example' } }).state).toBe('waiting');
    h.fill('/b', varying('Cookie'), 'for all', { fields: { cookie: 'id=1' } });
    expect(h.ask('/b', { fields: { cookie: 'id=2' } }).body.toString()).toBe('for all');
    h.finish();
  });

  test('by more than is kept apart: not stored', () => {
    const h = new Harness();
    const names = (from: number) => Array.from({ length: 10 }, (_, i) => `x-${from + i}`).join(', ');
    h.fill('/a', varying(names(0)), 'ten');
    expect(h.ask('/a').body.toString()).toBe('ten');
    const more = h.fill('/a', varying(names(10)), 'twenty', { fields: { 'x-0': '1' } });
    expect(more.cacheStatus).toEndWith('detail=vary-star');
    expect(h.ask('/a').body.toString()).toBe('ten');
    const long = h.fill('/b', varying('x-long'), 'long', { fields: { 'x-long': 'x'.repeat(5_000) } });
    expect(long.cacheStatus).toEndWith('detail=vary-star');
    h.finish();
  });
});
