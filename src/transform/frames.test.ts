import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { type Frame, frameReader, writeFrame } from './frames.ts';

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

describe('messages over a pipe', () => {
  test('come out as they went in, however the pipe cuts them', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 200; round += 1) {
      const sent: Frame[] = Array.from({ length: random.u32() % 5 }, (_, index) => ({
        head: { index, text: 'ä'.repeat(random.u32() % 40) },
        body: Uint8Array.from({ length: random.u32() % 300 }, () => random.u32() & 255),
      }));
      const bytes = joined(sent.flatMap(({ head, body }) => writeFrame(head, body)));
      const reader = frameReader(1000);
      const received: Frame[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + (random.u32() % (random.u32() % 4 === 0 ? 400 : 7));
        received.push(...reader.push(bytes.subarray(at, at + length)));
        at += length;
      }
      expect(received).toEqual(sent);
      expect(reader.isBetween).toBe(true);
    }
  });

  test('several bodies are one, and an empty chunk is nothing', () => {
    const reader = frameReader(10);
    expect(reader.push(new Uint8Array(0))).toEqual([]);
    const bytes = joined(writeFrame({ id: 1 }, Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)));
    expect(reader.push(bytes.subarray(0, bytes.length - 1))).toEqual([]);
    expect(reader.isBetween).toBe(false);
    expect(reader.push(bytes.subarray(-1))).toEqual([{ head: { id: 1 }, body: Uint8Array.of(1, 2, 3) }]);
  });

  test('a body is a copy: the chunk may be used again', () => {
    const bytes = joined(writeFrame({}, Uint8Array.of(7)));
    const [frame] = frameReader(10).push(bytes);
    bytes.fill(0);
    expect(frame!.body).toEqual(Uint8Array.of(7));
  });

  test('lengths that cannot be meant are refused before room is made for them', () => {
    const prefix = (head: number, body: number): Uint8Array => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setUint32(0, head, true);
      new DataView(bytes.buffer).setUint32(4, body, true);
      return bytes;
    };
    expect(() => frameReader(1000).push(prefix(10, 1001))).toThrow(RangeError);
    expect(() => frameReader(1000).push(prefix(0xffff_ffff, 0))).toThrow(RangeError);
    expect(() => frameReader(0).push(joined([prefix(1, 0), Uint8Array.of(0x7b)]))).toThrow(SyntaxError);
    expect(() => writeFrame('x'.repeat(2 ** 20))).toThrow(RangeError);
  });
});
