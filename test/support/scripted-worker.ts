import type { Order, Report } from '../../src/transform/messages.ts';
import type { StartWorker, WorkerEvents } from '../../src/transform/process.ts';

/** The process that transforms, as a test plays it. */
export interface ScriptedProcess {
  /** Orders that it was sent and has not answered, oldest first. */
  readonly orders: readonly Order[];
  readonly threads: number;
  isKilled: boolean;
  residentBytes: number;
  ready(): void;
  /** Answers an order, the oldest by default. */
  make(order?: Order, changes?: Partial<Extract<Report, { kind: 'made' }>['made']>): void;
  fail(order?: Order): void;
  /** Dies, by itself or because it was told to. */
  die(why?: string): void;
}

/** A {@link StartWorker} that remembers each process it started, for the test to play. */
export function scriptedWorker(): { readonly start: StartWorker; readonly started: ScriptedProcess[] } {
  const started: ScriptedProcess[] = [];
  const start: StartWorker = (events: WorkerEvents, threads) => {
    const orders: Order[] = [];
    const take = (order: Order | undefined): Order => {
      const [taken] = orders.splice(order === undefined ? 0 : orders.indexOf(order), 1);
      if (taken === undefined) throw new Error('it has no such order');
      return taken;
    };
    const process: ScriptedProcess = {
      orders,
      threads,
      isKilled: false,
      residentBytes: 1000,
      ready: () => events.onReport({ kind: 'ready' }, new Uint8Array(0)),
      make(order, changes) {
        const { id, variant } = take(order);
        const plain = { contentType: 'image/webp', width: 1, height: 1, frames: 1, durationMs: 1 };
        const made = { ...plain, isOriginal: false, provisional: false, ...changes };
        events.onReport({ kind: 'made', id, made }, Uint8Array.of(variant.width ?? 0));
      },
      fail(order) {
        const { id } = take(order);
        const failure = { cause: 'corrupt', detail: 'The decoder refused the image.' } as const;
        events.onReport({ kind: 'failed', id, failure }, new Uint8Array(0));
      },
      die: (why = 'ended by SIGSEGV') => events.onEnd(why),
    };
    started.push(process);
    return {
      send: (order) => void orders.push(order),
      residentBytes: () => process.residentBytes,
      kill: () => {
        process.isKilled = true;
      },
    };
  };
  return { start, started };
}
