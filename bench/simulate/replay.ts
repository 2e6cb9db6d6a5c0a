/**
 * How long a record of ten million requests takes to be replayed for two configurations, and in how much memory.
 *
 *   npm run bench:simulate -- replay, or bun bench/simulate/replay.ts [--requests 10000000]
 *
 * The record is made first, by seeded dice, and lies in a file of blocks of 24-byte rows; reading it is part of what is measured. All of it
 * happens in a process of its own, whose peak of resident memory is the kernel's (VmHWM).
 */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/random.ts';
import type { SimulatedNode } from '../../src/simulate/plan.ts';
import type { SimulationReport } from '../../src/simulate/report.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import {
  BATCH_ROWS_MAX,
  NOT_ASKED,
  type ResponseLife,
  Stated,
  servedKind,
  statedLife,
  type TrafficBatch,
} from '../../src/traffic/batch.ts';
import type { TrafficRecord } from '../../src/traffic/record.ts';
import { table } from '../support/markdown.ts';
import type { Section } from './section.ts';

/** What a replay took. */
export interface ReplayFigures {
  readonly requests: number;
  readonly keys: number;
  readonly nodes: readonly { readonly name: string; readonly hitShare: number; readonly evictions: number }[];
  readonly seconds: number;
  readonly peakBytes: number;
}

const ROW_BYTES = 24;
const CATALOGUE = 20_000_000;
const START_MS = 1_700_000_000_000;
const GIB = 1024 ** 3;

const KIND = servedKind('images');
const LIVES: readonly ResponseLife[] = [300, 3600, 86_400, 604_800].map((lifetimeS) =>
  statedLife(lifetimeS, { flags: Stated.VALIDATOR | Stated.IMAGE }),
);

/** Writes the record: a day's requests, popularity by a power law, sizes from some hundred bytes to megabytes. */
function make(path: string, requests: number): number {
  const random = seededRandom(5);
  const file = openSync(path, 'w');
  const seen = new Uint8Array(CATALOGUE);
  let keys = 0;
  const usBetween = (86_400e6 / requests) * 2;
  for (let done = 0; done < requests; ) {
    const count = Math.min(BATCH_ROWS_MAX, requests - done);
    const block = new ArrayBuffer(count * ROW_BYTES);
    const { timeUs, keyLo, keyHi, bodyBytes, besideBytes, originMs, lives } = columns(block, count);
    let us = 0;
    for (let row = 0; row < count; row += 1) {
      us += random.next() * usBetween;
      const key = Math.floor(CATALOGUE * random.next() ** 10);
      keys += 1 - seen[key]!;
      seen[key] = 1;
      const mixed = mix(key);
      timeUs[row] = us;
      keyLo[row] = mixed;
      keyHi[row] = mix(mixed);
      bodyBytes[row] = 300 + 40_000 * ((mixed % 9973) / 9973) ** 5 * ((mixed % 31) + 1);
      besideBytes[row] = 350 + (mixed % 100);
      originMs[row] = (mixed & 3) === 0 ? NOT_ASKED : 20 + (mixed % 200);
      lives[row] = mixed % LIVES.length;
    }
    writeSync(file, new Uint8Array(block));
    done += count;
  }
  closeSync(file);
  return keys;
}

