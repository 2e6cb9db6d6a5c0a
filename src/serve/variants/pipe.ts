import type { OriginSink } from '../../origin/origin.ts';
import { BROKEN, END, type Payload, WAIT } from '../answer.ts';

const SCRATCH = new Uint8Array(64 * 1024);

/** Hands the rest of a payload on to a flight, at the flight's pace. */
export class Pipe {
  readonly #payload: Payload;
  readonly #sink: Pick<OriginSink, 'onData' | 'onEnd'>;
  readonly #onBroken: () => void;
  readonly #later: (fn: () => void) => void;
  #first: Uint8Array | undefined;
  #position: number;
  #paused = false;
  #over = false;
  #running = false;

  /**
   * @param position of the payload, from which on it is to be handed on.
   * @param first comes before that: what has been read already.
   * @param later calls what it is given, soon.
   */
  constructor(
    payload: Payload,
    position: number,
    first: Uint8Array | undefined,
    sink: Pick<OriginSink, 'onData' | 'onEnd'>,
    onBroken: () => void,
    later: (fn: () => void) => void,
  ) {
    this.#payload = payload;
    this.#position = position;
    this.#first = first;
    this.#sink = sink;
    this.#onBroken = onBroken;
    this.#later = later;
  }

  pause(): void {
    this.#paused = true;
  }

  /** Not at once: who resumes it is in the middle of reading what it brought. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#later(() => this.run());
  }

  /** No more calls to the sink. */
  stop(): void {
    this.#over = true;
  }

  /** Goes on as far as it can now. */
  run(): void {
    // A sink that pauses and resumes within a call must not start a second loop.
    if (this.#running) return;
    this.#running = true;
    while (!this.#over && !this.#paused && this.#step()) {}
    this.#running = false;
  }

  #step(): boolean {
    if (this.#first !== undefined) {
      const first = this.#first;
      this.#first = undefined;
      if (first.length > 0) this.#sink.onData(first);
      return true;
    }
    if (this.#position === this.#payload.bytes) return this.#end();
    const count = this.#payload.read(this.#position, SCRATCH, 0);
    if (count === WAIT) {
      this.#payload.whenReadable(() => this.run());
      return false;
    }
    if (count === END) return this.#end();
    if (count === BROKEN) {
      this.#over = true;
      this.#onBroken();
      return false;
    }
    this.#position += count;
    this.#sink.onData(SCRATCH.subarray(0, count));
    return true;
  }

  #end(): false {
    this.#over = true;
    this.#sink.onEnd();
    return false;
  }
}
