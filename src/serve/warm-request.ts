import type { Clock } from '../base/clock.ts';
import type { Outcome } from '../cache/outcome.ts';
import { Fields } from '../http/fields.ts';
import {
  type Abandon,
  type Answer,
  BROKEN,
  END,
  type RequestHandler,
  type Responder,
  WAIT,
} from './answer.ts';

/** How a request of the node's own ended. */
export interface Fetched {
  readonly status: number;
  readonly outcome: Outcome | undefined;
  /** The body came whole. */
  readonly whole: boolean;
  /** The body where it was asked for, up to the bound. */
  readonly body: Uint8Array | undefined;
}

/** What stands for the client in the access log. */
const CLIENT = 'warm';
const SCRATCH = new Uint8Array(64 * 1024);

/**
 * Sends one GET through the request path and reads the answer to its end, so everything that holds for clients holds here: one
 * fetch for all who ask, the limits of the origin, admission.
 *
 * @param keepBytesMax how much of the body is kept; beyond it the answer is given up. 0 keeps nothing and reads on.
 * @param accept the Accept field: which variants of images are warmed.
 */
export function fetchThrough(
  handler: RequestHandler,
  clock: Clock,
  host: string,
  target: string,
  keepBytesMax: number,
  accept?: string,
): { readonly done: Promise<Fetched>; readonly abandon: () => void } {
  const { promise, resolve } = Promise.withResolvers<Fetched>();
  let answered: Sink | undefined;
  const responder: Responder = {
    respond: (answer) => {
      answered = new Sink(answer, keepBytesMax, resolve);
      answered.read();
    },
  };
  const request = {
    method: 'GET',
    target,
    host,
    fields: new Fields(accept === undefined ? [] : ['accept', accept]),
    client: CLIENT,
    receivedMs: clock.monotonicMs(),
  };
  const abandon: Abandon | undefined = handler.handle(request, responder);
  return {
    done: promise,
    abandon: () => {
      if (answered !== undefined) answered.giveUp();
      else abandon?.();
      resolve({ status: 0, outcome: undefined, whole: false, body: undefined });
    },
  };
}

class Sink {
  readonly #answer: Answer;
  readonly #keepBytesMax: number;
  readonly #resolve: (fetched: Fetched) => void;
  readonly #kept: Uint8Array[] = [];
  #position = 0;
  #over = false;

  constructor(answer: Answer, keepBytesMax: number, resolve: (fetched: Fetched) => void) {
    this.#answer = answer;
    this.#keepBytesMax = keepBytesMax;
    this.#resolve = resolve;
  }

  read(): void {
    const { payload } = this.#answer;
    while (!this.#over) {
      if (payload === undefined || this.#position === payload.bytes) {
        this.#end(true);
        return;
      }
      const count = payload.read(this.#position, SCRATCH, 0);
      if (count === WAIT) {
        payload.whenReadable(() => this.read());
        return;
      }
      if (count === END || count === BROKEN) {
        this.#end(count === END);
        return;
      }
      this.#position += count;
      if (this.#keepBytesMax === 0) continue;
      if (this.#position > this.#keepBytesMax) {
        this.#end(false);
        return;
      }
      this.#kept.push(SCRATCH.slice(0, count));
    }
  }

  giveUp(): void {
    this.#end(false);
  }

  #end(whole: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const { status, outcome, head, headInPayload } = this.#answer;
    this.#answer.payload?.release();
    this.#answer.done(head.length + this.#position, whole);
    const all = Buffer.concat(this.#kept);
    // The stored head comes before the body.
    const body = headInPayload ? all.subarray(all.indexOf('\r\n\r\n') + 4) : all;
    this.#resolve({ status, outcome, whole, body: this.#keepBytesMax === 0 ? undefined : body });
  }
}
