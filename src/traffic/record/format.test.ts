import { describe, expect, test } from 'bun:test';
import { crc32 } from 'node:zlib';
import { seededRandom } from '../../base/random.ts';
import { BatchBuilder, batchesOf, type TrafficBatch, TrafficTables } from '../batch.ts';
import { madeRows, rowsOf } from '../rows.fixture.ts';
import { BadBlock } from './bad-block.ts';
import { decodeBlock, encodeBlock, encodeBlockAside, HEAD_BYTES, readHead } from './format.ts';
import { bytesSource, recordFrom } from './reading.ts';

function decoded(block: Uint8Array): TrafficBatch {
  const head = readHead(block);
  if (head === undefined || typeof head === 'number') throw new Error('no head');
  return decodeBlock(head, block.subarray(HEAD_BYTES), new TrafficTables());
}

/** A record of these bytes. */
function record(bytes: Uint8Array) {
  return recordFrom('test', [bytesSource('made', bytes)]);
}

describe('a block', () => {
  test('is read as what was written, whatever the rows', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = seededRandom(seed);
      const rows = madeRows(random, Math.floor(random.next() ** 3 * 4000));
      for (const batch of batchesOf(rows, seed % 3 === 0 ? 0.25 : 1)) {
        const totals = [{ route: 'images', stratum: 12, requests: 7, bodyBytes: 2 ** 40 }];
        const paths = [{ keyLo: 0xffff_ffff, keyHi: 1, path: '/ü"\\ a' }];
        const full = seed % 2 === 0 ? batch : { ...batch, totals, paths };
        expect(decoded(encodeBlock(full))).toEqual(full);
      }
    }
  });

  test('is the same, compressed aside', async () => {
    const [batch] = batchesOf(madeRows(seededRandom(1), 500));
    expect(await encodeBlockAside(batch!)).toEqual(encodeBlock(batch!));
  });

  test('takes at most 24 bytes a row before compression, beside its tables', () => {
    const [batch] = batchesOf(madeRows(seededRandom(2), 5000));
    const head = readHead(encodeBlock(batch!));
    if (head === undefined || typeof head === 'number') throw new Error('no head');
    expect(head.rawBytes - head.tablesBytes).toBe(24 * 5000);
    expect(head.tablesBytes).toBeLessThan(2000);
    expect(head.storedBytes).toBeLessThan(12 * 5000);
  });

  test('holds a full batch, and the longest time', () => {
    const builder = new BatchBuilder();
    const [row] = madeRows(seededRandom(3), 1);
    for (let i = 0; i < 65_536; i += 1) builder.add({ ...row!, atMs: i * 65.5, keyLo: i });
    const batch = builder.take();
    expect(decoded(encodeBlock(batch))).toEqual(batch);
  });

  test('says how many requests were made in its time', () => {
    const rows = madeRows(seededRandom(4), 1000);
    const clients = rows.filter(({ kind }) => !kind.internal).length;
    expect(readHead(encodeBlock(batchesOf(rows)[0]!))).toMatchObject({ count: 1000, requests: clients });
    const [sampled] = batchesOf(rows, 0.1);
    const totals = [{ route: 'a', stratum: 3, requests: 9_000, bodyBytes: 1 }];
    expect(readHead(encodeBlock({ ...sampled!, totals }))).toMatchObject({ rate: 0.1, requests: 9_000 });
  });
});

