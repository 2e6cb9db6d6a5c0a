import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { readSitemap, SITEMAP_BYTES_MAX } from './sitemap.ts';

const read = async (text: string | Uint8Array): Promise<string[]> =>
  [...(await readSitemap(typeof text === 'string' ? Buffer.from(text) : text)).slices].flat();

test('locations in any namespace, escaped or as CDATA; what is too long or empty is left out', async () => {
  const urls = await read(`\uFEFF<?xml version="1.0" encoding="UTF-8"?>
<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9">
  <s:url><s:loc>
    http://a.test/?a=1&amp;b=&#39;&#x27;&quot;&nope;&#1114112;
  </s:loc></s:url>
  <url><loc> <![CDATA[http://a.test/?a=1&b]]> </loc><image:loc>http://a.test/i.jpg</image:loc></url>
  <url><loc></loc><loc>http://a.test/${'x'.repeat(5_000)}</loc><location>no</location></url>
</s:urlset>`);
  expect(urls).toEqual([
    `http://a.test/?a=1&b=''"&nope;&#1114112;`,
    'http://a.test/?a=1&b',
    'http://a.test/i.jpg',
  ]);
});

test('an index is told from a list, and both come in slices', async () => {
  const locs = Array.from({ length: 4_500 }, (_, i) => `<loc>http://a.test/${i}</loc>`).join('');
  const list = await readSitemap(Buffer.from(`<urlset>${locs}</urlset>`));
  expect(list.isIndex).toBe(false);
  expect([...list.slices].map((slice) => slice.length)).toEqual([2_000, 2_000, 500]);
  expect((await readSitemap(Buffer.from('<sitemapindex ></sitemapindex>'))).isIndex).toBe(true);
});

test.each([
  ['', 'no XML sitemap'],
  ['<html></html>', 'no XML sitemap'],
  ['<!DOCTYPE urlset><urlset></urlset>', 'DOCTYPE'],
  [gzipSync('<urlset>').subarray(0, 10), 'cannot be unzipped'],
  [gzipSync(Buffer.alloc(SITEMAP_BYTES_MAX + 1)), 'more than 50 MiB'],
])('is refused: %#', async (text, why) => {
  const error = await read(text).catch((reason: Error) => reason.message);
  expect(error).toContain(why);
});

test('hostile texts take no longer than their length', async () => {
  for (const piece of ['<loc>', '<loc> ', '<loc><![CDATA[', '<a:loc', ' '])
    expect(await read(`<urlset>${piece.repeat(200_000)}`)).toEqual([]);
});
