/**
 * The disk tier by itself, on a real disk: how fast it writes, reads and starts, and what an entry costs in memory.
 *
 *   npm run bench:disk -- [--records 1000000]
 *
 * Writes below .holdfast/ and cleans up; rewrites its section of bench/RESULTS.md. Exit codes: 0 every limit kept, 1 one
 * exceeded or a measurement failed, 2 unusable arguments.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/base/random.ts';
import { findKey } from '../src/store/disk/disk.ts';
import { openDiskTier } from '../src/store/disk/open.ts';
import { openDirectory } from '../src/store/disk/real-files.ts';
import type { LogDiskTier } from '../src/store/disk/tier.ts';
import { realClock } from './support/clock.ts';
import { describeRun } from './support/machine.ts';
import { table, writeSection } from './support/markdown.ts';
import { positiveInteger } from './support/options.ts';
import { quantile } from './support/stats.ts';
import { runBenchmark } from './support/workbench.ts';

const READY_MS_MAX = 2_000;
const SMALL_BYTES = 1_000;
const LARGE_BYTES = 30_000;
const LARGE_RECORDS = 10_000;
const LOADS = 20_000;

const HEAD = `${['content-type: image/jpeg', 'cache-control: max-age=86400', 'etag: "0123456789abcdef"'].join('\r\n')}\r\n\r\n`;
const FACTS = { route: 0, status: 200, bornS: 1, freshUntilS: 2 ** 31, revalidateUntilS: 2 ** 31 } as const;

function open(path: string, records: number): Promise<LogDiskTier> {
  return openDirectory(path).then((files) =>
    openDiskTier({
      files,
      path,
      clock: realClock,
      newHashKey: { k0: 1, k1: 2 },
      budgetBytes: records * (SMALL_BYTES + 500) + LARGE_RECORDS * (LARGE_BYTES + 500) + 2 ** 29,
      segmentBytes: 64 * 2 ** 20,
      objectBytesMax: 2 ** 20,
      minFreeBytes: 0,
      minFreeInodes: 0,
      minResidencyS: 0,
      requireMount: false,
      routes: ['images'],
      onTrouble: (trouble) => console.log(`the disk: ${trouble ?? 'works again'}`),
    }),
  );
}

const keyOf = (kind: string, i: number): Buffer => Buffer.from(`images /${kind}/${i}.jpg`);

/** Stores records as fast as the disk takes them. @returns seconds until all of them are durable. */
async function fill(tier: LogDiskTier, kind: string, records: number, bodyBytes: number): Promise<number> {
  const body = Buffer.alloc(bodyBytes, 'image ');
  const startedMs = performance.now();
  for (let i = 0; i < records; ) {
    const record = {
      key: keyOf(kind, i),
      head: HEAD,
      bodyBytes,
      facts: { ...FACTS, errorUntilS: 2 ** 31, flags: 0 },
    };
    if (tier.put(record, (into, at) => void into.set(body, at))) i += 1;
    else await new Promise((resolve) => setTimeout(resolve, 1));
    if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await tier.flush();
  return (performance.now() - startedMs) / 1000;
}

/** Random loads, one after the other. @returns milliseconds of each. */
async function load(tier: LogDiskTier): Promise<Float64Array> {
  const random = seededRandom(1);
  const times = new Float64Array(LOADS);
  for (let i = 0; i < LOADS; i += 1) {
    const key = keyOf('large', random.u32() % LARGE_RECORDS);
    const startedMs = performance.now();
    const record = await tier.load(findKey(tier, key), key);
    times[i] = performance.now() - startedMs;
    if (record?.body.length !== LARGE_BYTES) throw new Error('a record was not found again');
  }
  return times.sort();
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { records: { type: 'string', default: '1000000' } } });
  const records = positiveInteger('records', values.records);
  const header = describeRun(`npm run bench:disk -- --records ${records}`);
  const folder = join(import.meta.dirname, '../.holdfast');
  mkdirSync(folder, { recursive: true });
  const path = mkdtempSync(join(folder, 'bench-disk-'));
  try {
    const first = await open(path, records);
    const small = await fill(first, 'small', records, SMALL_BYTES);
    const large = await fill(first, 'large', LARGE_RECORDS, LARGE_BYTES);
    const { writtenBytes } = first.snapshot();
    await first.close();
    Bun.gc(true);
    const residentBefore = process.memoryUsage.rss();

    const startedMs = performance.now();
    const tier = await open(path, records);
    const openMs = performance.now() - startedMs;
    await tier.ready;
    const readyMs = performance.now() - startedMs;
    Bun.gc(true);
    const { entries } = tier.snapshot();
    const perEntry = (process.memoryUsage.rss() - residentBefore) / entries;
    const times = await load(tier);
    await tier.close();

    const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
    const rows = [
      [`start: until it serves, of ${entries.toLocaleString('en')} responses`, `${openMs.toFixed(0)} ms`],
      ['start: until all of them are known', `${readyMs.toFixed(0)} ms`],
      ['memory for each response, beside what the process had', `${perEntry.toFixed(0)} bytes`],
      ['written, 1 KB each, until durable', `${mb((records * SMALL_BYTES) / small)} MB/s of bodies`],
      ['the same, responses', `${Math.round(records / small).toLocaleString('en')} /s`],
      ['written, 30 KB each, until durable', `${mb((LARGE_RECORDS * LARGE_BYTES) / large)} MB/s`],
      ['bytes written in all', `${mb(writtenBytes)} MB`],
      ['load of 30 KB, verified, p50', `${(quantile(times, 0.5) * 1000).toFixed(0)} us`],
      ['load of 30 KB, verified, p99', `${(quantile(times, 0.99) * 1000).toFixed(0)} us`],
    ];
    const isKept = readyMs <= READY_MS_MAX;
    const verdict = `Limit: ${READY_MS_MAX / 1000} s until all are known: ${isKept ? 'kept' : 'EXCEEDED'}. Reads come from the system's page cache.`;
    const markdown = [header, table(['what', 'figure'], rows), verdict].join('\n\n');
    console.log(markdown);
    writeSection(join(import.meta.dirname, 'RESULTS.md'), 'disk', `## Disk tier\n\n${markdown}`);
    return isKept;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

await runBenchmark('disk', main);
