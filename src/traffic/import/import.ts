import type { TrafficBatch } from '../batch.ts';
import type { ImportFormat } from './detect.ts';
import { FieldMap } from './field-map.ts';
import { type ImportInput, LATEST_MS, NoLog, OpenInput, type Shared } from './input.ts';
import { IMPORT_HASH_KEY, type Namer, PlainNamer } from './naming.ts';
import { ReorderBuffer, WINDOW_MS } from './reorder.ts';
import { emptyReport, type ImportReport } from './report.ts';
import { lifeOf, RowMaker } from './rows.ts';
import { EARLIEST_MS } from './time.ts';

/** How logs become a record. */
export interface ImportOptions {
  /** Gives requests their routes and keys. */
  readonly namer: Namer;
  /** Overrides what the content of the files says. */
  readonly format?: ImportFormat | undefined;
  /** Which fields say what, where the operator has named them. */
  readonly fields?: FieldMap | undefined;
  /** How long every response is good for, in seconds; undefined: unknown. */
  readonly lifetimeS?: number | undefined;
  /** Leaves out what is no image by its content type, or by its path where the log does not say that. */
  readonly onlyImages?: boolean;
  /** The time of day, in milliseconds since the epoch: no log is from later. Without it, any time before the year 10000 is taken. */
  readonly nowMs?: number;
}

/** Most files that are read at one time; nothing is handed out before those of the same time that wait have had their turn. */
const OPEN_MAX = 16;
/** So many are kept open from the first look at them on. */
const KEPT_OPEN = 8;

/**
 * Reads logs into batches, in the order of time: several files together, whatever order they are named in.
 *
 * Memory: at most 46 MB for putting lines in order, 55 MB for sizes, and about 2 MiB for each file that is read at the same time
 * (10 MiB where it is packed). Nothing grows with the length of the logs.
 *
 * @param onBatch is handed what is ready.
 * @param onProgress is told what was read so far, after each piece of a file.
 * @throws NoLog when one of them is no log, or all are empty, before anything is handed out; the system's error when a file cannot be read.
 */
export async function importLogs(
  inputs: readonly ImportInput[],
  options: ImportOptions,
  onBatch: (batch: TrafficBatch) => void,
  onProgress: (report: ImportReport) => void = () => {},
): Promise<ImportReport> {
  const report = emptyReport();
  const life = lifeOf(options.lifetimeS);
  const active: OpenInput[] = [];
  const waiting: OpenInput[] = [];
  const buffer = new ReorderBuffer(onBatch);
  const shared: Shared = {
    maker: new RowMaker(options.namer, life, options.onlyImages ?? false, report),
    buffer,
    report,
    fields: options.fields ?? new FieldMap(),
    format: options.format,
    latestMs: latestFor(options.nowMs),
    plainNamer: new PlainNamer({ route: 'all', keyHost: false, query: 'all', hashKey: IMPORT_HASH_KEY }),
    life,
    reachedMs: () => least(active.map((one) => one.reachedMs).concat(waiting.map((one) => one.firstMs))),
  };
  try {
    for (const [index, input] of inputs.entries()) {
      const opened = new OpenInput(input, shared);
      if (!(await opened.begin())) {
        // As a log is that was rotated a moment ago.
        report.troubles.push(`${opened.name} is empty`);
        await opened.close();
        continue;
      }
      opened.announce();
      if (index >= KEPT_OPEN && !opened.isOnce) await opened.close();
      waiting.push(opened);
    }
    if (waiting.length === 0) throw new NoLog(report.troubles.join('; '));
    waiting.sort((a, b) => a.firstMs - b.firstMs);
    while (await openNext(active, waiting)) {
      // The one that is behind: so all are read at the same pace, by their own clocks.
      const behind = active.reduce((first, one) => (one.reachedMs < first.reachedMs ? one : first));
      if (!(await behind.next())) active.splice(active.indexOf(behind), 1);
      onProgress(report);
    }
  } finally {
    for (const one of [...active, ...waiting]) await one.close();
  }
  buffer.flush();
  for (const field of shared.fields.unseen()) report.troubles.push(`--fields ${field}: no line has it`);
  report.lateRows = buffer.lateRows;
  report.fromMs = buffer.fromMs;
  report.toMs = buffer.toMs;
  return report;
}

const DAY_MS = 86_400_000;

/** A day of grace, for clocks and zones; a clock that was never set judges nobody. */
function latestFor(nowMs = 0): number {
  return nowMs >= EARLIEST_MS ? nowMs + DAY_MS : LATEST_MS;
}

/** Opens the files whose time has come. @returns false when all have been read. */
async function openNext(active: OpenInput[], waiting: OpenInput[]): Promise<boolean> {
  const reachedMs = least(active.map((one) => one.reachedMs));
  while (waiting.length > 0 && active.length < OPEN_MAX) {
    const next = waiting[0]!;
    if (active.length > 0 && next.firstMs > reachedMs + WINDOW_MS) break;
    waiting.shift();
    if (!next.isOpen) await next.begin();
    active.push(next);
  }
  return active.length > 0;
}

function least(numbers: readonly number[]): number {
  return numbers.reduce((smallest, one) => Math.min(smallest, one), Number.POSITIVE_INFINITY);
}
