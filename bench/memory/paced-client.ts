/**
 * A client that asks at a fixed rate, whatever the server does: `bun bench/memory/paced-client.ts '<PacedLoad as JSON>'`.
 * Prints a {@link PacedResult} as one line of JSON.
 *
 * A request is due by the clock. When every connection is busy it waits, and the wait counts: a server that stalls is
 * charged for all who would have come meanwhile.
 */
import { LoadConnection } from '../../src/cli/demo/load-connection.ts';
import { rangedBytes, rangedPrefix } from '../support/bodies.ts';
import { quantile } from '../support/stats.ts';

export interface PacedLoad {
  readonly port: number;
  /** Put before the path. */
  readonly prefix: string;
  readonly leastBytes: number;
  readonly mostBytes: number;
  /** Numbers asked for: `count` of them from `first` on, in turn. */
  readonly first: number;
  readonly count: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface PacedResult {
  readonly requests: number;
  readonly hits: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Longest time for which this client itself did not get to run: no latency below it is the server's for sure. */
  readonly ownPauseMs: number;
}

export function runPaced(load: PacedLoad): Promise<PacedResult> {
  const total = load.perSecond * load.seconds;
  const path = load.prefix + rangedPrefix(load.leastBytes, load.mostBytes);
  const latenciesMs = new Float64Array(total);
  const idle = Array.from({ length: load.connections }, () => new LoadConnection('127.0.0.1', load.port));
  const waitingSinceMs: number[] = [];
  let due = 0;
  let sent = 0;
  let ended = 0;
  let hits = 0;
  let ownPauseMs = 0;
  return new Promise((resolve, reject) => {
    const send = (connection: LoadConnection, sinceMs: number): void => {
      const number = load.first + (sent++ % load.count);
      const expected = {
        target: `${path}${number}`,
        accept: 'image/*',
        sizeBytes: rangedBytes(load.leastBytes, load.mostBytes, number),
      };
      connection.get(expected, (ending) => {
        if (!ending.ok) {
          reject(new Error(ending.detail));
          return;
        }
        latenciesMs[ended++] = performance.now() - sinceMs;
        if (ending.isHit) hits += 1;
        if (ended === total) finish();
        const nextMs = waitingSinceMs.shift();
        if (nextMs === undefined) idle.push(connection);
        else send(connection, nextMs);
      });
    };
    const startMs = performance.now();
    let lastMs = startMs;
    const timer = setInterval(() => {
      const nowMs = performance.now();
      ownPauseMs = Math.max(ownPauseMs, nowMs - lastMs);
      lastMs = nowMs;
      const dueByNow = Math.min(total, Math.floor(((nowMs - startMs) / 1000) * load.perSecond));
      for (; due < dueByNow; due += 1) {
        const connection = idle.pop();
        if (connection === undefined) waitingSinceMs.push(nowMs);
        else send(connection, nowMs);
      }
    }, 1);
    const finish = (): void => {
      clearInterval(timer);
      const at = (share: number): number => quantile(latenciesMs, share);
      const latency = { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
      resolve({ requests: total, hits, ...latency, ownPauseMs });
    };
  });
}

if (import.meta.main) {
  console.log(JSON.stringify(await runPaced(JSON.parse(process.argv[2]!) as PacedLoad)));
  process.exit();
}
