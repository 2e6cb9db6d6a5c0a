import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { copyrightOf } from './exif.ts';

/** A first directory with the fields given, as Exif 2.32 lays it out. */
function block(little: boolean, fields: readonly (readonly [tag: number, text: string])[]): Buffer {
  const head = Buffer.alloc(10 + fields.length * 12 + 4);
  head.write(little ? 'II' : 'MM', 'latin1');
  const u16 = (value: number, at: number) =>
    little ? head.writeUInt16LE(value, at) : head.writeUInt16BE(value, at);
  const u32 = (value: number, at: number) =>
    little ? head.writeUInt32LE(value, at) : head.writeUInt32BE(value, at);
  u16(42, 2);
  u32(8, 4);
  u16(fields.length, 8);
  const texts: Buffer[] = [];
  let end = head.length;
  for (const [index, [tag, text]] of fields.entries()) {
    const bytes = Buffer.from(`${text}\0`);
    const at = 10 + index * 12;
    u16(tag, at);
    u16(2, at + 2);
    u32(bytes.length, at + 4);
    if (bytes.length <= 4) head.set(bytes, at + 8);
    else {
      u32(end, at + 8);
      end += bytes.length;
      texts.push(bytes);
    }
  }
  return Buffer.concat([head, ...texts]);
}

describe('the copyright of an EXIF block', () => {
  const fields = [
    [271, 'Camera Works'],
    [315, 'Ada'],
    [33432, 'Ada Lovelace\0Editors'],
  ] as const;

  test('is read in both byte orders, with and without the introduction', () => {
    for (const little of [true, false]) {
      const bytes = block(little, fields);
      const expected = { Artist: 'Ada', Copyright: 'Ada Lovelace Editors' };
      expect(copyrightOf(bytes)).toEqual(expected);
      expect(copyrightOf(Buffer.concat([Buffer.from('Exif\0\0'), bytes]))).toEqual(expected);
    }
  });

  test('that says nothing is nothing', () => {
    expect(copyrightOf(undefined)).toEqual({});
    expect(copyrightOf(new Uint8Array(0))).toEqual({});
    expect(copyrightOf(block(true, [[33432, ' ']]))).toEqual({});
  });

  test('that is malformed is nothing either, and long texts are cut', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 2000; round += 1) {
      const bytes = block(round % 2 === 0, fields);
      for (let change = 0; change < 4; change += 1) bytes[random.u32() % bytes.length] = random.u32() & 255;
      for (const text of Object.values(copyrightOf(bytes.subarray(0, random.u32() % bytes.length))))
        expect(text.length).toBeLessThanOrEqual(1024);
    }
    expect(copyrightOf(block(true, [[315, 'x'.repeat(5000)]])).Artist?.length).toBe(1024);
  });
});
