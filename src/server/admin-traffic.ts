import type { TrafficSnapshot } from '../monitor/snapshot.ts';
import { type AdminCall, ok, problem, type Reply } from './admin-replies.ts';
import type { TimeRange } from './traffic/ring.ts';
import { troubleText } from './traffic/trouble.ts';

/** What the admin port tells of the traffic. */
export interface TrafficOperations {
  /** Undefined where it is not recorded. */
  readonly traffic: () => TrafficSnapshot | undefined;
  /** The blocks of the record with requests of that time. */
  readonly trafficRecord: (range: TimeRange) => AsyncIterable<Uint8Array>;
  /** What the node holds, as lines. */
  readonly liveIndex: () => AsyncIterable<string>;
}

/** Who is told of what could not be read. */
interface Watched {
  readonly onFault: (path: string, error: unknown) => void;
}

const RECORD_PATH = '/api/traffic/record';

/** `GET /api/traffic`. */
export function trafficInfo(_: AdminCall, { traffic }: TrafficOperations): Reply {
  const info = traffic();
  return info === undefined ? notRecorded() : ok(info);
}

/** `GET /api/traffic/record`. */
export async function trafficRecord(
  { who, query }: AdminCall,
  operations: TrafficOperations & Watched,
): Promise<Reply> {
  if (who.role !== 'operate') return lookingIsNotEnough();
  if (operations.traffic() === undefined) return notRecorded();
  const fromMs = timeOf(query.get('from'), 0);
  const toMs = timeOf(query.get('to'), Number.POSITIVE_INFINITY);
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs) {
    const remedy =
      'Say ?from= and &to= as 2026-11-23T17:00:00Z, or in milliseconds since the epoch; or leave them out.';
    return problem(400, 'bad-range', 'That is no range of times.', remedy);
  }
  const type = 'application/vnd.holdfast.traffic';
  const range = { fromMs, toMs };
  try {
    // Whether it can be read shows before the head is sent: behind that there is only breaking off.
    for await (const _ of operations.trafficRecord(range)) break;
    return { status: 200, stream: told(operations.trafficRecord(range), operations), type };
  } catch (error) {
    operations.onFault(RECORD_PATH, error);
    const remedy =
      'See that the directory of traffic.path is there and can be read; the log of the node has more.';
    return problem(503, 'record-unreadable', `The record cannot be read: ${troubleText(error)}.`, remedy);
  }
}

/** The pieces as they are; what breaks them off is told. */
async function* told(pieces: AsyncIterable<Uint8Array>, { onFault }: Watched): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    onFault(RECORD_PATH, error);
    throw error;
  }
}

/** `GET /api/traffic/index`. */
export function trafficIndex({ who }: AdminCall, { liveIndex }: TrafficOperations): Reply {
  if (who.role !== 'operate') return lookingIsNotEnough();
  return { status: 200, stream: liveIndex(), type: 'application/x-ndjson; charset=utf-8' };
}

function timeOf(text: string | null, missing: number): number | undefined {
  if (text === null || text === '') return missing;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function notRecorded(): Reply {
  const remedy = 'Set traffic.record to true in the configuration, and start the node again.';
  return problem(404, 'not-recorded', 'This node does not record its traffic.', remedy);
}

/** Hashes are no secret to who can guess a path; so this is not for everybody who may look at counters. */
function lookingIsNotEnough(): Reply {
  const remedy = 'Use a token whose role is operate (admin.tokens), or admin.token.';
  return problem(403, 'role', 'This tells what clients asked for: it takes the role operate.', remedy);
}
