import type { Clock, Timer } from '../base/clock.ts';
import type { TransformFailure } from '../image/failures.ts';
import { createBudget } from './budget.ts';
import { createKeeper, type TransformLog } from './keeper.ts';
import { createLine } from './line.ts';
import type { Made, Report, TransformLimits } from './messages.ts';
import type { StartWorker } from './process.ts';
import type { Transformer, TransformJob, TransformResult } from './transform.ts';

/** What a transformer may use, and what it is made of. */
export interface TransformerOptions {
  readonly limits: TransformLimits;
  /** Transforms at a time. */
  readonly concurrency: number;
  readonly queue: {
    /** How many transforms may wait for a turn; and as many again for room for their originals. */
    readonly max: number;
    readonly timeoutMs: number;
    /** Originals that are held at a time, in bytes. */
    readonly sizeBytes: number;
  };
  readonly clock: Clock;
  readonly log: TransformLog;
  readonly start: StartWorker;
}

/** One job, from when it is handed over. */
interface Run {
  readonly id: number;
  readonly job: TransformJob;
  /** Undefined once nobody waits for it any more; then it only takes its place until it is over. */
  done: ((result: TransformResult) => void) | undefined;
  /** Times that it was lost for what another did. */
  losses: number;
  /** It is the only one under way: what happens now is its doing. */
  isAlone: boolean;
  /** Its time has begun: it is not only there already, for the moment when another ends. */
  hasStarted: boolean;
  timers: readonly Timer[];
}

/** Between looks at the memory of the process. A decoder can fill about 50 MB in that time. */
const LOOK_MS = 50;
/** A job that has been answered as too late may still come to an end by itself, which is cheaper than ending the process. */
const HARD_FACTOR = 1.5;
const HARD_GRACE_MS = 1000;
/** How often a job is tried again among others before it has to be alone. */
const LOSSES_MAX = 3;

/**
 * The transformer: one process, a line before it, and what to do when it dies.
 *
 * Whoever was under way when the process died may be the one who killed it, so each is tried again alone; who is alone when it dies again is
 * to blame. A job that takes too long is answered in time, and ended, with the process, when it does not come to an end by itself soon after;
 * the others that this costs are tried again.
 */
export function createTransformer(options: TransformerOptions): Transformer {
  return new OneProcess(options);
}

