import { type Answer, BROKEN, END, type Responder, WAIT } from '../../src/serve/answer.ts';

/** What a client got. */
export interface Received {
  readonly status: number;
  /** It got all of it. */
  readonly isWhole: boolean;
  /** From the request to the head of the answer, in milliseconds. */
  readonly waitedMs: number;
  /** By its Age field, in seconds; undefined without one. */
  readonly ageS: number | undefined;
  /** By its Cache-Status; empty for none. */
  readonly cause: string;
}

/** Where bodies go: nobody looks at them. */
const SINK = new Uint8Array(64 * 1024);

/** A client that reads as fast as it can. */
export class Client implements Responder {
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  readonly #onDone: (received: Received) => void;
  #answer!: Answer;
  #waitedMs = 0;
  #position = 0;

  constructor(nowMs: () => number, onDone: (received: Received) => void) {
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.#onDone = onDone;
  }

  respond(answer: Answer): void {
    this.#answer = answer;
    this.#waitedMs = this.#nowMs() - this.#startedMs;
    this.#read();
  }

  #read(): void {
    const { payload } = this.#answer;
    while (payload !== undefined && this.#position !== payload.bytes) {
      const count = payload.read(this.#position, SINK, 0);
      if (count === WAIT) {
        payload.whenReadable(() => this.#read());
        return;
      }
      if (count === BROKEN) {
        this.#end(false);
        return;
      }
      if (count === END) break;
      this.#position += count;
    }
    this.#end(true);
  }

  #end(isWhole: boolean): void {
    const { head, status, payload } = this.#answer;
    payload?.release();
    this.#answer.done(head.length + this.#position, isWhole);
    const age = /^Age: (\d+)/m.exec(head)?.[1];
    this.#onDone({
      status,
      isWhole,
      waitedMs: this.#waitedMs,
      ageS: age === undefined ? undefined : Number(age),
      cause: / detail="?([^";\r]+)/.exec(head)?.[1] ?? '',
    });
  }
}
