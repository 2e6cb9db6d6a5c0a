import { resolve } from 'node:path';
import { formatCount } from '../base/units.ts';
import type { AdminClient } from '../server/admin-client.ts';
import { letterOf } from '../simulate/figures.ts';
import { nodeOf } from '../simulate/node-of.ts';
import { chartBySize } from '../simulate/picture/by-size.ts';
import type { Chart } from '../simulate/picture/chart.ts';
import { chartsOverTime } from '../simulate/picture/over-time.ts';
import { simulationPage } from '../simulate/picture/simulation-page.ts';
import type { ReplayOptions, SimulatedNode, WarmIndex } from '../simulate/plan.ts';
import type { Replay } from '../simulate/replay.ts';
import { pointsAt, sizesBetween } from '../simulate/size-curve.ts';
import { withSizes } from '../simulate/sized.ts';
import { warmAt } from '../simulate/warm-at.ts';
import { readWarmIndex } from '../simulate/warm-index.ts';
import { cut, stressed } from '../traffic/made/derived.ts';
import type { TrafficRecord } from '../traffic/record.ts';
import { UsageError } from './admin-command.ts';
import { systemReason } from './arguments.ts';
import { validFile } from './config-file.ts';
import { EXIT } from './io.ts';
import {
  checkPictures,
  jsonText,
  noRequests,
  REPLAY_HELP,
  REPLAY_OPTIONS,
  type ReplayIo,
  replaying,
  stressesGiven,
  wantsJson,
  writePictures,
} from './replayed.ts';
import { simulationText } from './simulate-text.ts';
import { momentGiven, recordCommand, Unusable } from './traffic/command.ts';

const HELP = `holdfast simulate: what configurations would have done to recorded traffic

  holdfast simulate A.yaml [B.yaml]... --traffic RECORD

  --from TIME          count from then on; what was asked for before fills the cache. 2026-11-24T10:00, in UTC
  --to TIME            end there
  --cold               begin with an empty cache also at --from
  --warm FILE          begin with what a node held: its answer to GET /api/traffic/index; or "node": what the running one holds
                       now, which knows what is asked for later in its own record: hits then look better than they were
${REPLAY_HELP}
Replays the record through the code that serves, without a byte of an image. Figures of the second and further configurations
that are worse than those of the first, by more than one part in a hundred, are marked. Exit codes: 0 done, 1 refused, 2 unusable
arguments, configuration or record.
`;

const OPTIONS = {
  ...REPLAY_OPTIONS,
  from: { type: 'string' },
  to: { type: 'string' },
  cold: { type: 'boolean', default: false },
  warm: { type: 'string' },
} as const;

/** Sizes of a curve, around the one that is configured. */
const CURVE = { from: 1 / 8, to: 4, sizes: 10, rowsMax: 1_000_000 } as const;

/** `holdfast simulate`: prints figures of one or several configurations, and draws them. */
export function simulate(args: readonly string[], io: ReplayIo): Promise<number> {
  const command = { name: 'simulate', help: HELP, options: OPTIONS } as const;
  return recordCommand(command, args, io, async ({ values, positionals, record, client }) => {
    if (positionals.length === 0) throw new UsageError('name at least one configuration');
    if (values.cold && values.warm !== undefined)
      throw new UsageError('--cold and --warm exclude each other');
    const asJson = wantsJson(values);
    const stresses = stressesGiven(values.stress);
    const [fromMs, toMs] = [momentGiven('from', values.from), momentGiven('to', values.to)];
    if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
      throw new UsageError('--from is not before --to');
    await checkPictures(values, io);
    const nodes = await nodesOf(positionals, io);
    if (nodes === undefined) return EXIT.unusable;
    const whole = stressed(await record(values.traffic), stresses);
    const traffic = cut(whole, { fromMs: values.cold ? fromMs : undefined, toMs });
    const warm = values.warm === undefined ? undefined : await warmIndex(values.warm, client, io);
    const options: ReplayOptions = {
      ...(warm === undefined ? {} : { warm: warmAt(warm, traffic.info.fromMs) }),
      ...(fromMs === undefined || values.cold ? {} : { countFromMs: fromMs }),
    };
    if (warm !== undefined) warnOfWarm(warm, traffic, io);
    const progress = replaying(io);
    const reports = progress.replay(traffic, nodes, options);
    if (reports[0]!.all.requests === 0) {
      progress.clear();
      const given = [values.from && `--from ${values.from}`, values.to && `--to ${values.to}`];
      throw noRequests(whole.info, given.filter(Boolean).join(' ') || undefined);
    }
    const isDrawn = values.html !== undefined || values.svg !== undefined;
    const pictures = isDrawn
      ? [...curvesOf(traffic, nodes, options, progress.replay), ...chartsOverTime(reports)]
      : [];
    progress.clear();
    io.out(asJson ? jsonText(reports) : simulationText(reports, io.outForm));
    await writePictures(values, () => simulationPage(reports, pictures), pictures, io);
    return EXIT.ok;
  });
}

