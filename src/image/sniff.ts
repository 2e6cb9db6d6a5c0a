/**
 * What some bytes are, by how they begin: never by what a header or a file name says (WHATWG MIME Sniffing, section 6; ISO/IEC
 * 23000-22 for the brands of HEIF and AVIF). The last ones are no images: they are told apart because they are what arrives in
 * place of one.
 */
export const SNIFFED = [
  'jpeg',
  'png',
  'gif',
  'webp',
  'avif',
  'heic',
  'jxl',
  'jp2',
  'tiff',
  'svg',
  'bmp',
  'ico',
  'psd',
  'html',
  'json',
  'xml',
  'pdf',
  'unknown',
] as const;
export type Sniffed = (typeof SNIFFED)[number];

/** True for formats of images, whether or not anything here can decode them. */
export function isImageFormat(sniffed: Sniffed): boolean {
  return !['html', 'json', 'xml', 'pdf', 'unknown'].includes(sniffed);
}

/** How much is looked at, for what is text: comments and declarations may be before the first element. */
const TEXT_BYTES_MAX = 65_536;

/** Formats that begin with fixed bytes, written as latin1. */
const MAGIC: readonly (readonly [start: string, format: Sniffed])[] = [
  ['\xff\xd8\xff', 'jpeg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['\xff\x0a', 'jxl'],
  ['\0\0\0\x0cJXL \r\n\x87\n', 'jxl'],
  ['\0\0\0\x0cjP  \r\n\x87\n', 'jp2'],
  ['\xff\x4f\xff\x51', 'jp2'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  ['II+\0', 'tiff'],
  ['MM\0+', 'tiff'],
  ['8BPS', 'psd'],
  ['\0\0\x01\0', 'ico'],
  ['\0\0\x02\0', 'ico'],
  ['%PDF-', 'pdf'],
];

/** Brands of ISO base media files that are images. Those of a major brand `mif1` are told by the brands it is compatible with. */
const AVIF_BRANDS: ReadonlySet<string> = new Set(['avif', 'avis']);
const HEIC_BRANDS: ReadonlySet<string> = new Set([
  'heic',
  'heix',
  'heim',
  'heis',
  'hevc',
  'hevx',
  'hevm',
  'hevs',
]);

/** The format of some bytes: of an image, or of what arrived instead of one. Constant cost; text up to its first 64 KiB. */
export function sniff(bytes: Uint8Array): Sniffed {
  const head = latin1(bytes, 0, Math.min(bytes.length, 12));
  for (const [start, format] of MAGIC) if (head.startsWith(start)) return format;
  if (head.startsWith('RIFF') && head.slice(8) === 'WEBP') return 'webp';
  if (head.slice(4, 8) === 'ftyp') {
    const boxBytes = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    // `<!--ftypavif-->` is the beginning of a drawing: as a length it is a gigabyte.
    if (boxBytes <= BRANDS_BYTES_MAX) return sniffBrands(bytes, boxBytes);
  }
  // Two letters are little: the reserved bytes of a bitmap's header are zero, and its pixels begin behind it.
  if (head.startsWith('BM') && head.slice(6, 10) === '\0\0\0\0' && bytes.length >= 26) return 'bmp';
  return sniffText(bytes);
}

/** Longest first box of an ISO base media file that is taken for one: as libheif and libvips have it. */
const BRANDS_BYTES_MAX = 2048;

/** The brands of an ISO base media file (ISO/IEC 14496-12 section 4.3). */
function sniffBrands(bytes: Uint8Array, boxBytes: number): Sniffed {
  const end = Math.min(bytes.length, boxBytes, 256);
  const brands = [latin1(bytes, 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(latin1(bytes, at, at + 4));
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return 'avif';
  if (brands.some((brand) => HEIC_BRANDS.has(brand)) || brands[0] === 'mif1' || brands[0] === 'msf1')
    return 'heic';
  return 'unknown';
}

function sniffText(bytes: Uint8Array): Sniffed {
  const text = textOf(bytes);
  const start = text.search(/[^\t\n\f\r ]/);
  if (start < 0) return 'unknown';
  const first = text[start];
  if (first === '{') return /^\{\s*["}]/.test(text.slice(start, start + 256)) ? 'json' : 'unknown';
  if (first === '[') return /^\[\s*["[\]{\dtfn-]/.test(text.slice(start, start + 256)) ? 'json' : 'unknown';
  return first === '<' ? sniffMarkup(text, start) : 'unknown';
}

/** The first bytes as text: UTF-8 and its kin as latin1, since names of elements are ASCII; UTF-16 by its byte order mark. */
function textOf(bytes: Uint8Array): string {
  const end = Math.min(bytes.length, TEXT_BYTES_MAX);
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return latin1(bytes, 3, end);
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    const low = a === 0xff ? 0 : 1;
    const units: string[] = [];
    for (let at = 2; at + 1 < end; at += 2)
      units.push(String.fromCharCode(bytes[at + low]! | (bytes[at + 1 - low]! << 8)));
    return units.join('');
  }
  return latin1(bytes, 0, end);
}

const HTML =
  /^<(?:!doctype html|html|head|body|title|script|style|meta|link|base|table|iframe|div|span|p|h[1-6]|br|font|a|b)[\s>/]/i;

/** The first element behind declarations, comments and the document type. Linear. */
function sniffMarkup(text: string, start: number): Sniffed {
  let at = start;
  let isXml = false;
  for (;;) {
    const here = text.slice(at, at + 64);
    if (here.startsWith('<?')) {
      isXml ||= /^<\?xml[\s?]/.test(here);
      at = behind(text, at, '?>');
    } else if (here.startsWith('<!--')) at = behind(text, at + 4, '-->');
    else if (/^<!doctype[\s]+svg[\s[>]/i.test(here)) return 'svg';
    else if (HTML.test(here)) return 'html';
    else if (/^<!doctype\s/i.test(here)) {
      isXml = true;
      at = behind(text, at, '>');
    } else if (/^<(?:[A-Za-z_][\w.-]*:)?svg[\s>/]/.test(here)) return 'svg';
    else if (/^<[A-Za-z_]/.test(here)) return 'xml';
    else return isXml ? 'xml' : 'unknown';
    while (/\s/.test(text[at] ?? '')) at += 1;
  }
}

/** Where it goes on behind the next `mark`; the end of the text when there is none. */
function behind(text: string, from: number, mark: string): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at + mark.length;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, Math.min(to, at + 8192)));
  return text;
}
