import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { isImageFormat, SNIFFED, type Sniffed, sniff } from './sniff.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const utf16 = (text: string, little: boolean): Uint8Array =>
  Uint8Array.from(
    [...`\ufeff${text}`].flatMap((char) => {
      const code = char.charCodeAt(0);
      return little ? [code & 255, code >> 8] : [code >> 8, code & 255];
    }),
  );
const ftyp = (major: string, ...compatible: string[]): Uint8Array =>
  bytes(`\0\0\0${String.fromCharCode(16 + 4 * compatible.length)}ftyp${major}\0\0\0\0${compatible.join('')}`);

const CASES: readonly (readonly [Sniffed, Uint8Array])[] = [
  ['jpeg', bytes('\xff\xd8\xff\xe0\0\x10JFIF')],
  ['png', bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')],
  ['gif', bytes('GIF89a\x01\0')],
  ['gif', bytes('GIF87a')],
  ['webp', bytes('RIFF\x24\0\0\0WEBPVP8 ')],
  ['unknown', bytes('RIFF\x24\0\0\0WAVEfmt ')],
  ['avif', ftyp('avif', 'mif1', 'miaf')],
  ['avif', ftyp('mif1', 'avif')],
  ['avif', ftyp('avis')],
  ['heic', ftyp('heic', 'mif1')],
  ['heic', ftyp('mif1', 'heic')],
  ['heic', ftyp('mif1')],
  ['unknown', ftyp('isom', 'mp42')],
  // A drawing that calls itself a box: decoders are not taken in by it.
  ['svg', utf8('<!--ftypavif--><svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['unknown', utf8('    ftypavif')],
  ['jxl', bytes('\xff\x0a\xfa')],
  ['jxl', bytes('\0\0\0\x0cJXL \r\n\x87\n')],
  ['jp2', bytes('\0\0\0\x0cjP  \r\n\x87\n')],
  ['tiff', bytes('II*\0\x08\0\0\0')],
  ['tiff', bytes('MM\0*\0\0\0\x08')],
  ['bmp', bytes(`BM\x46\0\0\0\0\0\0\0\x36\0\0\0${'\0'.repeat(40)}`)],
  ['unknown', bytes('BMW is a car, not a bitmap at all')],
  ['ico', bytes('\0\0\x01\0\x01\0\x10\x10')],
  ['psd', bytes('8BPS\0\x01')],
  ['pdf', bytes('%PDF-1.7')],
  ['svg', utf8('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['svg', utf8('\ufeff \r\n<?xml version="1.0"?>\n<!-- a <html> of the author -->\n<svg/>')],
  ['svg', utf8('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x" [ <!ENTITY a "b"> ]><svg>')],
  ['svg', utf8(`<!-- ${'licence '.repeat(300)}-->\n<?xml-stylesheet href="x"?><s:svg xmlns:s="x">`)],
  ['svg', utf16('<?xml version="1.0"?><svg>', true)],
  ['svg', utf16('<svg>', false)],
  ['html', utf8('<!DOCTYPE html><title>Sign in</title>')],
  ['html', utf8('\n\n<HTML lang="en">')],
  ['html', utf8('<!-- x --><!doctype html>')],
  ['html', utf8('<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html>')],
  ['xml', utf8('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
  ['xml', utf8('<svgx/>')],
  ['xml', utf8('<?xml version="1.0"?>')],
  ['json', utf8(' {"error": "no"}')],
  ['json', utf8('{}')],
  ['json', utf8('[1]')],
  ['unknown', utf8('{{ template }}')],
  ['unknown', utf8('plain words')],
  ['unknown', utf8('<')],
  ['unknown', utf8('<3')],
  ['unknown', utf8('   ')],
  ['unknown', new Uint8Array()],
];

test.each(CASES)('%s by its first bytes (%#)', (format, data) => {
  expect(sniff(data)).toBe(format);
});

test('what is cut short is never something else that is an image', () => {
  for (const [format, data] of CASES) {
    for (let length = 0; length < data.length; length += 1) {
      const found = sniff(data.subarray(0, length));
      if (isImageFormat(found) && found !== format) expect([format, found]).toEqual(['avif', 'heic']);
    }
  }
});

test('never throws, and ends soon, whatever the bytes', () => {
  const random = seededRandom(3);
  const bits = ['<!--', '-->', '<?', '?>', '<!DOCTYPE', ' ', '<svg', '>', '[', 'ftyp', '\0', '\xff', '<html'];
  for (let i = 0; i < 5000; i += 1) {
    const text = Array.from({ length: random.u32() % 12 }, () => bits[random.u32() % bits.length]!).join('');
    expect(SNIFFED).toContain(sniff(bytes(text)));
  }
  // Each comment makes it look on: it must not begin again.
  expect(sniff(bytes('<!---->'.repeat(200_000)))).toBe('unknown');
  expect(sniff(bytes('<!--'.repeat(200_000)))).toBe('unknown');
});