/** What a node held, or holds now. @throws Unusable when that cannot be read. */
async function warmIndex(source: string, client: () => AdminClient, io: ReplayIo): Promise<WarmIndex> {
  if (source === 'node') {
    const asked = client();
    const pieces = await Array.fromAsync(await asked.download('/api/traffic/index'));
    return indexOf(Buffer.concat(pieces).toString(), asked.url);
  }
  try {
    return indexOf(await io.readFile(resolve(io.cwd, source)), source);
  } catch (error) {
    if (error instanceof Unusable) throw error;
    throw new Unusable(`${source} cannot be read: ${systemReason(error)}`);
  }
}

/** What the figures of a warm beginning are worth: an index of later knows the record, and one of another node nothing of it. */
function warnOfWarm(warm: WarmIndex, record: TrafficRecord, io: ReplayIo): void {
  const held = new Set(warm.entries.map(({ keyLo, keyHi }) => keyHi * 2 ** 32 + keyLo));
  if (!hasOneOf(record, held))
    io.err(
      `Beware: no key of the record is among the ${formatCount(held.size)} that the cache begins with. They were hashed with another key file, or are of another site: this is a cold start in a full cache.\n`,
    );
  else if (warm.takenAtMs > record.info.fromMs + 1000)
    io.err(
      'Beware: the cache begins with what a node held after the record had begun. It knows what is asked for later: hits look better than they were.\n',
    );
}

/** Reads the record up to the first key that is held. */
function hasOneOf(record: TrafficRecord, held: ReadonlySet<number>): boolean {
  for (const { count, keyLo, keyHi } of record.batches())
    for (let i = 0; i < count; i += 1) if (held.has(keyHi[i]! * 2 ** 32 + keyLo[i]!)) return true;
  return false;
}

function indexOf(text: string, name: string): WarmIndex {
  try {
    return readWarmIndex(text, name);
  } catch (error) {
    throw new Unusable((error as Error).message);
  }
}

async function nodesOf(files: readonly string[], io: ReplayIo): Promise<SimulatedNode[] | undefined> {
  const nodes: SimulatedNode[] = [];
  for (const file of files) {
    const config = await validFile(file, io);
    if (config === undefined) return undefined;
    nodes.push(nodeOf(file, config));
  }
  return nodes;
}

/** One chart with the curves of all: from an eighth of the smallest memory to four times the largest. */
function curvesOf(
  record: TrafficRecord,
  nodes: readonly SimulatedNode[],
  options: ReplayOptions,
  replay: Replay,
): Chart[] {
  const { rows, rateMin } = record.info;
  if (rows === 0) return [];
  const rate = Math.min(1, CURVE.rowsMax / rows) * rateMin;
  const sampled = rate < rateMin ? { ...options, rate } : options;
  const sizes = nodes.map(({ memory }) => memory.sizeBytes);
  const [from, to] = [Math.min(...sizes) * CURVE.from, Math.max(...sizes) * CURVE.to];
  const curves = nodes.map((node, at) => {
    const trials = {
      record,
      options: sampled,
      replay,
      node: (memoryBytes: number) => withSizes(node, { memoryBytes }),
    };
    const points = pointsAt(trials, sizesBetween(from, to, CURVE.sizes));
    return { name: `${letterOf(at)} ${node.name}`, short: letterOf(at), points };
  });
  const marks = nodes.map(({ memory }, at) => ({ at: memory.sizeBytes, text: letterOf(at) }));
  return [chartBySize(curves, marks)];
}
