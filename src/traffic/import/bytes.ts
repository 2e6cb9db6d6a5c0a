/** Small readings of ASCII in bytes: what the parsers of logs share. Positions outside of the bytes read as nothing. */

/** The byte ` `. */
export const SPACE = 0x20;
/** The byte `"`. */
export const QUOTE = 0x22;
/** The byte `-`, which stands for nothing in logs. */
export const HYPHEN = 0x2d;
/** The byte `\`. */
export const BACKSLASH = 0x5c;

/** The position of a byte in `[from..to)`, or -1. */
export function find(bytes: Uint8Array, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at += 1) {
    if (bytes[at] === byte) return at;
  }
  return -1;
}

/** The unsigned decimal number that is all of `[from..to)`, at most 2^53 - 1; -1 when it is not one. */
export function readInteger(bytes: Uint8Array, from: number, to: number): number {
  if (from >= to || to - from > 15) return -1;
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The unsigned decimal number with or without a fraction that is all of `[from..to)`; -1 when it is not one. */
export function readDecimal(bytes: Uint8Array, from: number, to: number): number {
  const dot = find(bytes, 0x2e, from, to);
  if (dot < 0) return readInteger(bytes, from, to);
  const whole = dot === from ? 0 : readInteger(bytes, from, dot);
  if (whole < 0) return -1;
  const end = Math.min(to, dot + 13);
  if (end === dot + 1) return whole;
  const fraction = readInteger(bytes, dot + 1, end);
  return fraction < 0 ? -1 : whole + fraction / 10 ** (end - dot - 1);
}

/** Two digits as a number, or -1. */
export function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** A number given as text, such as `1500`, `0.25` or `1e3`; -1 when it is none, or below 0. */
export function numberOf(value: unknown): number {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : -1;
  return Number.isFinite(number) && number >= 0 ? number : -1;
}

/** Where the quoted text that begins at `from` (behind its quote) ends: the position of its quote, or -1. `\x` is one character. */
export function closingQuote(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  return -1;
}

/** Quoted text of a log as it was: `\"` and `\\` (Apache), `\x22` (nginx) undone. */
export function unescaped(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, to - from));
  let length = 0;
  for (let at = from; at < to; at += 1) {
    let byte = bytes[at]!;
    if (byte === BACKSLASH && at + 1 < to) {
      const next = bytes[at + 1]!;
      const hex = next === 0x78 && at + 3 < to ? hexPair(bytes, at + 2) : -1;
      if (hex >= 0) {
        byte = hex;
        at += 3;
      } else {
        byte = next;
        at += 1;
      }
    }
    out[length] = byte;
    length += 1;
  }
  return out.subarray(0, length);
}

/** `%41` undone in all of `[from..to)`, once; what is no encoding stays as it is. */
export function percentDecoded(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, to - from));
  let length = 0;
  for (let at = from; at < to; at += 1) {
    let byte = bytes[at]!;
    const hex = byte === 0x25 && at + 2 < to ? hexPair(bytes, at + 1) : -1;
    if (hex >= 0) {
      byte = hex;
      at += 2;
    }
    out[length] = byte;
    length += 1;
  }
  return out.subarray(0, length);
}

function hexPair(bytes: Uint8Array, at: number): number {
  const high = hexDigit(bytes[at]!);
  const low = hexDigit(bytes[at + 1]!);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** A part of some bytes as text, one character for each byte. */
export function latin1(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(0, to - from)).toString('latin1');
}
