import { Worker } from 'node:worker_threads';
import type { LoadOptions } from './load.ts';
import type { TrafficReport } from './tally.ts';
import type { TrafficCommand, TrafficNews } from './traffic-worker.ts';

/** A running load generator. */
export interface Traffic {
  /** The latest report; undefined before the first. */
  report(): TrafficReport | undefined;
  /** Stops sending, waits for running answers and gives the last report. */
  stop(): Promise<TrafficReport | undefined>;
}

const DRAIN_MS = 3_000;

/** Starts the load on a thread of its own, so that it does not share one with the node whose latency it measures. */
export function startTraffic(options: LoadOptions): Traffic {
  const worker = new Worker(new URL('./traffic-worker.ts', import.meta.url));
  let latest: TrafficReport | undefined;
  const ended = new Promise<void>((resolve) => {
    worker.on('message', (news: TrafficNews) => {
      latest = news.report;
      if (news.isLast) resolve();
    });
    worker.on('error', () => resolve());
    worker.on('exit', () => resolve());
  });
  const tell = (command: TrafficCommand): void => worker.postMessage(command);
  tell({ kind: 'start', options });
  return {
    report: () => latest,
    async stop() {
      tell({ kind: 'stop', deadlineMs: DRAIN_MS });
      await ended;
      await worker.terminate();
      return latest;
    },
  };
}
