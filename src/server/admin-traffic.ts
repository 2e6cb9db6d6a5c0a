import type { TrafficSnapshot } from '../monitor/snapshot.ts';
import { type AdminCall, ok, problem, type Reply } from './admin-replies.ts';
import type { TimeRange } from './traffic/ring.ts';

/** What the admin port tells of the traffic. */
export interface TrafficOperations {
  /** Undefined where it is not recorded. */
  readonly traffic: () => TrafficSnapshot | undefined;
  /** The blocks of the record with requests of that time. */
  readonly trafficRecord: (range: TimeRange) => AsyncIterable<Uint8Array>;
  /** What the node holds, as lines. */
  readonly liveIndex: () => AsyncIterable<string>;
}

/** `GET /api/traffic`. */
export function trafficInfo(_: AdminCall, { traffic }: TrafficOperations): Reply {
  const info = traffic();
  return info === undefined ? notRecorded() : ok(info);
}

/** `GET /api/traffic/record`. */
export function trafficRecord({ who, query }: AdminCall, operations: TrafficOperations): Reply {
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
  return { status: 200, stream: operations.trafficRecord({ fromMs, toMs }), type };
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
