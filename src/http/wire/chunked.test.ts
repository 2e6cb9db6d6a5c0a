import { expect, test } from 'bun:test';
import { type Random, seededRandom } from '../../base/random.ts';
import { ChunkedDecoder } from './chunked.ts';

interface Decoded {
  readonly body: string;
  readonly consumed: number;
  readonly done: boolean;
  readonly problem: string | undefined;
}

function decode(pieces: readonly Buffer[]): Decoded {
  const decoder = new ChunkedDecoder();
  let body = '';
  let consumed = 0;
  for (const piece of pieces) {
    const taken = decoder.push(piece, (view) => {
      expect(view.length).toBeGreaterThan(0);
      body += Buffer.from(view).toString('latin1');
    });
    consumed += taken;
    if (taken < piece.length) break;
  }
  return { body, consumed, done: decoder.done, problem: decoder.malformed?.problem };
}

const of = (text: string) => decode([Buffer.from(text, 'latin1')]);

function randomSplit(buf: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < buf.length; ) {
    const bytes = 1 + (random.u32() % 12);
    pieces.push(buf.subarray(at, at + bytes));
    at += bytes;
  }
  return pieces;
}

test.each([
  ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['0\r\n\r\n', ''],
  ['00005\r\nhello\r\n1\r\n!\r\n000\r\n\r\n', 'hello!'],
  ['A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789'],
  ['5;name="va;lue"\r\nhello\r\n0;last\r\n\r\n', 'hello'],
  ['5 \t;x\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['2\r\n\r\n\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n', '\r\n'],
])('decodes %j and leaves what follows', (text, body) => {
  expect(of(text)).toEqual({ body, consumed: text.length, done: true, problem: undefined });
  expect(of(`${text}HTTP/1.1`)).toMatchObject({ body, consumed: text.length, done: true });
  for (let end = 0; end < text.length; end += 1) {
    expect(of(text.slice(0, end))).toMatchObject({ done: false, problem: undefined, consumed: end });
  }
});

test.each([
  ['chunk-size', '\r\n'],
  ['chunk-size', 'g\r\n'],
  ['chunk-size', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['chunk-size', '-5\r\n'],
  ['chunk-size', '+5\r\n'],
  ['chunk-size', ' 5\r\nhello'],
  ['chunk-size', '5\nhello\r\n'],
  ['chunk-size', '5\rXhello'],
  ['chunk-size', '00000000000005\r\n'],
  ['chunk-size', 'ffffffffffffffff\r\n'],
  ['chunk-extension', '5 \r\nhello\r\n0\r\n\r\n'],
  ['chunk-extension', '5;a\nhello\r\n'],
  ['chunk-extension', '5;a\0\r\nhello'],
  ['chunk-end', '5\r\nhello!\r\n'],
  ['chunk-end', '5\r\nhello\n'],
  ['chunk-end', '5\r\nhello\rX'],
  ['trailer', '0\r\n\n'],
  ['trailer', '0\r\n folded: x\r\n\r\n'],
  ['trailer', '0\r\nno colon\r\n\r\n'],
  ['trailer', '0\r\nA: b\nC: d\r\n\r\n'],
  ['trailer', '0\r\n\rX'],
  ['trailer', `0\r\nA: ${'x'.repeat(17_000)}\r\n\r\n`],
  ['chunk-extension', `${`1;${'x'.repeat(200)}\r\na\r\n`.repeat(100)}0\r\n\r\n`],
])('%s: malformed input is refused, however it is split', (problem, text) => {
  const result = of(text);
  expect(result.problem).toBe(problem);
  expect(result.done).toBe(false);
  expect(decode([...text].map((byte) => Buffer.from(byte, 'latin1')))).toEqual(result);
});

test('nothing is decoded behind a problem or the end', () => {
  const decoder = new ChunkedDecoder();
  let calls = 0;
  const count = () => {
    calls += 1;
  };
  expect(decoder.push(Buffer.from('1\r\na\r\nx'), count)).toBe(6);
  expect(decoder.push(Buffer.from('1\r\na\r\n'), count)).toBe(0);
  expect(calls).toBe(1);
  const ended = new ChunkedDecoder();
  ended.push(Buffer.from('0\r\n\r\n'), count);
  expect(ended.push(Buffer.from('1\r\na\r\n'), count)).toBe(0);
  expect(calls).toBe(1);
});

test('any body, any chunking, any split comes out as it went in', () => {
  const random = seededRandom(11);
  for (let round = 0; round < 300; round += 1) {
    let wire = '';
    let body = '';
    for (let chunks = random.u32() % 6; chunks > 0; chunks -= 1) {
      const data = Buffer.from(Array.from({ length: 1 + (random.u32() % 40) }, () => random.u32() & 255));
      body += data.toString('latin1');
      wire += `${data.length.toString(16)}${random.u32() % 4 === 0 ? ';e=1' : ''}\r\n${data.toString('latin1')}\r\n`;
    }
    wire += `0\r\n${random.u32() % 3 === 0 ? 'T: v\r\n' : ''}\r\n`;
    const pieces = randomSplit(Buffer.from(wire, 'latin1'), random);
    expect(decode(pieces)).toEqual({ body, consumed: wire.length, done: true, problem: undefined });
  }
});

test('mutated input never throws and means the same however it is split', () => {
  const random = seededRandom(13);
  const seed = '5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\nrest';
  for (let round = 0; round < 3_000; round += 1) {
    const buf = Buffer.from(seed, 'latin1');
    for (let edits = 1 + (random.u32() % 3); edits > 0; edits -= 1)
      buf[random.u32() % buf.length] = random.u32() & 255;
    const atOnce = decode([buf]);
    expect(decode(randomSplit(buf, random))).toEqual(atOnce);
    expect(atOnce.done && atOnce.problem !== undefined).toBe(false);
  }
});
