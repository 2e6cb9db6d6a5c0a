import { gunzip } from 'node:zlib';

/** Bounds of the sitemap protocol (https://www.sitemaps.org/protocol.html): 50 MB uncompressed a file. */
export const SITEMAP_BYTES_MAX = 50 * 1024 * 1024;
/** Longest URL that is taken; the protocol says 2,048. */
const URL_CHARS_MAX = 4_096;
/** Locations that are read in one go: about a millisecond. */
const SLICE = 2_000;

/** Why a file could not be read, for the operator. */
export class SitemapError extends Error {}

/** What a sitemap names: further sitemaps, or pages and the images on them (`<image:loc>`). */
export interface Sitemap {
  readonly isIndex: boolean;
  /** Slices of what it names, in its order; stop between two of them to let others work. */
  readonly slices: Iterable<string[]>;
}

/** `<loc>` in whatever namespace, its text or CDATA. Linear: no part of it can match in two ways. */
const LOC = /<(?:[\w-]+:)?loc>(?:\s*<!\[CDATA\[([^\]<>]*)\]\]>\s*|([^<>]*))<\/(?:[\w-]+:)?loc>/g;

/**
 * Reads a sitemap or an index of sitemaps, gzipped or not. Entities of its own (DOCTYPE) are refused, so nothing expands.
 *
 * @throws SitemapError.
 */
export async function readSitemap(bytes: Uint8Array): Promise<Sitemap> {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await unzip(bytes) : bytes;
  const text = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8');
  const start = text.slice(0, 4_096);
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text))
    throw new SitemapError('it declares entities (DOCTYPE), which no sitemap needs');
  const root = /<(?:[\w-]+:)?(sitemapindex|urlset)[\s>]/.exec(start)?.[1];
  if (root === undefined)
    throw new SitemapError('it is no XML sitemap: there is neither <urlset> nor <sitemapindex>');
  return { isIndex: root === 'sitemapindex', slices: slicesOf(text) };
}

function* slicesOf(text: string): Generator<string[]> {
  let slice: string[] = [];
  for (const [, cdata, escaped] of text.matchAll(LOC)) {
    const url = (cdata ?? unescaped(escaped ?? '')).trim();
    if (url !== '' && url.length <= URL_CHARS_MAX) slice.push(url);
    if (slice.length < SLICE) continue;
    yield slice;
    slice = [];
  }
  yield slice;
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The five entities of XML, and characters by number. */
function unescaped(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,4}));/gi, (all, decimal, hex, name) => {
    if (name !== undefined) return NAMED[name] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function unzip(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: SITEMAP_BYTES_MAX }, (error, plain) => {
      if (error === null) resolve(plain);
      else reject(new SitemapError(`it cannot be unzipped, or holds more than 50 MiB (${error.message})`));
    });
  });
}