class OneProcess implements Transformer {
  readonly #options: TransformerOptions;
  readonly #line;
  readonly #budget;
  readonly #keeper;
  readonly #running = new Map<number, Run>();
  /** To be tried again, each alone. */
  readonly #suspects: Run[] = [];
  /** To be tried again: known to be innocent. */
  readonly #lost: Run[] = [];
  #lookTimer: Timer | undefined;
  /** Why the process was ended from here; undefined when it died by itself. */
  #killedFor: 'memory' | 'timeout' | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: TransformerOptions) {
    const { queue, clock } = options;
    this.#options = options;
    this.#line = createLine<Run>({ ...queue, clock, what: 'for a turn' });
    this.#budget = createBudget(queue.sizeBytes, { ...queue, clock });
    this.#keeper = createKeeper((events) => options.start(events, options.concurrency), clock, options.log, {
      onReady: () => this.#pump(),
      onReport: (report, body) => this.#onReport(report, body),
      onEnd: (why) => this.#onEnd(why),
      onUnavailable: (why) => this.#refuseAll(`The process that transforms does not start (${why}).`),
    });
  }

  transform(job: TransformJob, done: (result: TransformResult) => void): { abandon(): void } {
    this.#lastId += 1;
    const run: Run = {
      id: this.#lastId,
      job,
      done,
      losses: 0,
      isAlone: false,
      hasStarted: false,
      timers: [],
    };
    const { inputBytes } = this.#options.limits;
    const refuse = (failure: TransformFailure): void => this.#settle(run, { ok: false, failure });
    if (this.#isClosed) queueMicrotask(() => refuse(CLOSED));
    else if (job.original.length > inputBytes) {
      const detail = `The original has ${job.original.length} bytes; ${inputBytes} are allowed.`;
      queueMicrotask(() => refuse({ cause: 'too-many-bytes', detail }));
    } else {
      this.#line.join(run, job.background, refuse);
      // Not at once: a process that cannot be started would be told before this returns.
      queueMicrotask(() => this.#pump());
    }
    return { abandon: () => this.#abandon(run) };
  }

  reserve(
    bytes: number,
    background: boolean,
    ready: () => void,
    refused: (failure: TransformFailure) => void,
  ): () => void {
    if (!this.#isClosed) return this.#budget.reserve(bytes, background, ready, refused);
    let isOver = false;
    queueMicrotask(() => !isOver && refused(CLOSED));
    return () => {
      isOver = true;
    };
  }

  gauges() {
    return {
      active: Math.min(this.#running.size, this.#options.concurrency),
      waiting: this.#line.length + this.#suspects.length + this.#lost.length,
      heldBytes: this.#budget.heldBytes,
      residentBytes: this.#keeper.residentBytes,
      restarts: this.#keeper.restarts,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.clock.cancel(this.#lookTimer);
    this.#refuse(CLOSED);
    this.#budget.clear(CLOSED);
    const running = [...this.#running.values()];
    for (const run of running) this.#over(run, { ok: false, failure: CLOSED });
    await this.#keeper.close();
  }

  /** Gives out what can be given out. */
  #pump(): void {
    if (this.#isClosed || (this.#line.length === 0 && this.#suspects.length === 0 && this.#lost.length === 0))
      return;
    const state = this.#keeper.ensure();
    if (state === 'resting') this.#refuseAll('The process that transforms did not start a moment ago.');
    if (state !== 'ready') return;
    const [suspect] = this.#suspects;
    if (suspect !== undefined) {
      if (this.#running.size > 0) return;
      this.#suspects.shift();
      suspect.isAlone = true;
      this.#give(suspect);
      return;
    }
    for (let run = this.#next(); run !== undefined; run = this.#next()) this.#give(run);
  }

  /** The next one that there is a place for. One more than can run is sent ahead, so that nothing stands still until it is there. */
  #next(): Run | undefined {
    const { concurrency } = this.#options;
    const running = [...this.#running.values()];
    const places = concurrency > 1 ? concurrency + 1 : 1;
    if (running.length >= places || running.some(({ isAlone }) => isAlone)) return undefined;
    const lost = this.#lost.shift();
    if (lost !== undefined) return lost;
    // One place is kept for those that a client waits for.
    const yielding = running.filter(({ job }) => job.background).length;
    const mayYield = yielding < Math.max(1, concurrency - 1) && running.length < concurrency;
    const run = this.#line.first(mayYield);
    if (run !== undefined) this.#line.leave(run);
    return run;
  }

  #give(run: Run): void {
    const { clock, limits } = this.#options;
    const { original, overlay, variant, provisional } = run.job;
    this.#running.set(run.id, run);
    this.#startNext();
    this.#lookTimer ??= clock.after(LOOK_MS, () => this.#look());
    const order = {
      id: run.id,
      variant,
      provisional,
      originalBytes: original.length,
      hasOverlay: overlay !== undefined,
      limits,
    };
    this.#keeper.send(order, original, ...(overlay === undefined ? [] : [overlay]));
  }

  /** Lets the time of the oldest that have not started begin, as many as there are places. */
  #startNext(): void {
    const { clock, limits, concurrency } = this.#options;
    const running = [...this.#running.values()];
    const ahead = running.filter(({ hasStarted }) => !hasStarted);
    const free = concurrency - (running.length - ahead.length);
    for (const run of ahead.slice(0, Math.max(0, free))) {
      run.hasStarted = true;
      run.timers = [
        clock.after(limits.timeoutMs, () => this.#onLate(run)),
        clock.after(limits.timeoutMs * HARD_FACTOR + HARD_GRACE_MS, () => this.#end('timeout')),
      ];
    }
  }

  #onReport(report: Report, body: Uint8Array): void {
    if (report.kind !== 'made' && report.kind !== 'failed') return;
    const run = this.#running.get(report.id);
    if (run === undefined) return;
    if (report.kind === 'failed') this.#over(run, { ok: false, failure: report.failure });
    else this.#over(run, { ok: true, ...report.made, body: bodyOf(run, report.made, body) });
    const isIdle = this.#running.size === 0 && this.#suspects.length === 0;
    // What decoders leave behind would count against the next job.
    if (isIdle && this.#keeper.residentBytes > this.#options.limits.memoryBytes / 2) this.#keeper.retire();
    this.#pump();
  }

  #onLate(run: Run): void {
    const detail = `Decoding and encoding took longer than the ${this.#options.limits.timeoutMs} ms that are allowed.`;
    this.#settle(run, { ok: false, failure: { cause: 'timeout', detail } });
  }

  #look(): void {
    this.#lookTimer = undefined;
    if (this.#running.size === 0) return;
    if (this.#keeper.residentBytes > this.#options.limits.memoryBytes) this.#end('memory');
    this.#lookTimer = this.#options.clock.after(LOOK_MS, () => this.#look());
  }

  #end(why: 'memory' | 'timeout'): void {
    this.#killedFor = why;
    this.#keeper.kill();
  }

  /** The process is gone, and with it what it was working on. */
  #onEnd(why: string): void {
    const cause = this.#killedFor ?? 'crashed';
    this.#killedFor = undefined;
    const runs = [...this.#running.values()];
    for (const run of runs) {
      this.#stop(run);
      if (run.done === undefined) continue;
      if (cause === 'timeout') {
        run.losses += 1;
        (run.losses > LOSSES_MAX ? this.#suspects : this.#lost).push(run);
      } else if (run.isAlone) this.#settle(run, { ok: false, failure: this.#blame(cause, why) });
      else this.#suspects.push(run);
      run.isAlone = false;
    }
    this.#pump();
  }

  #blame(cause: 'memory' | 'crashed', why: string): TransformFailure {
    const { memoryBytes } = this.#options.limits;
    if (cause === 'crashed')
      return { cause, detail: `The process died twice of this image, the second time alone (${why}).` };
    return { cause, detail: `The process grew above ${memoryBytes} bytes with this image alone.` };
  }

  #abandon(run: Run): void {
    run.done = undefined;
    this.#line.leave(run);
    for (const list of [this.#suspects, this.#lost]) {
      const at = list.indexOf(run);
      if (at >= 0) list.splice(at, 1);
    }
    // Whoever waits behind it may have had to wait for it alone.
    this.#pump();
  }

  #refuseAll(detail: string): void {
    this.#refuse({ cause: 'unavailable', detail });
  }

  #refuse(failure: TransformFailure): void {
    this.#line.clear(failure);
    for (const run of [...this.#suspects.splice(0), ...this.#lost.splice(0)])
      this.#settle(run, { ok: false, failure });
  }

  #over(run: Run, result: TransformResult): void {
    this.#stop(run);
    this.#settle(run, result);
  }

  #stop(run: Run): void {
    for (const timer of run.timers) this.#options.clock.cancel(timer);
    run.timers = [];
    run.hasStarted = false;
    this.#running.delete(run.id);
    this.#startNext();
  }

  #settle(run: Run, result: TransformResult): void {
    const { done } = run;
    run.done = undefined;
    try {
      done?.(result);
    } catch (thrown) {
      // A fault of whoever waited: it must not cost the others their process.
      this.#options.log.error('the result of a transform could not be handed over', { why: String(thrown) });
    }
  }
}

const CLOSED: TransformFailure = { cause: 'unavailable', detail: 'The transformer is being closed.' };

function bodyOf({ job }: Run, made: Made, body: Uint8Array): Uint8Array {
  return made.isOriginal ? job.original : body;
}
