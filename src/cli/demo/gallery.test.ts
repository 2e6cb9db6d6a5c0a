import { describe, expect, test } from 'bun:test';
import { ScriptedOrigin } from '../../../test/support/scripted-origin.ts';
import { Fields } from '../../http/fields.ts';
import { normalisePath } from '../../http/target.ts';
import { Routes } from '../../serve/1-route.ts';
import { galleryPage } from './gallery.ts';
import { demoImage } from './images.fixture.ts';
import type { DemoImage } from './images.ts';
import { demoConfig } from './node.ts';

const IMAGES = [
  demoImage('originals/001-lake.jpg', 2_400, 1_600),
  demoImage('originals/002-tall.jpg', 800, 1_200),
  demoImage('photos/003-alps.webp', 300, 200),
  demoImage('thumbs/004-sea.webp', 64, 64),
];

function routesFor(images: readonly DemoImage[]): Routes {
  const ports = { port: 0, adminPort: 0 };
  const config = demoConfig({
    originUrl: 'http://127.0.0.1:1',
    ...ports,
    memoryBytes: 2 ** 24,
    policy: 'lru',
    transforms: 2,
    images,
  });
  return new Routes(config, [new ScriptedOrigin((fn) => fn())]);
}

const decode = (text: string): string =>
  text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));

/** Every address of an image that a page has, wherever it stands. */
function addressesOf(html: string): string[] {
  const text = decode(html.replace(/<script>.*<\/script>/s, ''));
  return [...new Set(text.match(/\/images\/[^\s"'<>]+/g))];
}

/** What the demo's node makes of an address. */
function kindOf(routes: Routes, address: string): string {
  const target = normalisePath(address)!;
  const reading = routes.match('127.0.0.1', target.path)!.images?.reader.read(target, new Fields(), 0);
  return reading === undefined ? 'as it is' : reading.kind === 'refused' ? reading.why : reading.kind;
}

describe('the gallery', () => {
  test('names no address that its node would not understand', () => {
    const routes = routesFor(IMAGES);
    const addresses = addressesOf(galleryPage(IMAGES));
    expect(addresses.length).toBeGreaterThan(25);
    for (const address of addresses) {
      const expected = address.includes('?')
        ? 'variant'
        : /thumbs|photos/.test(address)
          ? 'as it is'
          : 'original';
      expect(`${address} ${kindOf(routes, address)}`).toBe(`${address} ${expected}`);
    }
  });

  test('offers the widths that an original has, and none beyond', () => {
    const html = decode(galleryPage(IMAGES));
    const tall = /srcset="(\/images\/originals\/002-tall[^"]+)"/.exec(html)![1]!;
    expect(tall.split(', ').map((candidate) => candidate.split(' ')[1])).toEqual(['320w', '480w', '640w']);
    const lake = [...html.matchAll(/srcset="(\/images\/originals\/001-lake[^"]+auto=format[^"]+)"/g)];
    expect(lake.length).toBe(1);
    expect(lake[0]![1]).toEndWith('w=1920&auto=format 1920w');
  });

  test('has the best format first, for phones another cut, and for all others a JPEG', () => {
    const picture = /<picture>.*<\/picture>/s.exec(galleryPage(IMAGES))![0];
    const sources = [...picture.matchAll(/<source( media="[^"]+")?(?: type="([^"]+)")?/g)];
    expect(sources.map(([, media, type]) => [media !== undefined, type])).toEqual([
      [true, 'image/avif'],
      [true, 'image/webp'],
      [true, undefined],
      [false, 'image/avif'],
      [false, 'image/webp'],
    ]);
    expect(picture).toMatch(/<img src="[^"]+fm=jpg"/);
  });

  test('describes its pictures in words, and takes no name for markup', () => {
    const html = galleryPage([demoImage('a"><script>/001-x<y>.jpg', 1_200, 800), ...IMAGES]);
    expect(html).toContain('alt="lake 001"');
    expect(html).toContain('alt="x&#60;y&#62; 001"');
    expect(html.match(/<script>/g)!.length).toBe(1);
    for (const [, alt] of html.matchAll(/<img [^>]*alt="([^"]*)"/g)) expect(alt).not.toBe('');
  });

  test('of images too small for variants shows each as it is', () => {
    const images = [demoImage('a.webp', 64, 64), demoImage('b.webp', 64, 64)];
    const html = galleryPage(images);
    expect(addressesOf(html)).toEqual(['/images/a.webp', '/images/b.webp']);
    expect(html).not.toContain('<picture>');
    expect(routesFor(images).match('127.0.0.1', '/images/a.webp')!.images).toBeUndefined();
  });
});
