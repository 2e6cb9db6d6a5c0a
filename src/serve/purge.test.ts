import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';
import { seededRandom } from '../base/random.ts';

/** A URL finds what a request for it stored, however either is spelled. */

const FRESH = { fields: { 'cache-control': 'max-age=60' } };
const BY_HOST = 'key: { host: true }';

describe('by URL', () => {
  test.each([
    ["/p?w='a'", "http://img.example/p?w='a'"],
    ["/p?w='a'", "/p?w='a'"],
    ["/p?w=%27a'", "http://img.example/p?w=%27a'"],
    ['/p?w="<>`{|}\\', 'http://img.example/p?w="<>`{|}\\'],
    ['/p\\q', 'http://img.example/p\\q'],
    ['/p?b=2&a=1', 'https://img.example/p?b=2&a=1'],
    ['/p?x=50%', 'HTTP://img.example/p?x=50%'],
    ['//p//q', '//p//q'],
    ['/', 'http://img.example'],
    ['/?q', 'http://img.example?q'],
    ['/p', 'http://img.example/p#top'],
    ['/p', ' http://user:word@img.example/p\n'],
    ['/caf%C3%A9?n=%C3%A9%20b', 'http://img.example/café?n=é b'],
    ['/caf\u00c3\u00a9', '/café'],
  ])('%p is purged by %p', (target, url) => {
    const h = new Harness();
    h.fill(target, FRESH);
    expect(h.purge({ url })).toBe(1);
    expect(h.ask(target).state).toBe('waiting');
    h.finish();
  });

  test.each(['', '?q', 'p', 'img.example/p', 'ftp://img.example/p', 'http://img.example/%zz', '/a\u0000b'])(
    '%p is no URL that a client can ask for',
    (url) => {
      const h = new Harness();
      h.fill('/p', FRESH);
      expect(h.purge({ url })).toBeUndefined();
      h.finish();
    },
  );

  test.each([
    ['img.test', 'http://IMG.test/p'],
    ['img.test', 'http://img.test:80/p'],
    ['img.test', 'http://img.test:081/p'],
    ['img.test', 'https://img.test.:443/p'],
    ['xn--bcher-kva.test', 'http://Bücher.test:80/p'],
    ['[::1]', 'http://[::1]:8080/p'],
  ])('with the host in the key, %s is purged by %s', (host, url) => {
    const h = new Harness({ route: BY_HOST });
    h.fill('/p', FRESH, 'mine', { host });
    h.fill('/p', FRESH, 'other', { host: 'other.test' });
    expect(h.purge({ url })).toBe(1);
    expect(h.ask('/p', { host: 'other.test' }).body.toString()).toBe('other');
    h.finish();
  });

  test('whatever a client may ask for can be purged by the same text, and nothing else goes with it', () => {
    const random = seededRandom(11);
    const pieces = [
      "'",
      '"',
      '\\',
      '|',
      '<',
      '^',
      '{',
      '`',
      '%27',
      '%2f',
      '%41',
      '&',
      '=',
      '?',
      '/',
      '/..',
      '+',
      'a',
    ];
    const text = (): string =>
      Array.from({ length: random.u32() % 8 }, () => pieces[random.u32() % pieces.length]!).join('');
    const h = new Harness();
    h.fill('/kept', FRESH);
    for (let i = 0; i < 1000; i += 1) {
      const target = `/${text()}?${text()}`;
      const asked = h.ask(target);
      if (asked.status === 400) continue; // `..` in a disguise
      h.last.answer(FRESH, Buffer.from('body'));
      expect(asked.body.toString()).toBe('body');
      expect(h.purge({ url: random.next() < 0.5 ? target : `http://img.example${target}` })).toBe(1);
    }
    expect(h.tier.cache.count).toBe(1);
    h.finish();
  });
});
