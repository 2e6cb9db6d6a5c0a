import { afterAll, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { seededRandom } from '../../base/random.ts';
import type { DiskFiles } from '../../store/disk/files.ts';
import { openDirectory } from '../../store/disk/real-files.ts';
import { servedKind, UNKNOWN_LIFE } from '../../traffic/batch.ts';
import { bytesSource, recordFrom } from '../../traffic/record/reading.ts';
import { rowsOf } from '../../traffic/rows.fixture.ts';
import { summarise } from '../../traffic/summary.ts';
import { openTraffic } from './open.ts';
import { Traffic } from './traffic.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const ALL_TIME = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

interface TrialOptions {
  readonly sizeBytes?: number;
  readonly keepS?: number;
  readonly disk?: VirtualDisk;
  readonly inMemory?: boolean;
  readonly open?: () => Promise<DiskFiles>;
}

/** A record under virtual time, on a virtual disk. */
class Trial {
  readonly clock = virtualClock();
  readonly disk: VirtualDisk;
  readonly lines: string[] = [];
  traffic!: Traffic;
  note: string | undefined;
  hashKey = { k0: 0, k1: 0 };
  #key = 0;
  readonly #random = seededRandom(9);
  readonly #options: TrialOptions;

  constructor(options: TrialOptions = {}) {
    this.#options = options;
    this.disk = options.disk ?? new VirtualDisk(this.clock, seededRandom(1));
  }

  async start(fresh = { k0: 1, k1: 0xffff_ffff }): Promise<this> {
    const { sizeBytes = 1024 * MIB, keepS = 604_800, inMemory } = this.#options;
    const traffic = { record: true, path: '/data/traffic', sizeBytes, keepS, paths: false } as const;
    const mount = this.#options.open ?? (() => Promise.resolve(this.disk.mount()));
    const open = inMemory === true ? undefined : mount;
    const say = (message: string, facts?: object): void =>
      void this.lines.push(`${message} ${JSON.stringify(facts)}`);
    const log = { debug: say, info: say, warn: say, error: say };
    const config = { traffic } as Parameters<typeof openTraffic>[0];
    const opened = await openTraffic(config, open, fresh, log);
    this.note = opened.note;
    this.hashKey = opened.hashKey;
    this.traffic = new Traffic({
      ...opened.place!,
      clock: this.clock,
      log,
      routeNames: () => ['a'],
      onFault: (error) => {
        throw error;
      },
    });
    return this;
  }

  /** Requests for so many different keys, one a millisecond. */
  async ask(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.clock.advance(1);
      this.#key += 1;
      this.traffic.recorder.add({
        atMs: this.traffic.recorder.stamp(this.clock.monotonicMs()),
        keyLo: this.#random.u32(),
        keyHi: this.#random.u32(),
        bodyBytes: this.#random.u32(),
        besideBytes: 300,
        originMs: 3,
        kind: servedKind('a'),
        life: UNKNOWN_LIFE,
        path: () => '',
      });
    }
    await this.traffic.flush();
  }

  async record(range = ALL_TIME) {
    const blocks: Uint8Array[] = [];
    for await (const block of this.traffic.blocks(range)) blocks.push(block);
    return recordFrom('read', [bytesSource('read', Buffer.concat(blocks))]);
  }

  async read(range = ALL_TIME) {
    return rowsOf((await this.record(range)).batches());
  }
}

