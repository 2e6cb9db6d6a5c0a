import { expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import { ChunkedDecoder } from '../http/wire/chunked.ts';
import { BROKEN, END, type Payload, WAIT } from '../serve/answer.ts';
import { Reply, type ReplyFraming } from './reply.ts';

/** A payload that gives what it has in pieces of random size, and sometimes nothing at all. */
function moodyPayload(body: Buffer, known: boolean, random: Random): Payload {
  let waited = false;
  return {
    bytes: known ? body.length : undefined,
    read(position, into, at) {
      if (position === body.length) return END;
      waited = !waited && random.u32() % 3 === 0;
      if (waited) return WAIT;
      return body.copy(into, at, position, position + 1 + (random.u32() % 50));
    },
    whenReadable: (fn) => fn(),
    release() {},
  };
}

/** Drives a reply as a kernel that takes a random part of each write. */
function drive(head: string, framing: ReplyFraming, payload: Payload | undefined, random: Random): string {
  const reply = new Reply();
  const scratch = Buffer.alloc(96);
  let out = '';
  reply.begin(head, framing, payload);
  while (!reply.complete) {
    scratch.fill(0x21);
    const count = reply.fill(scratch);
    if (count === BROKEN) throw new Error('broken');
    const taken = random.u32() % (count + 1);
    out += scratch.toString('latin1', reply.from, reply.from + taken);
    reply.advance(taken);
  }
  return out;
}

test('whatever the kernel takes at a time, the bytes are right', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 500; round += 1) {
    const body = Buffer.from(Array.from({ length: random.u32() % 300 }, () => random.u32() & 255));
    const head = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(random.u32() % 20)}\r\n\r\n`;
    const text = body.toString('latin1');
    expect(drive(head, 'none', undefined, random)).toBe(head);
    expect(drive(head, 'length', moodyPayload(body, true, random), random)).toBe(head + text);
    expect(drive(head, 'close', moodyPayload(body, false, random), random)).toBe(head + text);
    const chunked = drive(head, 'chunked', moodyPayload(body, false, random), random);
    expect(chunked.startsWith(head)).toBe(true);
    const decoder = new ChunkedDecoder();
    let decoded = '';
    const wire = Buffer.from(chunked.slice(head.length), 'latin1');
    expect(decoder.push(wire, (view) => (decoded += Buffer.from(view).toString('latin1')))).toBe(wire.length);
    expect([decoder.done, decoded]).toEqual([true, text]);
  }
});

test('a payload that ends before its length is broken, and one that gives too much is a fault', () => {
  const of = (bytes: number, read: () => number): Reply => {
    const reply = new Reply();
    reply.begin('head', 'length', { bytes, read, whenReadable() {}, release() {} });
    return reply;
  };
  expect(of(10, () => END).fill(Buffer.alloc(64))).toBe(BROKEN);
  expect(of(10, () => BROKEN).fill(Buffer.alloc(64))).toBe(BROKEN);
  expect(() => of(10, () => 11).fill(Buffer.alloc(64))).toThrow('a payload gives what was asked for');
});
