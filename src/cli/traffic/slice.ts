import { resolve } from 'node:path';
import type { TrafficBatch } from '../../traffic/batch.ts';
import { partsOf } from '../../traffic/made/parts.ts';
import type { TrafficRecord } from '../../traffic/record.ts';
import { busiestWindow } from '../../traffic/summary.ts';
import { UsageError } from '../admin-command.ts';
import { EXIT } from '../io.ts';
import {
  durationGiven,
  momentGiven,
  momentText,
  numberGiven,
  RECORD_HELP,
  Refused,
  type TrafficIo,
  trafficCommand,
} from './command.ts';
import { checkDestination, writeRecord } from './write.ts';

const HELP = `holdfast traffic slice: take a part of a record

  holdfast traffic slice [record] --out X.hft --busiest 1h
  holdfast traffic slice [record] --out X.hft --from 2026-11-24T10:00 --to 2026-11-24T12:00 --route images

  --out PATH       where the part goes: a file (.hft) that is not there yet, or a directory, to whose record it adds
  --from TIME      from then on: 2026-11-24T10:00 (UTC), with a zone (+01:00), a day, or seconds since the epoch
  --to TIME        until before then
  --busiest TIME   the stretch of that length with the most requests: 1h, 5m
  --route NAME     of that route alone; more than once for several
  --sample RATE    a sample of the keys, such as 0.01: all requests of a key, or none
${RECORD_HELP}
A sample says what it was taken from, so that what is computed of it can be corrected. Exit codes: 0 written, 1 nothing is there, it cannot be written,
or the node cannot be asked, 2 no record there, or unusable arguments.
`;

const OPTIONS = {
  out: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  busiest: { type: 'string' },
  route: { type: 'string', multiple: true },
  sample: { type: 'string' },
} as const;

/** `holdfast traffic slice`. */
export function trafficSlice(args: readonly string[], io: TrafficIo): Promise<number> {
  const command = { name: 'slice', help: HELP, options: OPTIONS } as const;
  return trafficCommand(command, args, io, async ({ values, positionals, record }) => {
    const [path, ...more] = positionals;
    if (more.length > 0)
      throw new UsageError('name one record; several become one with: holdfast traffic merge');
    if (values.out === undefined) throw new UsageError('say where the part goes: --out FILE.hft');
    const to = resolve(io.cwd, values.out);
    checkDestination(to);
    const busiestMs = durationGiven('busiest', values.busiest);
    const fromMs = momentGiven('from', values.from);
    const toMs = momentGiven('to', values.to);
    const rate = numberGiven('sample', values.sample, { min: 1e-6, max: 1 });
    if (busiestMs !== undefined && (fromMs !== undefined || toMs !== undefined))
      throw new UsageError('--busiest finds the time itself: leave out --from and --to');
    if (busiestMs !== undefined && busiestMs < 60_000) throw new UsageError('--busiest is at least 1m');
    const source = await record(path);
    const range =
      busiestMs === undefined
        ? { fromMs: fromMs ?? Number.NEGATIVE_INFINITY, toMs: toMs ?? Number.POSITIVE_INFINITY }
        : busiestOf(source, busiestMs, io);
    if (!(range.fromMs < range.toMs)) throw new UsageError('--to is not after --from');
    const routes = values.route === undefined ? undefined : new Set(values.route);
    if (rate !== undefined && rate >= source.info.rateMax)
      io.err(
        `--sample ${rate} changes nothing: the record has ${percentText(source.info.rateMax)} of the keys\n`,
      );
    const found = new Set<string>();
    const wanted = noticing(source.batches(range), found);
    const text = writeRecord(to, partsOf(wanted, { routes, rate }));
    io.out(`${text}\n`);
    const absent = [...(routes ?? [])].filter((route) => !found.has(route));
    if (absent.length > 0) io.err(`no request of that time is of --route ${absent.join(', ')}\n`);
    if (!text.endsWith('no request was written')) return EXIT.ok;
    throw new Refused('nothing of the record is in that part; "holdfast traffic info" says what it has');
  });
}

/** The same batches; and the routes that are in them. */
function* noticing(batches: Iterable<TrafficBatch>, routes: Set<string>): Generator<TrafficBatch> {
  for (const batch of batches) {
    for (let at = 0; at < batch.count; at += 1) routes.add(batch.kindTable[batch.kinds[at]!]!.route);
    yield batch;
  }
}

function percentText(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

function busiestOf(source: TrafficRecord, windowMs: number, io: TrafficIo): { fromMs: number; toMs: number } {
  const busiest = busiestWindow(source, windowMs);
  if (busiest === undefined) throw new Refused('the record has no requests');
  io.out(`busiest: ${momentText(busiest.fromMs)} to ${momentText(busiest.toMs)}\n`);
  return busiest;
}