function mix(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x21f0_aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a_2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

function columns(block: ArrayBuffer, count: number) {
  const at = (column: number): number => column * count;
  return {
    timeUs: new Uint32Array(block, at(0), count),
    keyLo: new Uint32Array(block, at(4), count),
    keyHi: new Uint32Array(block, at(8), count),
    bodyBytes: new Uint32Array(block, at(12), count),
    besideBytes: new Uint16Array(block, at(16), count),
    originMs: new Uint16Array(block, at(18), count),
    kinds: new Uint16Array(block, at(20), count),
    lives: new Uint16Array(block, at(22), count),
  };
}

/** The record, one block in memory at a time. */
function recordIn(path: string, requests: number): TrafficRecord {
  const msPerBatch = (86_400e3 / requests) * BATCH_ROWS_MAX;
  const info = {
    name: path,
    fromMs: START_MS,
    toMs: START_MS + 86_400e3,
    rows: requests,
    requests,
    rateMin: 1,
    rateMax: 1,
    storedBytes: requests * ROW_BYTES,
    damage: [],
  };
  return {
    info,
    *batches(): Generator<TrafficBatch> {
      const file = openSync(path, 'r');
      const block = new ArrayBuffer(BATCH_ROWS_MAX * ROW_BYTES);
      for (let batch = 0; batch * BATCH_ROWS_MAX < requests; batch += 1) {
        const count = Math.min(BATCH_ROWS_MAX, requests - batch * BATCH_ROWS_MAX);
        readSync(file, new Uint8Array(block), 0, count * ROW_BYTES, batch * BATCH_ROWS_MAX * ROW_BYTES);
        const baseMs = START_MS + batch * msPerBatch * 1.02;
        const tables = { kindTable: [KIND], lifeTable: LIVES, rate: 1, totals: [] };
        yield { count, baseMs, ...columns(block, count), ...tables };
      }
      closeSync(file);
    },
  };
}

function nodes(): SimulatedNode[] {
  const rules = { negativeTtlS: 10, fallbackTtlS: 1, staleWhileRevalidateS: 0, staleIfErrorS: 86_400 };
  const limits = { caches: true, pinned: false, objectBytesMax: 32 * 2 ** 20, origin: 'shop' };
  const node: Omit<SimulatedNode, 'name' | 'memory'> = {
    disk: undefined,
    routes: new Map(),
    otherRoute: { ...rules, ...limits, lastKnownGood: 'images' },
    room: { minResidencyS: 1, pinnedShare: 0.5 },
    ghosts: 200_000,
    origins: new Map([['shop', { connections: 256, queueMax: 1024, queueTimeoutMs: 10_000 }]]),
  };
  const memory = { sizeBytes: 8 * GIB, objectBytesMax: 32 * 2 ** 20 };
  return [
    { ...node, name: 'lru', memory: { ...memory, policy: 'lru' } },
    { ...node, name: 's3-fifo', memory: { ...memory, policy: 's3-fifo' } },
  ];
}

function replay(path: string, requests: number): Omit<ReplayFigures, 'keys'> {
  const beganMs = performance.now();
  const reports = simulate(recordIn(path, requests), nodes());
  const seconds = (performance.now() - beganMs) / 1000;
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))!;
  const shown = ({ name, all, memory }: SimulationReport) => ({
    name,
    hitShare: all.hits / all.requests,
    evictions: memory.evictions,
  });
  return { requests, nodes: reports.map(shown), seconds, peakBytes: Number(peak[1]) * 1024 };
}

/** Makes a record and replays it, in a process of its own. Some 20 s for ten million. @throws Error when that fails. */
export async function measureReplay(requests = 10_000_000): Promise<ReplayFigures> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-replay-'));
  try {
    const path = join(dir, 'record');
    const keys = make(path, requests);
    const child = Bun.spawn(
      [process.execPath, import.meta.path, '--file', path, '--requests', String(requests)],
      {
        stdout: 'pipe',
        stderr: 'inherit',
      },
    );
    const text = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error('the replay did not end well; its error is above');
    return { ...(JSON.parse(text) as Omit<ReplayFigures, 'keys'>), keys };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Limits of a replay of ten million requests for two configurations. */
const SECONDS_MAX = 20;
const BYTES_MAX = 400e6;

/** {@link measureReplay} as a section of `npm run bench:simulate`. */
export const longReplay: Section = {
  title: 'A long record, replayed',
  async run() {
    const { requests, keys, nodes, seconds, peakBytes } = await measureReplay();
    const passed = seconds <= SECONDS_MAX && peakBytes <= BYTES_MAX;
    const count = (value: number): string => Math.round(value).toLocaleString('en');
    const rows = nodes.map(({ name, hitShare, evictions }) => [
      name,
      `${(100 * hitShare).toFixed(1)} %`,
      count(evictions),
    ]);
    const markdown = [
      `${count(requests)} requests for ${count(keys)} keys, read from a file, for ${nodes.length} nodes in one pass: **${seconds.toFixed(1)} s** (at most ${SECONDS_MAX}), **${count(peakBytes / 1e6)} MB** resident at the most (${count(BYTES_MAX / 1e6)}).`,
      table(['node', 'hits', 'evictions'], rows),
    ];
    return { markdown: markdown.join('\n\n'), passed };
  },
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: { requests: { type: 'string', default: '10000000' }, file: { type: 'string' } },
  });
  const requests = Number(values.requests);
  const figures = values.file === undefined ? await measureReplay(requests) : replay(values.file, requests);
  console.log(JSON.stringify(figures, undefined, values.file === undefined ? 2 : 0));
}
