import { ERRORS, errorBody } from '../../base/errors.ts';
import { Fields } from '../../http/fields.ts';
import type { BodySink, MessageBody } from '../../origin/origin.ts';
import {
  type Abandon,
  type Answer,
  BROKEN,
  type CacheRequest,
  type Payload,
  type RequestHandler,
  type Responder,
  WAIT,
} from '../../serve/answer.ts';
import type { MemoryTier } from '../../store/memory/tier.ts';
import type { StoredPlace } from '../../store/memory/tier-reader.ts';
import { plainAnswer } from '../plain.ts';
import type { AskMessage, PostedBody, ToOwner, ToWorker } from './messages.ts';

/** Bytes of a stream sent ahead of what the client has taken; while many streams are ahead, so much less. */
const WINDOW_BYTES = 64 * 1024;
const NARROW_WINDOW_BYTES = 16 * 1024;
/** Bytes sent ahead over all streams of a link above which windows are narrow. */
const AHEAD_BYTES = 16 * 1024 * 1024;

export interface LinkOptions {
  readonly handler: RequestHandler;
  readonly tier: MemoryTier;
  readonly send: (message: ToWorker) => void;
  /** Wall clock, for the Date of an answer to a fault. */
  readonly nowMs: () => number;
  readonly onFault: (error: unknown) => void;
}

/**
 * The owner's end of the seam to one worker: its requests go to the handler like those of a connection of our own, and every
 * answer is settled exactly once, also when the worker is gone.
 */
export class OwnerLink {
  readonly options: LinkOptions;
  /** Sent to the worker and not yet taken by its clients, over all streams. */
  aheadBytes = 0;
  readonly #asks = new Map<number, Ask>();

  constructor(options: LinkOptions) {
    this.options = options;
  }

  /** Requests of the worker that are not settled. */
  get count(): number {
    return this.#asks.size;
  }

  ask(message: AskMessage): void {
    const ask = new Ask(this, message.id);
    this.#asks.set(message.id, ask);
    ask.start(message);
  }

  /** Takes a message about a request that was asked before. */
  receive(message: Exclude<ToOwner, AskMessage> & { readonly id: number }): void {
    const ask = this.#asks.get(message.id);
    if (ask === undefined) return;
    switch (message.kind) {
      case 'abandon':
        ask.abandon();
        break;
      case 'done':
        ask.settle(message.sentBytes, message.whole);
        break;
      case 'taken':
        ask.taken(message.position);
        break;
      case 'body-data':
        ask.body?.sink?.onData(message.chunk);
        break;
      case 'body-end':
        ask.body?.sink?.onEnd();
        break;
      case 'body-fail':
        ask.body?.sink?.onFail();
        break;
    }
  }

  /** The worker is gone, and its clients with it. */
  dispose(): void {
    for (const ask of [...this.#asks.values()]) {
      ask.body?.sink?.onFail();
      ask.abandon();
    }
  }

  settled(id: number): void {
    this.#asks.delete(id);
  }

  /** Where a pinned entry lies, for the worker. */
  placeOf(slot: number): StoredPlace {
    const { entries } = this.options.tier.cache;
    return { ref: entries.location(slot), keyBytes: entries.keyBytes(slot) };
  }
}

/** One request of a worker, from its arrival to the end of its answer. */
class Ask implements Responder {
  body: ForwardedBody | undefined;
  readonly #link: OwnerLink;
  readonly #id: number;
  #method = '';
  #abandon: Abandon | undefined;
  #answer: Answer | undefined;
  #over = false;
  #sent = 0;
  #taken = 0;
  #waiting = false;

  constructor(link: OwnerLink, id: number) {
    this.#link = link;
    this.#id = id;
  }

