import { describe, expect, test } from 'bun:test';
import { acceptedFormats, foldAccept, foldAcceptEncoding } from './negotiation.ts';

const CHROME_IMAGE = 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8';
const FIREFOX_IMAGE = 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5';
const SAFARI_IMAGE =
  'image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5';
const CHROME_NAVIGATION =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8';

describe('foldAccept', () => {
  test.each<[string | undefined, string]>([
    [undefined, '*/*'],
    ['*/*', '*/*'],
    ['*/*;q=0.8', '*/*'],
    ['image/*', '*/*'],
    ['image/png,image/*;q=0.8', '*/*'],
    [CHROME_IMAGE, 'image/avif, image/webp, */*;q=0.8'],
    [FIREFOX_IMAGE, 'image/avif, image/webp, */*;q=0.8'],
    [CHROME_NAVIGATION, 'image/avif, image/webp, */*;q=0.8'],
    [SAFARI_IMAGE, 'image/avif, image/jxl, image/webp, */*;q=0.8'],
    ['IMAGE/WebP', 'image/webp, */*;q=0.8'],
    ['image/webp;q=0, image/avif', 'image/avif, */*;q=0.8'],
    ['image/webp;q=0.000, */*', '*/*'],
    ['image/webp ; level=1 ; Q=0.001', 'image/webp, */*;q=0.8'],
    ['image/webp;q=2', '*/*'],
    ['image/webp;q=yes', '*/*'],
    ['image/webp, image/webp;q=0', '*/*'],
    ['image/webpx, ximage/avif', '*/*'],
    // Nothing about images: kept, but for white space.
    ['text/html', 'text/html'],
    ['text/html ,*/*;q=0.1', 'text/html, */*;q=0.1'],
    ['', ''],
  ])('%p', (value, folded) => {
    expect(foldAccept(value)).toBe(folded);
    expect(foldAccept(folded)).toBe(folded);
  });

  test('remembering is invisible, also after very many different values', () => {
    for (let i = 0; i < 1000; i++)
      expect(foldAccept(`image/webp, image/x${i}`)).toBe('image/webp, */*;q=0.8');
    expect(foldAccept(CHROME_IMAGE)).toBe('image/avif, image/webp, */*;q=0.8');
    expect(foldAccept('text/plain')).toBe('text/plain');
  });
});

describe('foldAcceptEncoding', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'identity'],
    ['', 'identity'],
    ['identity', 'identity'],
    ['deflate', 'identity'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br, gzip, zstd'],
    ['gzip, deflate, br', 'br, gzip'],
    ['GZIP;q=0.5', 'gzip'],
    ['gzip;q=0', 'identity'],
    ['gzip;q=0.0, br', 'br'],
    ['*', 'br, gzip, zstd'],
    ['*, br;q=0', 'gzip, zstd'],
    ['gzip, *;q=0', 'gzip'],
    ['gzip;q=1.5', 'identity'],
  ])('%p', (value, folded) => {
    expect(foldAcceptEncoding(value)).toBe(folded);
    expect(foldAcceptEncoding(folded)).toBe(folded);
  });
});

test('acceptedFormats names formats, sorted', () => {
  expect(acceptedFormats(SAFARI_IMAGE)).toEqual(['avif', 'jxl', 'webp']);
  expect(acceptedFormats('image/*')).toEqual([]);
  expect(acceptedFormats(undefined)).toEqual([]);
});
