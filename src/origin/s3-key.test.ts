import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { normalisePath } from '../http/target.ts';
import { objectPath } from './s3-key.ts';

describe('keys of objects', () => {
  test.each([
    ['/a.jpg', '/a.jpg'],
    ['/a/b/c.jpg', '/a/b/c.jpg'],
    ['/a%20b.jpg', '/a%20b.jpg'],
    ['/a+b.jpg', '/a%2Bb.jpg'],
    ['/a%2Bb.jpg', '/a%2Bb.jpg'],
    ['/%C3%BC/%E2%82%AC.jpg', '/%C3%BC/%E2%82%AC.jpg'],
    ["/a!$&'()*,;=:@.jpg", '/a%21%24%26%27%28%29%2A%2C%3B%3D%3A%40.jpg'],
    ['/a~b_c-d.jpg', '/a~b_c-d.jpg'],
    ['/a//b', '/a//b'],
    ['//a', '//a'],
    ['/a/', '/a/'],
    ['/a..b/.c/...', '/a..b/.c/...'],
    ['/a%2Fb', '/a/b'],
    ['/100%25.jpg', '/100%25.jpg'],
    ['/a.jpg?versionId=1&acl', '/a.jpg'],
    ['/a%3Facl', '/a%3Facl'],
    ['/a%0Ab', '/a%0Ab'],
  ])('%s is asked for as %s', (target, path) => {
    expect(objectPath(target, '')).toBe(path);
  });

  test.each([
    '/',
    '//',
    '/?list-type=2',
    '/%2F',
    '/a/..%2Fb',
    '/%2E%2E',
    '/.',
    '/a/./b',
    '/%FF.jpg',
    '/a%C3',
    '/%zz',
  ])('%s names no object', (target) => {
    expect(objectPath(target, '')).toBeUndefined();
  });

  test('a prefix is put before every key, and does not let anybody out', () => {
    expect(objectPath('/a.jpg', 'shop/2024')).toBe('/shop/2024/a.jpg');
    expect(objectPath('/a.jpg', 'bücher & co')).toBe('/b%C3%BCcher%20%26%20co/a.jpg');
    expect(objectPath('/', 'shop')).toBe('/shop/');
    expect(objectPath('/..%2Fother/a.jpg', 'shop')).toBeUndefined();
  });

  test('as long as keys can be, and not longer', () => {
    const path = `/${'ü'.repeat(510)}`;
    expect(objectPath(encodeURI(path), 'abc')).toBe(encodeURI(`/abc${path}`));
    expect(objectPath(encodeURI(`${path}x`), 'abc')).toBeUndefined();
  });

  test('any key that is written into a URL comes out as itself', () => {
    const random = seededRandom(3);
    const characters = [...'ab/.+ %?#&=~é€😀\\"\'()*\n\u0001'];
    let asked = 0;
    for (let round = 0; round < 2000; round += 1) {
      const length = 1 + (random.u32() % 12);
      const key = Array.from({ length }, () => characters[random.u32() % characters.length]!).join('');
      const target = `/${key.split('/').map(encodeURIComponent).join('/')}`;
      const found = objectPath(normalisePath(target)!.path, '');
      // Dot segments are resolved, or refused, before there is a key.
      if (key.split('/').some((segment) => segment === '.' || segment === '..') || /^\/*$/.test(key))
        continue;
      asked += 1;
      expect(decodeURIComponent(found!)).toBe(`/${key}`);
      expect(found).toMatch(/^[\w\-.~/]*(%[0-9A-F]{2}[\w\-.~/]*)*$/);
    }
    expect(asked).toBeGreaterThan(1000);
  });
});
