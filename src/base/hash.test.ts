import { describe, expect, test } from 'bun:test';
import { type Hash64, halfSipHash, mix32, unmix32 } from './hash.ts';

const published = { k0: 0x03020100, k1: 0x07060504 };

function hex(length: number): string {
  const out: Hash64 = { lo: 0, hi: 0 };
  const input = Uint8Array.from({ length }, (_, i) => i);
  halfSipHash(published, input, length, out, { c: 2, d: 4 });
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(out.lo, 0);
  bytes.writeUInt32LE(out.hi, 4);
  return bytes.toString('hex');
}

describe('halfSipHash', () => {
  test('agrees with the published vectors for 64-bit output (key 00..07, input 00 01 02 ...)', () => {
    // The first rows of vectors_hsip64 in the authors' reference repository.
    expect(hex(0)).toBe('218d1f59b9b83cc8');
    expect(hex(1)).toBe('be552412f8387315');
    expect(hex(2)).toBe('064f39ef7c50eb57');
    expect(hex(10)).toBe('95b0469f06a6f2ee');
    expect(hex(15)).toBe('217d0bcb4e81c902');
  });

  test('every byte, the length and the key matter', () => {
    const seen = new Set<string>();
    const out: Hash64 = { lo: 0, hi: 0 };
    for (let length = 0; length < 40; length += 1) {
      for (let changed = 0; changed < length; changed += 1) {
        const input = new Uint8Array(length);
        input[changed] = 1;
        for (const k0 of [1, 2]) {
          halfSipHash({ k0, k1: 7 }, input, length, out);
          seen.add(`${out.lo}:${out.hi}`);
        }
      }
    }
    expect(seen.size).toBe(2 * ((39 * 40) / 2));
  });
});

test('mix32 is a bijection with published values, and unmix32 undoes it', () => {
  // The finalizer of MurmurHash3_x86_32 on 1, and on 0xdeadbeef.
  expect([mix32(0), mix32(1), mix32(0xdead_beef)]).toEqual([0, 0x514e28b7, 0x0de5c6a9]);
  for (let i = 0; i < 10_000; i += 1) {
    const value = Math.imul(i, 0x9e37_79b1) >>> 0;
    expect(unmix32(mix32(value))).toBe(value);
  }
});
