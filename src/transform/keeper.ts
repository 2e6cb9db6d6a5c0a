import type { Clock, Timer } from '../base/clock.ts';
import type { Order, Report } from './messages.ts';
import type { Worker, WorkerEvents } from './process.ts';

/** What a log is told; as `src/monitor/log.ts`, which is not to be seen from here. */
export interface TransformLog {
  info(message: string, facts?: Readonly<Record<string, string | number>>): void;
  warn(message: string, facts?: Readonly<Record<string, string | number>>): void;
  error(message: string, facts?: Readonly<Record<string, string | number>>): void;
}

/** What the one who gives orders is told about the process. */
export interface KeeperEvents {
  onReady(): void;
  onReport(report: Report, body: Uint8Array): void;
  /** It is over, and was asked to be only where `kill` was called. What it was working on is lost. */
  onEnd(why: string): void;
  /** It ended before it was ready. For a while none is started. */
  onUnavailable(why: string): void;
}

/** Whether there is a process to give orders to; one that is `resting` will be started again when the pause is over. */
export type KeeperState = 'ready' | 'starting' | 'resting';

/** Keeps one process that transforms: starts it when it is first needed, and again when it has ended. */
export interface Keeper {
  /** Starts a process where there is none. */
  ensure(): KeeperState;
  /** Only while `ready`. */
  send(order: Order, ...bodies: readonly Uint8Array[]): void;
  /** Ends the process; `onEnd` follows. */
  kill(): void;
  /** Ends a process that has nothing to do, to start with a small one next time. Nobody is told. */
  retire(): void;
  /** Ends it for good. Resolves when it is gone, after two seconds in any case. */
  close(): Promise<void>;
  readonly residentBytes: number;
  readonly restarts: number;
}

const START_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2000;
const REST_MS_LEAST = 250;
const REST_MS_MOST = 30_000;

interface Member {
  readonly worker: Worker;
  readonly startTimer: Timer;
  isReady: boolean;
  onGone: (() => void) | undefined;
}

/** @param start the edge; tests hand in a process that follows a script. */
export function createKeeper(
  start: (events: WorkerEvents) => Worker,
  clock: Clock,
  log: TransformLog,
  events: KeeperEvents,
): Keeper {
  let member: Member | undefined;
  let restUntilMs = 0;
  let restMs = REST_MS_LEAST;
  let restarts = 0;
  let hasDied = false;
  let isClosed = false;

  const onEnd = (mine: Member, why: string): void => {
    clock.cancel(mine.startTimer);
    mine.onGone?.();
    if (member !== mine) return;
    member = undefined;
    if (isClosed) return;
    hasDied = true;
    if (mine.isReady) {
      log.warn('the process that transforms images has ended', { why });
      events.onEnd(why);
      return;
    }
    restUntilMs = clock.monotonicMs() + restMs;
    log.error('the process that transforms images does not start', { why, againInMs: restMs });
    restMs = Math.min(REST_MS_MOST, restMs * 2);
    events.onUnavailable(why);
  };
  const onReady = (mine: Member): void => {
    if (mine.isReady || member !== mine) return;
    clock.cancel(mine.startTimer);
    mine.isReady = true;
    restMs = REST_MS_LEAST;
    events.onReady();
  };
  const launch = (): void => {
    if (hasDied) restarts += 1;
    hasDied = false;
    const worker = start({
      onReport: (report, body) => {
        if (report.kind === 'ready') onReady(mine);
        else if (member === mine) events.onReport(report, body);
      },
      onEnd: (why) => onEnd(mine, why),
    });
    const startTimer = clock.after(START_TIMEOUT_MS, () => worker.kill());
    const mine: Member = { worker, startTimer, isReady: false, onGone: undefined };
    member = mine;
  };
  return {
    ensure() {
      if (member === undefined) {
        if (isClosed || clock.monotonicMs() < restUntilMs) return 'resting';
        launch();
      }
      return member?.isReady ? 'ready' : 'starting';
    },
    send: (order, ...bodies) => member?.worker.send(order, ...bodies),
    kill: () => member?.worker.kill(),
    retire() {
      const retired = member;
      member = undefined;
      retired?.worker.kill();
    },
    async close() {
      isClosed = true;
      const last = member;
      if (last === undefined) return;
      await new Promise<void>((resolve) => {
        const timer = clock.after(CLOSE_TIMEOUT_MS, resolve);
        last.onGone = () => {
          clock.cancel(timer);
          resolve();
        };
        last.worker.kill();
      });
    },
    get residentBytes() {
      return member?.worker.residentBytes() ?? 0;
    },
    get restarts() {
      return restarts;
    },
  };
}