describe('the record of a node', () => {
  test('is there again after a restart, and goes on with the same key', async () => {
    const trial = await new Trial().start();
    await trial.ask(1000);
    await trial.traffic.close();
    const { hashKey } = trial;
    await trial.start({ k0: 77, k1: 88 });
    expect(trial.hashKey).toEqual(hashKey);
    expect(trial.traffic.snapshot().storedBytes).toBeGreaterThan(10_000);
    await trial.ask(1000);
    const rows = await trial.read();
    expect(rows).toHaveLength(2000);
    expect(rows.map(({ atMs }) => atMs)).toEqual(rows.map(({ atMs }) => atMs).sort((a, b) => a - b));
    expect(trial.disk.names.filter((name) => name.endsWith('.hft'))).toHaveLength(2);
    expect(trial.disk.fileOf('key').toString()).toBe('00000001ffffffff\n');
  });

  test('is written within seconds, also when nobody asks any more', async () => {
    const trial = await new Trial().start();
    trial.traffic.recorder.drain();
    await trial.ask(0);
    trial.clock.advance(1);
    await trial.ask(3);
    const before = trial.traffic.snapshot();
    expect([before.rows, before.storedBytes > 0]).toEqual([3, true]);
  });

  test('takes no more than it may, and the oldest leaves', async () => {
    const trial = await new Trial({ sizeBytes: MIB }).start();
    for (let i = 0; i < 40; i += 1) await trial.ask(5_000);
    const { storedBytes, rows, rate } = trial.traffic.snapshot();
    expect(storedBytes).toBeLessThanOrEqual(MIB);
    expect(storedBytes).toBeGreaterThan(MIB / 2);
    expect(trial.disk.usedBytes).toBe(storedBytes + 17);
    // Minutes are too little to know better, but for this: it took half of the space in that time.
    expect(rows).toBeLessThanOrEqual(200_000);
    expect(rate).toBeLessThan(1);
    const kept = await trial.read();
    expect(kept.at(-1)!.atMs).toBeGreaterThan(trial.clock.nowMs() - 60_000);
  });

  test('reaches back as far as it is to, and no further', async () => {
    const trial = await new Trial({ keepS: 86_400 }).start();
    for (let hour = 0; hour < 60; hour += 1) {
      await trial.ask(10);
      trial.clock.advance(HOUR_MS);
    }
    await trial.ask(1);
    const rows = await trial.read();
    const backMs = trial.clock.nowMs() - rows[0]!.atMs;
    expect(backMs).toBeGreaterThan(24 * HOUR_MS - 1);
    expect(backMs).toBeLessThan(26 * HOUR_MS);
    expect(trial.traffic.snapshot().oldestMs).toBeCloseTo(rows[0]!.atMs, -1);
    const range = { fromMs: trial.clock.nowMs() - 5.5 * HOUR_MS, toMs: trial.clock.nowMs() - 2.5 * HOUR_MS };
    expect(await trial.read(range)).toHaveLength(30);
  });

  test('records a part of the keys where all would be too many, and counts all', async () => {
    const trial = await new Trial({ sizeBytes: MIB / 2, keepS: 10_800 }).start();
    for (let minute = 0; minute < 180; minute += 1) {
      await trial.ask(1000);
      trial.clock.advance(59_000);
    }
    const { rate } = trial.traffic.snapshot();
    // 180,000 in three hours, of some 15 bytes: 2.6 MiB.
    expect(rate).toBe(1 / 8);
    expect(trial.lines).toHaveLength(3);
    expect(trial.lines[0]).toContain('another share of the keys is recorded from now on {"before":1');
    const range = { fromMs: trial.clock.nowMs() - 30 * 60_000, toMs: trial.clock.nowMs() };
    const blocks: Uint8Array[] = [];
    for await (const block of trial.traffic.blocks(range)) blocks.push(block);
    const { info } = recordFrom('read', [bytesSource('read', Buffer.concat(blocks))]);
    expect(info.rateMax).toBe(rate);
    expect(info.requests).toBe(30_000);
    expect(info.rows / 30_000).toBeCloseTo(rate, 2);
  });
});

