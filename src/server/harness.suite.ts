import net from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import {
  type Abandon,
  type Answer,
  type BROKEN,
  type CacheRequest,
  END,
  type Payload,
  type Responder,
  WAIT,
} from '../serve/answer.ts';
import { type PublicServer, type PublicServerOptions, startPublicServer } from './listener.ts';

/** Parts for tests of the public server: a clock that tests turn, a raw client, a handler, accountable answers. */

/** Virtual time; what is due at once runs in a later turn of the event loop, as with the real clock. */
export class TestClock implements Clock {
  #timeMs = 1_000;
  readonly #timers = new Map<object, { readonly dueMs: number; readonly fn: () => void }>();

  nowMs(): number {
    return 1_795_000_000_000 + this.#timeMs;
  }

  monotonicMs(): number {
    return this.#timeMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer = {};
    this.#timers.set(timer, { dueMs: this.#timeMs + delayMs, fn });
    if (delayMs === 0) setImmediate(() => this.#fire(timer));
    return timer as Timer;
  }

  cancel(timer: Timer | undefined): void {
    if (timer !== undefined) this.#timers.delete(timer);
  }

  /** Moves on in steps of 500 ms, calling what became due. */
  advance(ms: number): void {
    for (const endMs = this.#timeMs + ms; this.#timeMs < endMs; ) {
      this.#timeMs = Math.min(endMs, this.#timeMs + 500);
      for (const [timer, { dueMs }] of [...this.#timers]) if (dueMs <= this.#timeMs) this.#fire(timer);
    }
  }

  #fire(timer: object): void {
    const due = this.#timers.get(timer);
    this.#timers.delete(timer);
    due?.fn();
  }
}

/** A TCP client that sends what it is told and keeps all it gets. */
export class RawClient {
  readonly socket: net.Socket;
  received = '';
  closed = false;
  ended = false;
  reset = false;
  #wake: (() => void)[] = [];

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('connect', () => this.#changed());
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      this.#changed();
    });
    this.socket.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    this.socket.on('error', () => {
      this.reset = true;
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves once `condition` holds; looked at whenever something arrived or the connection changed. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed)
        throw new Error(`closed before the condition held; received ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Everything received until the server closed its side, or cut. */
  async all(): Promise<string> {
    await this.until(() => this.ended || this.closed);
    this.socket.destroy();
    return this.received;
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

export type Serve = (request: CacheRequest, responder: Responder) => Abandon | undefined;

export interface Bench extends AsyncDisposable {
  readonly server: PublicServer;
  readonly clock: TestClock;
  readonly faults: unknown[];
  client(): RawClient;
}

/** A server on a free port; disposing it cuts what is left. */
export function serverWith(serve: Serve, options: Partial<PublicServerOptions> = {}): Bench {
  const clock = new TestClock();
  const faults: unknown[] = [];
  const clients: RawClient[] = [];
  const server = startPublicServer({
    listen: { hostname: '127.0.0.1', port: 0 },
    handler: { handle: serve },
    clock,
    onFault: (error) => faults.push(error),
    ...options,
  });
  return {
    server,
    clock,
    faults,
    client() {
      const client = new RawClient(server.port);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      const drained = server.drain(1);
      clock.advance(1);
      await drained;
      for (const client of clients) client.socket.destroy();
    },
  };
}

/** Resolves once `condition` holds, looking again in every turn of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** One answer's account: what the transport did with it. */
export class Account implements Payload {
  released = 0;
  doneCalls = 0;
  whole: boolean | undefined;
  sentBytes = -1;
  inOrder = true;
  readonly bytes: number | undefined;
  readonly #body: Buffer;
  #available: number;
  #ending: typeof END | typeof BROKEN | undefined;
  #waiter: (() => void) | undefined;
  #lastPosition = 0;

  /** @param available how much is readable at first; {@link feed} and {@link end} bring the rest. */
  constructor(body: Buffer, known: boolean, available = body.length) {
    this.#body = body;
    this.bytes = known ? body.length : undefined;
    this.#available = available;
    if (available === body.length) this.#ending = END;
  }

  answer(status = 200, fields = ''): Answer {
    const length = this.bytes === undefined ? '' : `Content-Length: ${this.bytes}\r\n`;
    const done = (sentBytes: number, whole: boolean): void => {
      this.doneCalls += 1;
      this.inOrder &&= this.released === 1;
      this.sentBytes = sentBytes;
      this.whole = whole;
    };
    return { status, head: `${length}${fields}\r\n`, headInPayload: false, payload: this, done };
  }

  /** True when it was settled as the contract says. */
  get settled(): boolean {
    return this.released === 1 && this.doneCalls === 1 && this.inOrder;
  }

  feed(bytes: number): void {
    this.#available = Math.min(this.#body.length, this.#available + bytes);
    this.#tell();
  }

  end(ending: typeof END | typeof BROKEN): void {
    this.#ending = ending;
    this.#tell();
  }

  read(position: number, into: Uint8Array, at: number): number {
    if (this.released > 0) throw new Error('read after release');
    if (position < this.#lastPosition) throw new Error('positions only grow');
    this.#lastPosition = position;
    const count = Math.min(this.#available - position, into.length - at);
    if (count > 0) return this.#body.copy(into, at, position, position + count);
    return this.#ending ?? WAIT;
  }

  whenReadable(fn: () => void): void {
    if (this.#waiter !== undefined) throw new Error('two waiters');
    this.#waiter = fn;
  }

  release(): void {
    this.released += 1;
  }

  #tell(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.();
  }
}

/** Answers with the target as the body. */
export const echo: Serve = (request, responder) => {
  responder.respond(new Account(Buffer.from(request.target, 'latin1'), true).answer());
  return undefined;
};

/** Keeps requests unanswered until the test answers them. */
export function held() {
  const requests: CacheRequest[] = [];
  const responders: Responder[] = [];
  const abandoned: number[] = [];
  const serve: Serve = (request, responder) => {
    const index = requests.push(request) - 1;
    responders.push(responder);
    return () => abandoned.push(index);
  };
  return { requests, responders, abandoned, serve };
}
