import { type Hash64, type HashKey, halfSipHash } from '../../base/hash.ts';
import { hostName, normalisePath, type QueryRule, selectQuery } from '../../http/target.ts';
import { type Line, type Span, spanText } from './line.ts';

/** Which response a line of a log is about. One object is filled again for each line. */
export interface Named {
  route: string;
  /** Low half of the key's hash. */
  keyLo: number;
  /** High half of the hash of the resource's key: of a variant, its original's. */
  keyHi: number;
  variant: boolean;
}

/** Gives the requests of a log their routes and keys, as a node would. */
export interface Namer {
  /** @returns why the line has none: `path` for one that no server should take, `route` for one that no route serves. */
  name(line: Line, into: Named): 'path' | 'route' | undefined;
}

/** How the keys of a log without a configuration are made; the words are those of a route's `key`. */
export interface NamingRules {
  readonly route: string;
  readonly keyHost: boolean;
  readonly query: QueryRule;
  readonly hashKey: HashKey;
}

/**
 * Keys of records that are made of logs are hashed without a secret: those of several logs, made at several times, agree. Whoever
 * has such a record can find out whether it has a path that he already knows.
 */
export const IMPORT_HASH_KEY: HashKey = { k0: 0x484f4c44, k1: 0x46415354 };

/** Longest key: the longest that a node has (`cache/key.ts`). */
const KEY_BYTES_MAX = 0xffff;

/** Bytes of a path: 1 as they are, 2 `/`, 3 `.`, 4 `?`; 0 need the long way. */
const CLASS = new Uint8Array(256);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-~!$&'()*+,;=:@")
  CLASS[char.charCodeAt(0)] = 1;
CLASS[0x2f] = 2;
CLASS[0x2e] = 3;
CLASS[0x3f] = 4;

/** One route for all: keys are made of path and query alone. Paths in their normal form take one pass over their bytes. */
export class PlainNamer implements Namer {
  readonly #rules: NamingRules;
  readonly #buffer = Buffer.alloc(KEY_BYTES_MAX);
  readonly #prefixBytes: number;
  readonly #hash: Hash64 = { lo: 0, hi: 0 };

  constructor(rules: NamingRules) {
    this.#rules = rules;
    this.#prefixBytes = this.#buffer.write(`${rules.route} `, 0, 'latin1');
  }

  name(line: Line, into: Named): 'path' | undefined {
    const { target } = line;
    into.route = this.#rules.route;
    into.variant = false;
    const length = this.#rules.keyHost ? -1 : this.#takePlain(target, line);
    if (length >= 0) this.#finish(length, into);
    else {
      const text = this.#keyText(line);
      if (text === undefined) return 'path';
      this.#finish(this.#prefixBytes + this.#buffer.write(text, this.#prefixBytes, 'latin1'), into);
    }
    return undefined;
  }

  /** Copies a target that is in its normal form behind the prefix. @returns the length of the key, or -1. */
  #takePlain(target: Span, line: Line): number {
    const { bytes, from, to } = target;
    const room = KEY_BYTES_MAX - this.#prefixBytes;
    if (to - from > room || line.query.to > line.query.from) return -1;
    const buffer = this.#buffer;
    let length = this.#prefixBytes;
    if (line.named) {
      for (let at = from; at < to; at += 1, length += 1) buffer[length] = bytes[at]!;
      return length;
    }
    if (bytes[from] !== 0x2f || from >= to) return -1;
    let last = 0;
    for (let at = from; at < to; at += 1, length += 1) {
      const byte = bytes[at]!;
      const kind = CLASS[byte]!;
      if (kind === 0 || (kind === 3 && last === 2)) return -1;
      if (kind === 4) return this.#takeQuery(bytes, at, to, length);
      buffer[length] = byte;
      last = kind;
    }
    return length;
  }

  #takeQuery(bytes: Uint8Array, from: number, to: number, start: number): number {
    const { query } = this.#rules;
    if (query !== 'none' && query !== 'all') return -1;
    const buffer = this.#buffer;
    let length = start;
    for (let at = from; at < to; at += 1, length += 1) {
      const byte = bytes[at]!;
      if (byte <= 0x20 || byte === 0x7f || byte === 0x23) return -1;
      buffer[length] = byte;
    }
    return query === 'none' || from + 1 === to ? start : length;
  }

  /** The long way: any spelling of a target becomes the one that keys have. */
  #keyText(line: Line): string | undefined {
    if (line.named) return spanText(line.target);
    const address = addressOf(line);
    const target = normalisePath(address.target);
    if (target === undefined) return undefined;
    const query = selectQuery(target.query, this.#rules.query);
    const resource = query === '' ? target.path : `${target.path}?${query}`;
    const text = this.#rules.keyHost ? `${hostName(address.host)} ${resource}` : resource;
    return text.length > KEY_BYTES_MAX - this.#prefixBytes ? undefined : text;
  }

  #finish(length: number, into: Named): void {
    halfSipHash(this.#rules.hashKey, this.#buffer, length, this.#hash);
    into.keyLo = this.#hash.lo;
    into.keyHi = this.#hash.hi;
  }
}

/** Host and target of a line, out of the places where logs have them; latin1. A path without its slash gets one. */
export function addressOf(line: Line): { readonly host: string; readonly target: string } {
  let host = spanText(line.host);
  let target = spanText(line.target);
  // varnishncsa, proxies and some JSON logs have the whole address.
  const whole = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)(.*)$/is.exec(target);
  if (whole !== null) {
    host = whole[1] || host;
    target = whole[2]!.replace(/#.*$/s, '');
  }
  if (!target.startsWith('/')) target = `/${target}`;
  if (line.query.to > line.query.from && !target.includes('?')) target += `?${spanText(line.query)}`;
  return { host, target };
}
