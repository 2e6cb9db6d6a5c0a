/**
 * Units: branded numbers, and the one way in which sizes and durations are written and read by people.
 * A number without its unit is refused everywhere, because "512" has meant bytes, kilobytes and entries.
 */

/** A count of bytes: an integer from 0 to 2^53 - 1. */
export type Bytes = number & { readonly __unit: 'bytes' };
/** A duration in milliseconds: an integer of at least 0. */
export type Millis = number & { readonly __unit: 'ms' };
/** A duration in whole seconds (RFC 9111 section 1.2.2, delta-seconds): an integer of at least 0. */
export type Seconds = number & { readonly __unit: 's' };

/** What reading a quantity yields: the number, or why not and what to write instead. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string; readonly remedy: string };

/** Size units by factor in bytes. SI (powers of 1000) and IEC 80000-13 (powers of 1024), never mixed. */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Regular expression source for a size; the editors' schema uses the very same. */
export const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)? ?(B|[kK]B|MB|GB|TB|KiB|MiB|GiB|TiB)$';
/** Regular expression source for a duration: one or more terms, such as `90s` or `1h30m`. */
export const DURATION_PATTERN = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$';

const SIZE = new RegExp(SIZE_PATTERN);
const DURATION = new RegExp(DURATION_PATTERN);
const BARE = /^[0-9]+(\.[0-9]+)?$/;
const SIZE_HINT = 'sizes are written like 512MiB or 2GiB (powers of 1024), or 500MB (powers of 1000)';
const DURATION_HINT = 'durations are written like 250ms, 90s, 15m, 12h or 30d';

const fail = (reason: string, remedy: string): { ok: false; reason: string; remedy: string } => ({
  ok: false,
  reason,
  remedy,
});

/** Reads a size such as `512MiB`. Fractions are allowed when the result is a whole number of bytes. Never throws. */
export function parseSize(text: string): Parsed<Bytes> {
  const trimmed = text.trim();
  if (BARE.test(trimmed)) {
    return fail(
      `the number ${trimmed} has no unit`,
      `write ${trimmed}MiB or ${trimmed}GiB, whichever is meant`,
    );
  }
  if (!SIZE.test(trimmed)) return fail(`this is not a size`, misspeltSize(trimmed) ?? SIZE_HINT);
  const at = trimmed.search(/[A-Za-z]/);
  const bytes = Number(trimmed.slice(0, at)) * SIZE_UNITS[trimmed.slice(at)]!;
  if (!Number.isInteger(bytes))
    return fail('this is not a whole number of bytes', 'write it in a smaller unit');
  if (!Number.isSafeInteger(bytes)) return fail('this size is too large to count', SIZE_HINT);
  return { ok: true, value: bytes as Bytes };
}

/** Reads a duration such as `90s` or `1h30m`. The result is a whole number of milliseconds. Never throws. */
export function parseDuration(text: string): Parsed<Millis> {
  const trimmed = text.trim();
  if (BARE.test(trimmed)) {
    return fail(
      `the number ${trimmed} has no unit`,
      `write ${trimmed}s, ${trimmed}m or ${trimmed}h, whichever is meant`,
    );
  }
  if (!DURATION.test(trimmed))
    return fail('this is not a duration', misspeltDuration(trimmed) ?? DURATION_HINT);
  let totalMs = 0;
  for (const [, digits, unit] of trimmed.matchAll(/([0-9.]+)(ms|[smhdw])/g)) {
    totalMs += Number(digits) * DURATION_UNITS[unit!]!;
  }
  // Decimal fractions such as 1.1s are exact in milliseconds but not in binary floating point.
  const rounded = Math.round(totalMs);
  if (Math.abs(rounded - totalMs) > 1e-6) return fail('this is finer than a millisecond', DURATION_HINT);
  if (!Number.isSafeInteger(rounded)) return fail('this duration is too long to count', DURATION_HINT);
  return { ok: true, value: rounded as Millis };
}

/** `512M`, `512mb`, `512 mib`: what was probably meant, with the difference spelled out. */
function misspeltSize(text: string): string | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgt])(i?b?)$/i.exec(text);
  if (match === null) return undefined;
  const [, digits, letter, rest] = match;
  const big = letter!.toUpperCase();
  if (/^ib?$/i.test(rest!)) return `write ${digits}${big}iB`;
  return `write ${digits}${big}iB (powers of 1024) or ${digits}${big}B (powers of 1000), whichever is meant`;
}

function misspeltDuration(text: string): string | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([a-zµ]+)$/i.exec(text);
  if (match === null) return undefined;
  const [, digits, word] = match;
  const unit = word!.toLowerCase();
  if (/^(y|yr|yrs|years?)$/.test(unit)) return `write it in days, such as ${Number(digits) * 365}d`;
  if (/^(mo|mon|months?)$/.test(unit) || word === 'M') {
    return `write ${digits}m for minutes, or ${Number(digits) * 30}d for months`;
  }
  const short = /^(ms|milli|msec)/.test(unit) ? 'ms' : unit.charAt(0);
  return short in DURATION_UNITS ? `write ${digits}${short}` : undefined;
}

/** The shortest exact spelling that {@link parseSize} reads back to the same number: `512MiB`, `1500B`. */
export function sizeText(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const factor = SIZE_UNITS[unit]!;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

/** The shortest exact spelling that {@link parseDuration} reads back to the same number: `90s`, `2h`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const factor = DURATION_UNITS[unit]!;
    // 90s reads better than 1.5m, and 36h better than 1.5d: only whole multiples.
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

/** A size for people, three significant digits: `1.46 GiB`, `512 MiB`, `900 B`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let at = 0;
  // 1023.5 would be printed as 1024: go on to the next unit instead.
  while (Math.abs(value) >= 1023.5 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${threeDigits(value)} ${units[at]}`;
}

/** A duration for people, its two largest units: `350 ms`, `12.5 s`, `1 h 30 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`;
  const pairs: readonly (readonly [number, string, number, string])[] = [
    [60_000, 'min', 1000, 's'],
    [3_600_000, 'h', 60_000, 'min'],
    [86_400_000, 'd', 3_600_000, 'h'],
  ];
  for (const [index, [large, largeName, small, smallName]] of pairs.entries()) {
    const rounded = Math.round(ms / small) * small;
    const next = pairs[index + 1];
    if (next !== undefined && rounded >= next[0]) continue;
    const rest = (rounded % large) / small;
    return `${formatCount(Math.floor(rounded / large))} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
  }
  return `${ms} ms`;
}

/** An integer for people, with thousands separated: `262,144`. */
export function formatCount(count: number): string {
  const digits = Math.round(Math.abs(count)).toString();
  const grouped = digits.replace(/\B(?=(\d{3})+$)/g, ',');
  return count < 0 ? `-${grouped}` : grouped;
}

function threeDigits(value: number): string {
  const digits = Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  const text = value.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
