import { parentPort } from 'node:worker_threads';
import type { Clock, Timer } from '../../base/clock.ts';
import { Load, type LoadOptions } from './load.ts';
import type { TrafficReport } from './tally.ts';

/** To the worker: start once, stop once. */
export type TrafficCommand =
  | { readonly kind: 'start'; readonly options: LoadOptions }
  | { readonly kind: 'stop'; readonly deadlineMs: number };

/** From the worker: several times a second, and a last one when all has ended. */
export interface TrafficNews {
  readonly report: TrafficReport;
  readonly isLast: boolean;
}

const REPORT_MS = 250;

/** A thread has its own clock; nothing but plain data passes between threads. */
const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, fn) => setTimeout(fn, delayMs) as unknown as Timer,
  cancel: (timer) => clearTimeout(timer as unknown as number | undefined),
};

let load: Load | undefined;
const tell = (isLast: boolean): void => {
  if (load !== undefined) parentPort?.postMessage({ report: load.report(), isLast } satisfies TrafficNews);
};

parentPort?.on('message', (command: TrafficCommand) => {
  if (command.kind === 'start') {
    load = new Load(command.options, clock);
    setInterval(() => tell(false), REPORT_MS);
    return;
  }
  void load?.stop(command.deadlineMs).then(() => tell(true));
});
