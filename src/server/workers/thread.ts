import { Worker } from 'node:worker_threads';
import type { ToOwner, ToWorker } from './messages.ts';

/** What the owner is told by a worker's thread. */
export interface ThreadEvents {
  onMessages(messages: readonly ToOwner[]): void;
  /** The thread is over, for certain: it touches no memory any more. Called once; `error` when it was not asked to end. */
  onExit(error: string | undefined): void;
}

/** A worker's thread. */
export interface Thread {
  post(messages: readonly ToWorker[]): void;
  /** Ends it, whatever it is doing; {@link ThreadEvents.onExit} follows. */
  terminate(): void;
}

/** Starts a worker's thread: an edge. It waits for its order. */
export function startThread(events: ThreadEvents): Thread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  let error: string | undefined;
  worker.on('message', (messages: ToOwner[]) => events.onMessages(messages));
  worker.on('error', (thrown: unknown) => {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  });
  worker.on('exit', () => events.onExit(error));
  return {
    post: (messages) => worker.postMessage(messages),
    terminate: () => void worker.terminate(),
  };
}

/** Where the monotonic clock of this thread starts, on one that all threads share. In milliseconds. */
export function timeOriginMs(): number {
  return performance.timeOrigin;
}
