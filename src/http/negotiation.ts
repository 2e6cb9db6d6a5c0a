import { isToken, splitList, trimOws } from './list.ts';

/** Image formats that clients opt into; everything else (JPEG, PNG, GIF) is taken for granted. */
const OPT_IN_FORMATS = ['avif', 'jxl', 'webp'] as const;
/** Content codings worth a variant of their own, in the order in which they are sent on. */
const CODINGS = ['br', 'gzip', 'zstd'] as const;

/** Browsers send a handful of different values; longer ones are not worth remembering. */
const MEMO_ENTRIES_MAX = 64;
const MEMO_LENGTH_MAX = 256;
const acceptMemo = new Map<string, string>();

/**
 * Folds an Accept field to its class: which of AVIF, JPEG XL and WebP it names with a weight above zero.
 * `image/avif,image/webp,*\/*;q=0.8` and Chrome's longer list are then one variant instead of dozens.
 *
 * Absence means `*\/*` (RFC 9110 section 12.5.1). A field that speaks of no image type and is not `*\/*` is left as
 * it is but for white space, since folding it would lose what it says. Idempotent; memoised in bounded space.
 */
export function foldAccept(value: string | undefined): string {
  if (value === undefined || value === '*/*') return '*/*';
  const known = acceptMemo.get(value);
  if (known !== undefined) return known;
  const folded = computeAccept(value);
  if (value.length <= MEMO_LENGTH_MAX) {
    if (acceptMemo.size >= MEMO_ENTRIES_MAX) acceptMemo.clear();
    acceptMemo.set(value, folded);
  }
  return folded;
}

/**
 * Folds an Accept-Encoding field to the subset of br, gzip and zstd that it allows, or `identity`; also when absent,
 * since a client that says nothing need not understand any coding. Idempotent.
 */
export function foldAcceptEncoding(value: string | undefined): string {
  if (value === undefined || value === '' || value === 'identity') return 'identity';
  const weights = new Map<string, boolean>();
  for (const member of splitList(value)) {
    const { item, accepted } = parseWeighted(member);
    const coding = item === 'x-gzip' ? 'gzip' : item;
    weights.set(coding, accepted && weights.get(coding) !== false);
  }
  const others = weights.get('*') === true;
  const allowed = CODINGS.filter((coding) => weights.get(coding) ?? others);
  return allowed.length === 0 ? 'identity' : allowed.join(', ');
}

/** The formats among AVIF, JPEG XL and WebP that an Accept field names with a weight above zero; sorted. */
export function acceptedFormats(value: string | undefined): (typeof OPT_IN_FORMATS)[number][] {
  if (value === undefined) return [];
  const ranges = new Map<string, boolean>();
  for (const member of splitList(value)) {
    const { item, accepted } = parseWeighted(member);
    ranges.set(item, accepted && ranges.get(item) !== false);
  }
  return OPT_IN_FORMATS.filter((format) => ranges.get(`image/${format}`) === true);
}

function computeAccept(value: string): string {
  const ranges = splitList(value);
  const items = ranges.map((range) => parseWeighted(range).item);
  const speaksOfImages = items.some((item) => item.startsWith('image/') && item.length > 6);
  const takesAll = items.length === 1 && items[0] === '*/*';
  if (!speaksOfImages && !takesAll) return ranges.join(', ');
  const formats = acceptedFormats(value);
  return formats.length === 0 ? '*/*' : `${formats.map((format) => `image/${format}`).join(', ')}, */*;q=0.8`;
}

/** Splits `item;param;q=0.5`: the item in lower case; whether its weight is above zero (RFC 9110 section 12.4.2). */
function parseWeighted(member: string): { item: string; accepted: boolean } {
  const parts = member.split(';');
  const item = trimOws(parts[0]!).toLowerCase();
  let accepted = item.split('/').every(isToken);
  for (let i = 1; i < parts.length; i++) {
    const m = /^[ \t]*q[ \t]*=[ \t]*(.*?)[ \t]*$/i.exec(parts[i]!);
    // A weight that is not a number between 0 and 1 is nobody's consent.
    if (m !== null) accepted &&= /^(?:0\.0{0,2}[1-9]\d{0,2}|0\.[1-9]\d{0,2}|1(?:\.0{0,3})?)$/.test(m[1]!);
  }
  return { item, accepted };
}
