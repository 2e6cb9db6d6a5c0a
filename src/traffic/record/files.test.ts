import { afterEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../base/random.ts';
import { batchesOf, type TrafficBatch, type TrafficRow } from '../batch.ts';
import { madeRows, rowsOf } from '../rows.fixture.ts';
import { placeOf, thresholdOf } from '../sample.ts';
import { totalsOf } from '../totals.ts';
import { createRecord, openRecord } from './files.ts';
import { encodeBlock } from './format.ts';
import { bytesSource, recordFrom } from './reading.ts';

const GOLDEN = join(import.meta.dir, '../../../test/golden');

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-record-'));
  made.push(path);
  return path;
}

function inMemory(batches: readonly TrafficBatch[]) {
  return recordFrom(
    'made',
    batches.map((batch) => bytesSource('part', encodeBlock(batch))),
  );
}

describe('a record on disk', () => {
  test('in a directory is read as it was written, also when more was added later', () => {
    const path = join(directory(), 'new', 'record');
    const rows = madeRows(seededRandom(1), 150_000);
    for (const part of [rows.slice(0, 100_000), rows.slice(100_000)]) {
      const writer = createRecord(path);
      for (const batch of batchesOf(part)) writer.write(batch);
      writer.close();
      writer.close();
    }
    const names = readdirSync(path).sort();
    expect(names).toHaveLength(2);
    expect(names[0]).toMatch(/^traffic-20231114T221320\.\d{3}Z\.hft$/);
    const { info, batches } = openRecord(path);
    expect(rowsOf(batches())).toEqual(rows);
    expect(info).toEqual({
      name: path,
      fromMs: rows[0]!.atMs,
      toMs: expect.closeTo(rows.at(-1)!.atMs, 2),
      rows: 150_000,
      requests: rows.filter(({ kind }) => !kind.internal).length,
      rateMin: 1,
      rateMax: 1,
      storedBytes: names.reduce((sum, name) => sum + statSync(join(path, name)).size, 0),
      damage: [],
    });
    // As often as wanted, and the files one by one.
    expect(rowsOf(batches())).toHaveLength(150_000);
    const files = names.map((name) => join(path, name));
    expect(rowsOf(openRecord(files.reverse()).batches())).toEqual(rows);
  });

  test('is one file where the path says so, which is never written over', () => {
    const path = join(directory(), 'a.hft');
    const rows = madeRows(seededRandom(2), 100);
    const writer = createRecord(path);
    for (const batch of batchesOf(rows)) writer.write(batch);
    writer.close();
    expect(rowsOf(openRecord(path).batches())).toEqual(rows);
    expect(() => createRecord(path)).toThrow('it exists');
  });

  test('is none before it is closed, and nothing is left of one that is given up', () => {
    const batches = batchesOf(madeRows(seededRandom(2), 100));
    for (const to of ['a.hft', '']) {
      const path = directory();
      const [kept, given] = [createRecord(join(path, to)), createRecord(join(path, to))];
      for (const batch of batches) {
        kept.write(batch);
        given.write(batch);
      }
      expect(readdirSync(path).filter((name) => name.endsWith('.hft'))).toEqual([]);
      expect(readdirSync(path)).toHaveLength(2);
      given.discard();
      kept.close();
      kept.discard();
      expect(readdirSync(path)).toEqual([expect.stringMatching(/\.hft$/)]);
      expect(openRecord(join(path, to)).info.rows).toBe(100);
    }
  });

  test('of files that begin at one time keeps them all', () => {
    const path = directory();
    const rows = madeRows(seededRandom(3), 10);
    for (let i = 0; i < 3; i += 1) {
      const writer = createRecord(path);
      writer.write(batchesOf(rows)[0]!);
      writer.close();
    }
    expect(readdirSync(path)).toHaveLength(3);
    expect(openRecord(path).info.rows).toBe(30);
  });

  test('that is not there, or something else, is refused in a sentence', () => {
    const path = directory();
    expect(() => openRecord(join(path, 'none'))).toThrow('none is no traffic record: there is no such file');
    expect(() => openRecord(path)).toThrow('is no traffic record: it has no .hft files');
    writeFileSync(join(path, 'x.hft'), 'GET / HTTP/1.1 and more of it');
    expect(() => openRecord(path)).toThrow('x.hft is not a traffic record');
    expect(() => createRecord(join(path, 'x.hft', 'y'))).toThrow('cannot be made');
  });

  test('that is torn at its end is read up to its last whole block', () => {
    const path = join(directory(), 'a.hft');
    const writer = createRecord(path);
    const rows = madeRows(seededRandom(4), 20);
    writer.write(batchesOf(rows)[0]!);
    writer.close();
    appendFileSync(path, encodeBlock(batchesOf(rows)[0]!).subarray(0, 100));
    const { info, batches } = openRecord(path);
    expect(rowsOf(batches())).toEqual(rows);
    expect(info.damage).toEqual([expect.stringContaining('torn at its end, 100 bytes')]);
  });
});

