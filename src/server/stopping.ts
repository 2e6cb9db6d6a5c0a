import type { Clock } from '../base/clock.ts';
import type { PublicServer } from './listener.ts';

export interface StoppingOptions {
  readonly server: PublicServer;
  readonly clock: Clock;
  /** How long the node goes on as before once it said that it is going away. */
  readonly drainDelayMs: number;
  /** Lets go of everything else, once no client is left. */
  readonly release: () => Promise<void>;
}

/**
 * How a node ends: it says so (readyz), waits until load balancers have noticed, drains its clients, and lets go.
 *
 * @returns what to call, with the deadline of the drain; the second call ends the delay and shortens the deadline, and
 *   a deadline of 0 has no delay.
 */
export function stopping(options: StoppingOptions): (deadlineMs: number) => Promise<void> {
  const { server, clock, drainDelayMs } = options;
  const delay = Promise.withResolvers<void>();
  let stopped: Promise<void> | undefined;
  const stop = async (deadlineMs: number): Promise<void> => {
    server.announceEnd();
    const timer = clock.after(drainDelayMs, delay.resolve);
    if (drainDelayMs === 0 || deadlineMs === 0) delay.resolve();
    await delay.promise;
    clock.cancel(timer);
    await server.drain(deadlineMs);
    await options.release();
  };
  return (deadlineMs) => {
    if (stopped === undefined) {
      stopped = stop(deadlineMs);
    } else {
      delay.resolve();
      void server.drain(deadlineMs);
    }
    return stopped;
  };
}
