import { expect, test } from 'bun:test';
import { InternalFault } from '../base/assert.ts';
import { KEY_BYTES_MAX, KeyBuffer } from './key.ts';

test('a key keeps its bytes, and its hash depends on all of them', () => {
  const key = new KeyBuffer({ k0: 1, k1: 2 });
  const hashOf = (text: string): string => `${key.set(text).lo} ${key.hi}`;
  const long = 'a'.repeat(KEY_BYTES_MAX - 1);
  const hashes = ['', 'a', 'b', 'aa', `${long}1`, `${long}2`].map(hashOf);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(hashOf('a')).toBe(hashes[1]!);
  key.set('r /\xe9');
  expect(key.bytes.subarray(0, key.length)).toEqual(Buffer.from('r /\xe9', 'latin1'));
  expect(new KeyBuffer({ k0: 1, k1: 3 }).set('a').lo).not.toBe(key.set('a').lo);
});

test('a key that does not fit is a fault, never another key', () => {
  const key = new KeyBuffer({ k0: 1, k1: 2 });
  expect(() => key.set('a'.repeat(KEY_BYTES_MAX + 1))).toThrow(InternalFault);
});
