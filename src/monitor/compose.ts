import { NOT_STORED_REASONS, OUTCOMES, RETRIEVAL_FAILURES } from '../cache/outcome.ts';
import { cumulative } from './histogram.ts';
import type { Recorder } from './recorder.ts';
import type {
  AutoSnapshot,
  ConfigSnapshot,
  CurveSnapshot,
  DiskSnapshot,
  ImagesSnapshot,
  MemorySnapshot,
  OriginSnapshot,
  RouteSnapshot,
  Snapshot,
  TrafficSnapshot,
} from './snapshot.ts';
import { TRANSFORM_RESULTS } from './transform-books.ts';

/** What a snapshot needs besides the recorder: facts that their owners hold. */
export interface NodeFacts {
  readonly holdfast: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly listen: string;
  readonly draining: boolean;
  readonly connections: number;
  readonly fetches: number;
  readonly transport: Snapshot['transport'];
  readonly workers: Snapshot['workers'];
  readonly memory: MemorySnapshot;
  readonly disk?: DiskSnapshot;
  /** What is made of images; its results are the recorder's. */
  readonly images?: Omit<ImagesSnapshot, 'results'> | undefined;
  readonly traffic?: TrafficSnapshot;
  readonly curve?: CurveSnapshot | undefined;
  readonly auto?: AutoSnapshot | undefined;
  /** By route id: what the memory tier holds and evicted for each. */
  readonly routes: readonly Omit<RouteSnapshot, 'name' | 'requests' | 'sentBytes'>[];
  /** By origin id. */
  readonly origins: readonly Omit<OriginSnapshot, 'name' | 'requests' | 'receivedBytes' | 'failures'>[];
  readonly process: Snapshot['process'];
  readonly config?: ConfigSnapshot;
  readonly purges?: NonNullable<Snapshot['purges']>;
}

/** Counters and facts at one moment. O(routes + origins + buckets), some microseconds; not for the hot path. */
export function composeSnapshot(recorder: Recorder, facts: NodeFacts): Snapshot {
  const { routes, origins, images, curve, auto, ...rest } = facts;
  return {
    ...rest,
    ...(curve === undefined ? {} : { curve }),
    ...(auto === undefined ? {} : { auto }),
    ...(images === undefined ? {} : { images: { ...images, results: transformResults(recorder) } }),
    requests: byWord(OUTCOMES, (outcome) => sumColumn(recorder.requests, OUTCOMES.length, outcome)),
    statuses: {
      '2xx': statusClass(recorder, 2),
      '3xx': statusClass(recorder, 3),
      '4xx': statusClass(recorder, 4),
      '5xx': statusClass(recorder, 5),
    },
    sentBytes: sumColumn(recorder.sentBytes, 1, 0),
    latency: cumulative(recorder.durations),
    retrievalFailures: retrievalFailures(recorder),
    notStored: byWord(NOT_STORED_REASONS, (reason) => recorder.notStoredCounts[reason]!),
    routes: routes.slice(0, recorder.routes.length).map((held, id) => ({
      name: recorder.routes[id]!,
      requests: byWord(OUTCOMES, (outcome) => recorder.requests[id * OUTCOMES.length + outcome]!),
      sentBytes: recorder.sentBytes[id]!,
      ...held,
    })),
    origins: origins.slice(0, recorder.origins.length).map((gauges, id) => ({
      name: recorder.origins[id]!,
      requests: recorder.originRequests[id]!,
      receivedBytes: recorder.originReceivedBytes[id]!,
      failures: byWord(
        recorder.causes,
        (cause) => recorder.originFailures[id * recorder.causes.length + cause]!,
      ),
      ...gauges,
    })),
  };
}

function transformResults({ transforms }: Recorder): ImagesSnapshot['results'] {
  const counts = TRANSFORM_RESULTS.map((word, index) => [word, transforms.results[index]!] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function retrievalFailures(recorder: Recorder): Snapshot['retrievalFailures'] {
  const sums = RETRIEVAL_FAILURES.map((cause, index) => {
    const sum = sumColumn(recorder.retrievalFailures, RETRIEVAL_FAILURES.length, index);
    return [cause, sum] as const;
  });
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

function byWord<W extends string>(words: readonly W[], value: (index: number) => number): Record<W, number> {
  const record = {} as Record<W, number>;
  for (let i = 0; i < words.length; i += 1) record[words[i]!] = value(i);
  return record;
}

function sumColumn(table: Float64Array, width: number, column: number): number {
  let sum = 0;
  for (let i = column; i < table.length; i += width) sum += table[i]!;
  return sum;
}

function statusClass(recorder: Recorder, hundreds: number): number {
  let sum = 0;
  for (let code = hundreds * 100; code < hundreds * 100 + 100; code += 1) sum += recorder.statuses[code]!;
  return sum;
}