test('a record of version 1 is read, for ever', () => {
  const { batches } = openRecord(join(GOLDEN, 'traffic-1.hft'));
  const expected = JSON.parse(readFileSync(join(GOLDEN, 'traffic-1.json'), 'utf8'));
  const read = [...batches()];
  expect(rowsOf(read)).toEqual(expected.rows);
  expect(read.map(({ rate }) => rate)).toEqual(expected.rates);
  expect([read[1]!.totals, read[1]!.paths]).toEqual([expected.totals, expected.paths]);
});

describe('blocks that overlap in time', () => {
  /** Rows dealt out to blocks at random, some of them late. */
  function dealt(rows: readonly TrafficRow[], seed: number): TrafficBatch[] {
    const random = seededRandom(seed);
    const blocks: TrafficRow[][] = [];
    for (const [i, row] of rows.entries()) {
      const late = random.next() < 0.1 ? Math.floor(random.next() * 4) : 0;
      const at = Math.floor(i / 50) + late;
      blocks[at] = [...(blocks[at] ?? []), row];
    }
    return blocks.flatMap((block) => batchesOf(block ?? []));
  }

  const inOrderOf = (rows: readonly TrafficRow[]) => rows.map(({ atMs, keyLo }) => `${atMs} ${keyLo}`).sort();

  test('come out in the order of time, nothing lost', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const rows = madeRows(seededRandom(seed), 1000);
      const read = rowsOf(inMemory(dealt(rows, seed)).batches());
      const times = read.map(({ atMs }) => atMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(inOrderOf(read)).toEqual(inOrderOf(rows));
    }
  });

  test('and a part of the time is what lies in it', () => {
    const rows = madeRows(seededRandom(5), 1000);
    const record = inMemory(dealt(rows, 5));
    const random = seededRandom(55);
    for (let i = 0; i < 50; i += 1) {
      const [a, b] = [random, random].map((each) => rows[Math.floor(each.next() * 1000)]!.atMs);
      const range = { fromMs: Math.min(a!, b!), toMs: Math.max(a!, b!) };
      const read = rowsOf(record.batches(range));
      const expected = rows.filter(({ atMs }) => atMs >= range.fromMs && atMs < range.toMs);
      expect(inOrderOf(read)).toEqual(inOrderOf(expected));
    }
  });

  test('of several rates come out at the lowest, with totals of all requests', () => {
    const rows = madeRows(seededRandom(6), 4000).filter(({ kind }) => !kind.internal);
    const [mine, others] = [rows.filter((_, i) => i % 2 === 0), rows.filter((_, i) => i % 2 === 1)];
    const rate = 0.3;
    const isIn = (row: TrafficRow) => placeOf(row.keyHi) < thresholdOf(rate);
    const [whole] = batchesOf(mine);
    const [all] = batchesOf(others);
    const [sampled] = batchesOf(others.filter(isIn), rate);
    const read = [...inMemory([whole!, { ...sampled!, totals: totalsOf(all!) }]).batches()];
    const inCommon = read.filter((batch) => batch.rate === rate);
    expect(inOrderOf(rowsOf(inCommon))).toEqual(
      inOrderOf(rows.filter(isIn)).slice(-inCommon.reduce((sum, { count }) => sum + count, 0)),
    );
    const requests = read.flatMap((batch) => (batch.rate === 1 ? totalsOf(batch) : batch.totals));
    expect(requests.reduce((sum, total) => sum + total.requests, 0)).toBe(rows.length);
    expect(requests.reduce((sum, total) => sum + total.bodyBytes, 0)).toBe(
      rows.reduce((sum, row) => sum + row.bodyBytes, 0),
    );
  });
});