describe('a damaged record', () => {
  const rows = madeRows(seededRandom(5), 90);
  const batches = [rows.slice(0, 30), rows.slice(30, 60), rows.slice(60)].flatMap((part) => batchesOf(part));
  const blocks = batches.map(encodeBlock);
  const whole = Buffer.concat(blocks);

  test('torn at any byte keeps every block before that byte, and says what is lost', () => {
    let end = 0;
    const ends = blocks.map(({ length }) => (end += length));
    for (let length = 0; length < whole.length; length += 1) {
      const kept = ends.filter((each) => each <= length).length;
      const { info, batches: read } = record(whole.subarray(0, length));
      expect(rowsOf(read())).toEqual(rows.slice(0, kept * 30));
      const torn = length - (ends[kept - 1] ?? 0);
      expect(info.damage).toEqual(
        torn === 0 ? [] : [expect.stringContaining(`torn at its end, ${torn} bytes`)],
      );
    }
  });

  test('with any byte changed loses that block alone', () => {
    const [first, second] = [blocks[0]!.length, blocks[0]!.length + blocks[1]!.length];
    for (let at = first; at < second; at += 1) {
      const broken = Buffer.from(whole);
      broken[at] = broken[at]! ^ 0x40;
      const { info, batches: read } = record(broken);
      expect(rowsOf(read())).toEqual([...rows.slice(0, 30), ...rows.slice(60)]);
      expect(info.damage).toEqual([`made: damaged, ${second - first} bytes from ${first} on are lost`]);
    }
  });

  test('goes on behind something else in between', () => {
    const random = seededRandom(6);
    const noise = Uint8Array.from({ length: 3_000_000 }, () => random.u32());
    const { info, batches: read } = record(Buffer.concat([blocks[0]!, noise, blocks[1]!, noise, blocks[2]!]));
    expect(rowsOf(read())).toEqual(rows);
    expect(info.damage).toHaveLength(2);
  });

  test('tells of many places in few words', () => {
    const { info } = record(
      Buffer.concat(Array.from({ length: 100 }, () => [blocks[0]!, Buffer.from('x')]).flat()),
    );
    expect(info.damage).toHaveLength(21);
    expect(info.damage.at(-1)).toBe('made: 80 further damaged places');
  });
});

describe('what others made', () => {
  const [batch] = batchesOf(madeRows(seededRandom(7), 50));

  test('is refused when it is of a newer version, with what to do', () => {
    const block = Buffer.from(encodeBlock(batch!));
    block.writeUInt32LE(2, 8);
    block.writeUInt32LE(crc32(block.subarray(0, 60)), 60);
    expect(() => record(block)).toThrow(
      'made is a traffic record of version 2; this Holdfast reads version 1.',
    );
  });

  test('is refused when it is no record at all', () => {
    expect(() => record(Buffer.from('127.0.0.1 - - [01/Aug/1995]'))).toThrow('made is not a traffic record');
    expect(record(new Uint8Array(0)).info).toMatchObject({ rows: 0, fromMs: 0, toMs: 0, damage: [] });
  });

  /** A block whose checksums hold, whatever it says. */
  function forged(change: (block: Buffer) => void): Buffer {
    const block = Buffer.from(encodeBlock(batch!));
    change(block);
    block.writeUInt32LE(crc32(block.subarray(HEAD_BYTES)), 56);
    block.writeUInt32LE(crc32(block.subarray(0, 60)), 60);
    return block;
  }

  test('with lengths that cannot be is no block', () => {
    for (const at of [12, 16, 20, 24]) {
      for (const value of [0, 1, 0x7fff_ffff, 0xffff_ffff]) {
        const { info, batches: read } = record(forged((block) => block.writeUInt32LE(value, at)));
        expect([...read()]).toEqual([]);
        expect(info.damage).toHaveLength(1);
      }
    }
    for (const [at, value] of [
      [32, Number.NaN],
      [40, -1],
      [48, 0],
      [48, 1.5],
    ] as const) {
      expect(readHead(forged((block) => block.writeDoubleLE(value, at)))).toBeUndefined();
    }
  });

  test('with checksums that hold, but no sense, is left out and told', () => {
    const random = seededRandom(8);
    for (let round = 0; round < 300; round += 1) {
      const block = forged((bytes) => {
        const at = HEAD_BYTES + Math.floor(random.next() * (bytes.length - HEAD_BYTES));
        bytes[at] = random.u32();
      });
      const { info, batches: read } = record(block);
      const rows = rowsOf(read());
      expect(rows.length === 50 || (rows.length === 0 && info.damage.length === 1)).toBe(true);
    }
  });

  test('cannot point behind its tables, nor use words that are not known', () => {
    const wrong: readonly TrafficBatch[] = [
      { ...batch!, rate: 0.5, kinds: batch!.kinds.map(() => 99) },
      { ...batch!, lives: batch!.lives.map(() => 99) },
      { ...batch!, kindTable: batch!.kindTable.map((kind) => ({ ...kind, outcome: 'lost' as 'hit' })) },
      { ...batch!, kindTable: batch!.kindTable.map((kind) => ({ ...kind, status: -1 })) },
      { ...batch!, totals: [{ route: 'a', stratum: 33, requests: 1, bodyBytes: 1 }] },
    ];
    for (const each of wrong) expect(() => decoded(encodeBlock(each))).toThrow(BadBlock);
  });
});