describe('trouble', () => {
  test('a disk that fails stops the record, once told, and not for ever', async () => {
    const trial = await new Trial().start();
    await trial.ask(100);
    trial.disk.temper.failWrite = 1;
    for (let i = 0; i < 5; i += 1) {
      await trial.ask(100);
      trial.clock.advance(10_000);
    }
    expect(trial.lines).toEqual([
      'traffic is not recorded for the moment; requests are served as before {"place":"/data/traffic","error":"the disk fails (EIO)","remedy":"see that it can be written"}',
    ]);
    const during = trial.traffic.snapshot();
    expect([during.isPaused, during.droppedRows]).toEqual([true, 500]);
    expect(during.writeErrors).toBeGreaterThan(1);
    trial.disk.temper.failWrite = 0;
    trial.clock.advance(60_000);
    await trial.ask(100);
    expect(trial.lines[1]).toContain('traffic is recorded again');
    expect(trial.traffic.snapshot().isPaused).toBe(false);
    expect(await trial.read()).toHaveLength(200);
    expect(trial.disk.openFiles).toBe(1);
  });

  test('a disk that was full for a while is written again, and every row is recorded or counted as lost', async () => {
    const trial = await new Trial().start();
    await trial.ask(500);
    trial.disk.temper.foreignBytes = trial.disk.temper.capacityBytes;
    for (let i = 0; i < 40; i += 1) await trial.ask(500);
    trial.disk.temper.foreignBytes = 0;
    for (let i = 0; i < 120; i += 1) await trial.ask(500);
    const { rows, droppedRows, isPaused } = trial.traffic.snapshot();
    expect(isPaused).toBe(false);
    expect(droppedRows).toBeGreaterThan(10_000);
    expect(await trial.read()).toHaveLength(rows);
    expect(rows + droppedRows).toBe(161 * 500);
    const summary = summarise(await trial.record());
    expect([summary.requests, summary.lost]).toEqual([rows, droppedRows]);
  });

  test('a full disk is told with what to do', async () => {
    const trial = await new Trial().start();
    trial.disk.temper.capacityBytes = 20;
    await trial.ask(100);
    expect(trial.lines[0]).toContain('make room there, or choose a smaller traffic.size');
    expect(trial.disk.names).toEqual(['key']);
  });

  test('without a directory it is kept in memory, within bounds', async () => {
    const trial = await new Trial({ inMemory: true, sizeBytes: MIB }).start();
    expect(trial.note).toContain('has no directory for it');
    for (let i = 0; i < 30; i += 1) await trial.ask(5_000);
    const { storedBytes, path } = trial.traffic.snapshot();
    expect([storedBytes <= MIB, storedBytes > MIB / 2, path]).toEqual([true, true, undefined]);
    expect((await trial.read()).length).toBeGreaterThan(1000);
  });

  test('a directory that cannot be opened is no reason not to start', async () => {
    const disk = new VirtualDisk(virtualClock(), seededRandom(1), { failOpen: 1 });
    const trial = await new Trial({ disk }).start();
    expect(trial.note).toContain('EIO');
    await trial.ask(10);
    expect(await trial.read()).toHaveLength(10);
  });

  test('a second node does not write into the same directory', async () => {
    const first = await new Trial().start();
    await first.ask(10);
    const second = await new Trial({ disk: first.disk }).start();
    expect(second.note).toBe(
      'another node records in /data/traffic; give each node a traffic.path of its own',
    );
    expect(second.lines[0]).toContain('traffic is recorded in memory');
    await second.ask(10);
    expect([await first.read(), await second.read()].map(({ length }) => length)).toEqual([10, 10]);
    await first.traffic.close();
    const third = await new Trial({ disk: first.disk }).start();
    expect(third.note).toBeUndefined();
  });

  test('a file that is removed while it is written is noticed, told and counted', async () => {
    const trial = await new Trial().start();
    await trial.ask(100);
    for (const name of trial.disk.names) if (name.endsWith('.hft')) trial.disk.removeFile(name);
    await trial.ask(50);
    await trial.ask(50);
    expect(await trial.read()).toHaveLength(100);
    expect(trial.lines).toHaveLength(1);
    expect(trial.lines[0]).toContain('files of the traffic record were removed');
    expect(trial.traffic.snapshot().writeErrors).toBe(1);
    expect(trial.disk.openFiles).toBe(1);
  });
});

describe('on a real disk', () => {
  const above = mkdtempSync(join(tmpdir(), 'holdfast-traffic-'));
  afterAll(() => rmSync(above, { recursive: true }));

  test('a directory that is removed under the node is made anew, with its key', async () => {
    const path = join(above, 'removed');
    const trial = await new Trial({ open: () => openDirectory(path) }).start();
    await trial.ask(100);
    rmSync(path, { recursive: true });
    await trial.ask(50);
    expect(await trial.read()).toHaveLength(50);
    expect(trial.lines.map((line) => line.slice(0, 30))).toEqual(['files of the traffic record we']);
    await trial.traffic.close();
    await trial.start({ k0: 5, k1: 6 });
    expect(trial.hashKey).toEqual({ k0: 1, k1: 0xffff_ffff });
    expect(await trial.read()).toHaveLength(50);
    await trial.traffic.close();
  });

  test("the key is its owner's alone, and one that is not, or is damaged, is told", async () => {
    const path = join(above, 'key');
    const trial = await new Trial({ open: () => openDirectory(path) }).start();
    const file = join(path, 'key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await trial.traffic.close();
    chmodSync(file, 0o644);
    await trial.start();
    expect(trial.lines.at(-1)).toContain('chmod 600');
    await trial.traffic.close();
    writeFileSync(file, 'nonsense');
    await trial.start({ k0: 7, k1: 8 });
    expect(trial.lines.at(-1)).toContain('is damaged; a new one is made');
    expect([statSync(file).mode & 0o777, trial.hashKey]).toEqual([0o600, { k0: 7, k1: 8 }]);
    await trial.traffic.close();
  });

  test('why it is in memory is said in words', async () => {
    const path = join(above, 'words');
    await openDirectory(join(path, 'key'));
    const trial = await new Trial({ open: () => openDirectory(path) }).start();
    expect(trial.note).toBe('there is a directory where a file should be (EISDIR)');
    expect(existsSync(join(path, 'key'))).toBe(true);
    await trial.traffic.close();
  });
});
