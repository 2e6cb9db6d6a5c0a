/** Who made a picture, and under which terms: what `metadata: copyright` keeps of the original's EXIF. */
export interface Copyright {
  readonly Copyright?: string;
  readonly Artist?: string;
}

const TAGS: Readonly<Record<number, keyof Copyright>> = { 33432: 'Copyright', 315: 'Artist' };
const ASCII = 2;
const TEXT_BYTES_MAX = 1024;

/**
 * Reads the two fields out of the first directory of an EXIF block (Exif 2.32, section 4.6.4): as UTF-8, without controls, at most 1024
 * bytes each. What is malformed is as if it were not there. Never throws.
 */
export function copyrightOf(exif: Uint8Array | undefined): Copyright {
  if (exif === undefined) return {};
  // Some containers keep the six bytes by which JPEG introduces the block.
  const isIntroduced = new TextDecoder('latin1').decode(exif.subarray(0, 4)) === 'Exif';
  const tiff = isIntroduced ? exif.subarray(6) : exif;
  try {
    return fieldsOf(new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength));
  } catch {
    return {};
  }
}

/** Throws RangeError where an offset leads out of the block. */
function fieldsOf(view: DataView): Copyright {
  const little = view.getUint8(0) === 0x49;
  const directory = view.getUint32(4, little);
  const entries = view.getUint16(directory, little);
  const found: { -readonly [K in keyof Copyright]: Copyright[K] } = {};
  for (let index = 0; index < entries; index += 1) {
    const at = directory + 2 + index * 12;
    const name = TAGS[view.getUint16(at, little)];
    if (name === undefined || view.getUint16(at + 2, little) !== ASCII) continue;
    const bytes = view.getUint32(at + 4, little);
    const start = bytes <= 4 ? at + 8 : view.getUint32(at + 8, little);
    const text = textAt(view, start, Math.min(bytes, TEXT_BYTES_MAX));
    if (text !== '') found[name] = text;
  }
  return found;
}

function textAt(view: DataView, start: number, bytes: number): string {
  const text = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + start, bytes));
  return text.replace(/[\0-\x1f\x7f]+/g, ' ').trim();
}
