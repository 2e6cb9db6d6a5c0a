import type { TransformFailure } from '../../src/image/failures.ts';
import { isPassing } from '../../src/image/failures.ts';
import type {
  Transformed,
  Transformer,
  TransformGauges,
  TransformJob,
  TransformResult,
  TransformTicket,
} from '../../src/transform/transform.ts';

/** One transform, ended by the test. */
export class TransformCall {
  readonly job: TransformJob;
  state: 'running' | 'done' | 'abandoned' = 'running';
  readonly #done: (result: TransformResult) => void;

  constructor(job: TransformJob, done: (result: TransformResult) => void) {
    this.job = job;
    this.#done = done;
  }

  /** The text of the variant's bytes. */
  make(body: string, more: Partial<Transformed> = {}): void {
    const made = { contentType: 'image/webp', width: 4, height: 3, frames: 1, durationMs: 5 };
    const kind = { isOriginal: false, provisional: false };
    this.#end({ ok: true, body: Buffer.from(body), ...made, ...kind, ...more });
  }

  fail(cause: TransformFailure['cause']): void {
    this.#end({
      ok: false,
      failure: { cause, detail: `scripted ${cause}${isPassing(cause) ? ', for now' : ''}` },
    });
  }

  #end(result: TransformResult): void {
    if (this.state === 'abandoned') return;
    this.state = 'done';
    this.#done(result);
  }
}

/** A transformer at the seam of its contract: every job waits for the test, or for {@link ScriptedTransformer.onCall}. */
export class ScriptedTransformer implements Transformer {
  readonly calls: TransformCall[] = [];
  /** Reservations that have not been given back. */
  held = 0;
  /** Of all reservations so far, in bytes. */
  readonly rooms: number[] = [];
  /** Told of each new job; may end it later, but not at once. */
  onCall: ((call: TransformCall) => void) | undefined;
  /** Set to let those who ask for room wait for the answer. */
  later: ((tell: () => void) => void) | undefined;
  /** Set to refuse room. */
  full: TransformFailure | undefined;

  get last(): TransformCall {
    return this.calls.at(-1)!;
  }

  transform(job: TransformJob, done: (result: TransformResult) => void): TransformTicket {
    const call = new TransformCall(job, done);
    this.calls.push(call);
    this.onCall?.(call);
    return {
      abandon: () => {
        if (call.state === 'running') call.state = 'abandoned';
      },
    };
  }

  reserve(
    bytes: number,
    _background: boolean,
    ready: () => void,
    refused: (failure: TransformFailure) => void,
  ): () => void {
    this.held += 1;
    this.rooms.push(bytes);
    let isOver = false;
    const { full, later } = this;
    const tell = (): void => {
      if (isOver) return;
      if (full === undefined) ready();
      else refused(full);
    };
    if (later === undefined) tell();
    else later(tell);
    return () => {
      if (isOver) throw new Error('room is given back once');
      isOver = true;
      this.held -= 1;
    };
  }

  gauges(): TransformGauges {
    return { active: 0, waiting: 0, heldBytes: 0, residentBytes: 0, restarts: 0 };
  }

  async close(): Promise<void> {}
}
