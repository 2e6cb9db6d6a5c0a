import type { Sniffed } from '../../image/sniff.ts';

/**
 * True where the structure of a file says that its end is missing: a block, chunk or box reaches beyond the last byte. Decoders say so too,
 * but the library has one place for the words of all its threads, and some decoders are content with less. Linear at worst.
 */
export function endsEarly(format: Sniffed, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case 'jpeg':
      return jpegEndsEarly(bytes, view);
    case 'png':
      return pngEndsEarly(view);
    case 'gif':
      return gifEndsEarly(bytes);
    case 'webp':
      return bytes.length < 12 || view.getUint32(4, true) + 8 > bytes.length;
    case 'avif':
      return boxesEndEarly(view);
    case 'tiff':
      return tiffEndsEarly(view);
    default:
      return false;
  }
}

/** Segments with a length, and behind the head of each scan its data, up to the mark of the end (ITU-T T.81, annex B.1). */
function jpegEndsEarly(bytes: Uint8Array, view: DataView): boolean {
  const [START, END, SCAN] = [0xd8, 0xd9, 0xda];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0xff) at += 1;
    else if (marker === END) return false;
    else if (marker === START || marker < 0xc0 || (marker >= 0xd0 && marker < START)) at += 2;
    else at += 2 + view.getUint16(at + 2);
    // Data of a scan are skipped byte by byte: in them a mark is told by what follows its first byte.
    if (marker === SCAN && at < bytes.length) at = behindScan(bytes, at);
  }
  return !(bytes[at] === 0xff && bytes[at + 1] === END);
}

function behindScan(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at >= 0) {
    const next = bytes[at + 1] ?? 0;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
    at = bytes.indexOf(0xff, at + 1);
  }
  return bytes.length;
}

/** Chunks of a length, a type, data and a checksum (PNG, section 5.3), up to IEND; one without it is whole when its last IDAT is. */
function pngEndsEarly(view: DataView): boolean {
  const [IDAT, IEND] = [0x49444154, 0x49454e44];
  let at = 8;
  let hasData = false;
  while (at + 8 <= view.byteLength) {
    const type = view.getUint32(at + 4);
    if (type === IEND) return false;
    hasData ||= type === IDAT;
    at += 12 + view.getUint32(at);
  }
  return !hasData || at !== view.byteLength;
}

/**
 * Blocks of sub-blocks (GIF89a, sections 15 to 25). Decoders show what is there and say nothing. A missing trailer alone is no harm, and
 * is common.
 */
function gifEndsEarly(bytes: Uint8Array): boolean {
  const colours = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));
  const behindBlocks = (from: number): number => {
    let at = from;
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    return at + 1;
  };
  let at = 13 + colours(bytes[10] ?? 0);
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === 0x21) at = behindBlocks(at + 2);
    else if (kind === 0x2c) at = behindBlocks(at + 11 + colours(bytes[at + 9] ?? 0));
    else return false;
  }
  return at > bytes.length;
}

/** Boxes of a size and a type (ISO/IEC 14496-12, section 4.2); a size of 0 reaches to the end, one of 1 has 64 bits. */
function boxesEndEarly(view: DataView): boolean {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const bytes = view.getUint32(at);
    if (bytes === 0) return false;
    if (bytes !== 1) at += Math.max(8, bytes);
    else if (at + 16 > view.byteLength) return true;
    else at += Math.max(16, Number(view.getBigUint64(at + 8)));
  }
  return at !== view.byteLength;
}

/** The first directory (TIFF 6.0, section 2), and the strips or tiles of the image that it describes, as far as it says where they end. */
function tiffEndsEarly(view: DataView): boolean {
  if (view.byteLength < 8) return true;
  const little = view.getUint8(0) === 0x49;
  // BigTIFF has other widths, and is rare: it is left to the decoder.
  if (view.getUint16(2, little) !== 42) return false;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return true;
  const entries = view.getUint16(directory, little);
  if (directory + 2 + entries * 12 > view.byteLength) return true;
  const lists = new Map<number, number[]>();
  for (let index = 0; index < entries; index += 1) {
    const at = directory + 2 + index * 12;
    const tag = view.getUint16(at, little);
    if (tag !== 273 && tag !== 279 && tag !== 324 && tag !== 325) continue;
    const numbers = tiffNumbers(view, at, little);
    if (numbers === undefined) return true;
    lists.set(tag, numbers);
  }
  const offsets = lists.get(273) ?? lists.get(324) ?? [];
  const counts = lists.get(279) ?? lists.get(325) ?? [];
  return offsets.some((offset, index) => offset + (counts[index] ?? 0) > view.byteLength);
}

/** The values of one entry of a directory: 16 or 32 bits each, in place when they fit into four bytes. Undefined for beyond the end. */
function tiffNumbers(view: DataView, at: number, little: boolean): number[] | undefined {
  const bytes = view.getUint16(at + 2, little) === 3 ? 2 : 4;
  const count = view.getUint32(at + 4, little);
  const start = count * bytes <= 4 ? at + 8 : view.getUint32(at + 8, little);
  if (start + count * bytes > view.byteLength) return undefined;
  const read = (offset: number): number =>
    bytes === 2 ? view.getUint16(offset, little) : view.getUint32(offset, little);
  return Array.from({ length: count }, (_, index) => read(start + index * bytes));
}
