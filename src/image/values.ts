import { Unreadable } from './draft.ts';

/** Readers of single values. They throw {@link Unreadable}, whose text repeats numbers, and never what else was sent. */

const NUMBER = /^[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})$/;

/** A number from `min` to `max`, decimals allowed. @param name of the option, for the message. */
export function readNumber(name: string, text: string, min: number, max: number): number {
  if (!NUMBER.test(text)) throw new Unreadable(`${name} is not a number; it goes from ${min} to ${max}.`);
  const value = Number(text);
  if (value < min || value > max) throw new Unreadable(`${name} is ${value}; it goes from ${min} to ${max}.`);
  return value;
}

/** A whole number from `min` to `max`. Of decimals that some front ends send, those that are whole are taken: `400.0`. */
export function readWhole(name: string, text: string, min: number, max: number): number {
  const value = readNumber(name, text, min, max);
  if (Number.isInteger(value)) return value;
  throw new Unreadable(`${name} is ${value}, and not a whole number; it goes from ${min} to ${max}.`);
}

/** A length in pixels; parts of a pixel, which come from arithmetic in front ends, are rounded. */
export function readPixels(name: string, text: string, max: number): number {
  return Math.max(1, Math.round(readNumber(name, text, 0.5, max)));
}

/** `1`, `true`, `t`, `yes` or nothing for yes; `0`, `false`, `f`, `no` for no. */
export function readSwitch(name: string, text: string): boolean {
  if (/^(?:|1|t|true|yes)$/i.test(text)) return true;
  if (/^(?:0|f|false|no)$/i.test(text)) return false;
  throw new Unreadable(`${name} is neither true nor false.`);
}

/** One of a few words, and what it stands for. */
export function readWord<T>(name: string, text: string, words: Readonly<Record<string, T>>): T {
  if (Object.hasOwn(words, text)) return words[text]!;
  throw new Unreadable(`${name} has a value that is not known; known are: ${Object.keys(words).join(', ')}.`);
}

/** A time in seconds since the epoch. */
export function readTime(name: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new Unreadable(`${name} is not a time in seconds since 1970.`);
}

/** Takes `expires` out of the query of an original, and says when that is: seconds since the epoch, undefined for never. */
export function takeExpiry(query: string): { readonly expiresS: number | undefined; readonly rest: string } {
  if (!query.includes('expires')) return { expiresS: undefined, rest: query };
  let expiresS: number | undefined;
  const kept = query.split('&').filter((raw) => {
    if (!raw.startsWith('expires=')) return true;
    if (expiresS !== undefined) throw new Unreadable('expires is there twice.');
    expiresS = readTime('expires', raw.slice('expires='.length));
    return false;
  });
  return { expiresS, rest: kept.join('&') };
}

/** A query parameter's name or value without its percent-encoding, one character per byte; undefined for a broken one. */
export function decodeText(text: string): string | undefined {
  const plain = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!plain.includes('%')) return plain;
  if (/%(?![0-9A-Fa-f]{2})/.test(plain)) return undefined;
  return plain.replace(/%[0-9A-Fa-f]{2}/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}

/** What base64url stands for, with or without padding; one character per byte. */
export function decodePath(name: string, text: string): string {
  const padded = text.replaceAll('%3D', '=');
  let end = padded.length;
  while (end > 0 && padded[end - 1] === '=') end -= 1;
  const bare = padded.slice(0, end);
  if (!/^[A-Za-z0-9_-]+$/.test(bare) || bare.length % 4 === 1)
    throw new Unreadable(`${name} is not base64url.`);
  return atob(bare.replaceAll('-', '+').replaceAll('_', '/'));
}
