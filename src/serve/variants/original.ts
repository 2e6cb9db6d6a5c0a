import type { Outcome, ServedCause } from '../../cache/outcome.ts';
import { Fields } from '../../http/fields.ts';
import type { OriginSink } from '../../origin/origin.ts';
import type { Buffers } from '../../transform/buffers.ts';
import type { Route } from '../1-route.ts';
import {
  type Abandon,
  type Answer,
  BROKEN,
  type CacheRequest,
  END,
  type Responder,
  WAIT,
} from '../answer.ts';
import type { Asked } from '../asked.ts';
import { parseFieldLines } from '../field-lines.ts';
import { Pipe } from './pipe.ts';

/** An original, or an overlay, as the request path serves it to the node itself. */

/** Any picture: which of the browser's formats the variant is for, the origin need not know. */
const ACCEPT = new Fields(['accept', 'image/*,*/*;q=0.8']);
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const PIECE = 16 * 1024;

/** Which original. */
export interface OriginalAsk {
  readonly route: Route;
  readonly host: string;
  readonly resource: string;
  readonly primary: string;
}

/** The request path behind key and route. */
export type LookUp = (asked: Asked) => Abandon | undefined;

/**
 * Asks for an original: one fetch for all who want it, also for the clients that ask for the original itself; from the store where
 * it is there.
 *
 * @param onHead called once, now or later, when its head is there; the original is then the caller's to close.
 * @returns what to call when it is wanted no longer, before `onHead`.
 */
export function openOriginal(
  lookUp: LookUp,
  ask: OriginalAsk,
  purpose: NonNullable<CacheRequest['internal']>,
  receivedMs: number,
  onHead: (original: Original) => void,
): Abandon {
  const { route, host, resource, primary } = ask;
  let isWanted = true;
  let isAnswered = false;
  const responder: Responder = {
    respond: (answer) => {
      isAnswered = true;
      const original = new Original(answer, onHead);
      if (isWanted) original.begin();
      else original.close();
    },
  };
  const request = {
    method: 'GET',
    target: resource,
    host,
    fields: ACCEPT,
    client: 'variant',
    receivedMs,
    internal: purpose,
  } as const;
  const abandon = lookUp({ request, responder, route, resource, primary, found: 0, variant: undefined });
  return () => {
    isWanted = false;
    if (!isAnswered) abandon?.();
  };
}

/** The answer to such a request. To be closed exactly once. */
export class Original {
  readonly status: number;
  readonly outcome: Outcome | undefined;
  readonly cause: ServedCause;
  fields: Fields = new Fields();
  readonly #answer: Answer;
  readonly #onHead: (original: Original) => void;
  /** What has been read of the payload: its head, where it begins with that, and what came with it. */
  #read: Buffer = Buffer.alloc(0);
  #position = 0;
  #whole = false;
  #closed = false;
  #pipe: Pipe | undefined;

  constructor(answer: Answer, onHead: (original: Original) => void) {
    this.#answer = answer;
    this.#onHead = onHead;
    this.status = answer.status;
    this.outcome = answer.outcome;
    this.cause = answer.cause ?? '';
  }

  /** Length of the body, where it is known. */
  get bodyBytes(): number | undefined {
    const { payload, headInPayload } = this.#answer;
    if (payload === undefined) return 0;
    if (payload.bytes === undefined) return undefined;
    return headInPayload ? payload.bytes - (this.#position - this.#read.length) : payload.bytes;
  }

  /** Reads the head. */
  begin(): void {
    const { head, headInPayload } = this.#answer;
    if (!headInPayload) {
      this.fields = parseFieldLines(head);
      this.#onHead(this);
      return;
    }
    this.#take(
      Buffer.allocUnsafe(PIECE),
      () => {
        const end = this.#read.indexOf(HEAD_END);
        if (end < 0) return false;
        this.fields = parseFieldLines(head + this.#read.toString('latin1', 0, end));
        this.#read = this.#read.subarray(end + HEAD_END.length);
        this.#onHead(this);
        return true;
      },
      () => this.#onHead(this),
    );
  }

  /**
   * Reads the body, as fast as it comes.
   *
   * @param buffers what it is read into is from there; to be given back by who is handed it.
   * @param done is handed it whole, `too-large` beyond so many bytes, or undefined when it broke off.
   */
  readAll(bytesMax: number, buffers: Buffers, done: (body: Buffer | 'too-large' | undefined) => void): void {
    const expected = this.bodyBytes;
    if (expected !== undefined && expected > bytesMax) {
      done('too-large');
      return;
    }
    this.#take(
      buffers.take(Math.max(expected ?? 1024 * 1024, this.#read.length)),
      () => {
        if (this.#read.length > bytesMax) {
          done('too-large');
          return true;
        }
        return false;
      },
      (whole) => done(whole ? this.#read : undefined),
    );
  }

  /** Hands the body on, at the pace of the sink. What was read before comes first. */
  pipeTo(
    sink: Pick<OriginSink, 'onData' | 'onEnd'>,
    onBroken: () => void,
    later: (fn: () => void) => void,
  ): Pipe {
    const { payload } = this.#answer;
    const end = {
      onData: (chunk: Uint8Array) => sink.onData(chunk),
      onEnd: () => {
        this.#whole = true;
        sink.onEnd();
      },
    };
    const nothing = { bytes: 0, read: () => END, whenReadable: () => {}, release: () => {} };
    this.#pipe = new Pipe(
      payload ?? nothing,
      payload === undefined ? 0 : this.#position,
      this.#read,
      end,
      onBroken,
      later,
    );
    return this.#pipe;
  }

  /** Gives back what it holds. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pipe?.stop();
    this.#answer.payload?.release();
    this.#answer.done(this.#position, this.#whole);
  }

  /**
   * Reads on into {@link #read}.
   *
   * @param room what it is read into, from the start; at least as large as what has been read.
   * @param enough asked after each piece; true stops.
   * @param done all has been read, or, with false, the rest will not come.
   */
  #take(room: Buffer, enough: () => boolean, done: (whole: boolean) => void): void {
    const { payload } = this.#answer;
    let into = room;
    let length = this.#read.copy(into);
    const step = (): void => {
      while (!this.#closed) {
        const isAll = payload === undefined || this.#position === payload.bytes;
        if (!isAll && length === into.length) into = Buffer.concat([into], into.length * 2);
        const count = isAll ? END : payload.read(this.#position, into, length);
        if (count === WAIT) {
          payload!.whenReadable(step);
          return;
        }
        if (count === END || count === BROKEN) {
          this.#whole = count === END;
          this.#read = into.subarray(0, length);
          done(count === END);
          return;
        }
        this.#position += count;
        length += count;
        this.#read = into.subarray(0, length);
        if (enough()) return;
      }
    };
    step();
  }
}