  start({ id, method, target, host, fields, client, receivedMs, body }: AskMessage): void {
    const { handler, send, onFault, nowMs } = this.#link.options;
    this.#method = method;
    if (body !== undefined) this.body = new ForwardedBody(body.bytes, (kind) => send({ kind, id }));
    const request: CacheRequest = {
      method,
      target,
      host,
      fields: new Fields([...fields]),
      client,
      receivedMs,
      ...(this.body === undefined ? {} : { body: this.body }),
    };
    try {
      const abandon = handler.handle(request, this);
      if (this.#answer === undefined && !this.#over) this.#abandon = abandon;
    } catch (error) {
      onFault(error);
      if (this.#answer !== undefined || this.#over) return;
      this.respond(plainAnswer(ERRORS.internal.status, 'internal', errorBody('internal'), nowMs(), ''));
    }
  }

  respond(answer: Answer): void {
    if (this.#over || this.#answer !== undefined) {
      if (!this.#over) this.#link.options.onFault(new Error('a request was answered twice'));
      this.#dispose(answer, 0, false);
      return;
    }
    this.#abandon = undefined;
    this.#answer = answer;
    const { status, head, headInPayload, payload } = answer;
    const { send, onFault } = this.#link.options;
    try {
      const body = this.#bodyOf(payload);
      send({ kind: 'answer', id: this.#id, status, head, headInPayload, body });
      if (body.kind === 'stored') this.#tellAvailable(body.available);
      if (body.kind === 'stream' && (this.#method !== 'HEAD' || headInPayload)) this.#pump();
    } catch (error) {
      onFault(error);
      send({ kind: 'broken', id: this.#id });
    }
  }

  taken(position: number): void {
    this.#link.aheadBytes -= position - this.#taken;
    this.#taken = position;
    this.#guarded(() => this.#pump());
  }

  /** The client went away, before its answer or during it. */
  abandon(): void {
    if (this.#over) return;
    if (this.#answer !== undefined) {
      this.settle(this.#taken, false);
      return;
    }
    this.#end();
    try {
      this.#abandon?.();
    } catch (error) {
      this.#link.options.onFault(error);
    }
  }

  settle(sentBytes: number, whole: boolean): void {
    if (this.#over || this.#answer === undefined) return;
    this.#end();
    this.#dispose(this.#answer, sentBytes, whole);
  }

  #end(): void {
    this.#over = true;
    this.#link.aheadBytes -= this.#sent - this.#taken;
    this.#taken = this.#sent;
    this.#link.settled(this.#id);
  }

  #bodyOf(payload: Payload | undefined): PostedBody {
    if (payload === undefined) return { kind: 'none' };
    const { bytes } = payload;
    const part = payload.stored?.();
    if (part === undefined || bytes === undefined) return { kind: 'stream', bytes };
    const place = this.#link.placeOf(part.slot);
    return { kind: 'stored', place, from: part.from, bytes, available: Math.max(0, part.available) };
  }

  /** Tells the worker how far a body has arrived that is being filled, until it is whole. */
  #tellAvailable(told: number): void {
    const payload = this.#answer!.payload!;
    const { available } = payload.stored!();
    const { send } = this.#link.options;
    if (available === BROKEN) {
      send({ kind: 'broken', id: this.#id });
      return;
    }
    if (available > told) send({ kind: 'available', id: this.#id, bytes: available });
    if (available === payload.bytes) return;
    payload.whenReadable(() => {
      if (!this.#over) this.#guarded(() => this.#tellAvailable(available));
    });
  }

  /** Sends what there is of a stream, as far as the window allows. */
  #pump(): void {
    const payload = this.#answer?.payload;
    if (payload === undefined || this.#over || this.#waiting || payload.stored !== undefined) return;
    const { send } = this.#link.options;
    const windowBytes = this.#link.aheadBytes > AHEAD_BYTES ? NARROW_WINDOW_BYTES : WINDOW_BYTES;
    for (;;) {
      const left = (payload.bytes ?? Number.POSITIVE_INFINITY) - this.#sent;
      const room = Math.min(left, windowBytes - (this.#sent - this.#taken));
      if (room <= 0) return;
      const chunk = new Uint8Array(room);
      const count = payload.read(this.#sent, chunk, 0);
      if (count > 0) {
        this.#sent += count;
        this.#link.aheadBytes += count;
        send({ kind: 'chunk', id: this.#id, chunk: count === room ? chunk : chunk.slice(0, count) });
        continue;
      }
      if (count === WAIT) this.#await(payload);
      else send({ kind: count === BROKEN ? 'broken' : 'end', id: this.#id });
      return;
    }
  }

  #await(payload: Payload): void {
    this.#waiting = true;
    payload.whenReadable(() => {
      this.#waiting = false;
      this.#guarded(() => this.#pump());
    });
  }

  /** A payload that throws is a broken one. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#link.options.onFault(error);
      this.#link.options.send({ kind: 'broken', id: this.#id });
    }
  }

  #dispose(answer: Answer, sentBytes: number, whole: boolean): void {
    for (const step of [() => answer.payload?.release(), () => answer.done(sentBytes, whole)]) {
      try {
        step();
      } catch (error) {
        this.#link.options.onFault(error);
      }
    }
  }
}

/** The body of a request whose client is connected to a worker. */
class ForwardedBody implements MessageBody {
  readonly bytes: number | undefined;
  sink: BodySink | undefined;
  readonly #tell: (kind: 'body-receive' | 'body-pause' | 'body-resume') => void;

  constructor(
    bytes: number | undefined,
    tell: (kind: 'body-receive' | 'body-pause' | 'body-resume') => void,
  ) {
    this.bytes = bytes;
    this.#tell = tell;
  }

  receive(sink: BodySink): void {
    this.sink = sink;
    this.#tell('body-receive');
  }

  pause(): void {
    this.#tell('body-pause');
  }

  resume(): void {
    this.#tell('body-resume');
  }
}
