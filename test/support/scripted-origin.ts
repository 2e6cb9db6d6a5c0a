import { assert } from '../../src/base/assert.ts';
import { Fields } from '../../src/http/fields.ts';
import type {
  Framing,
  Origin,
  OriginExchange,
  OriginFailureCause,
  OriginRequest,
  OriginSink,
} from '../../src/origin/origin.ts';

/** Name and value of each field line. */
export type FieldPairs = Readonly<Record<string, string | readonly string[]>>;

export interface ScriptedHead {
  /** Default 200. */
  readonly status?: number;
  readonly fields?: FieldPairs;
  /** Promised body length; default 0. Without effect when the framing is `chunked` or `close`. */
  readonly bodyBytes?: number;
  /** Default: `none` for HEAD, 204 and 304, else `length`. */
  readonly framing?: Framing;
}

/** One exchange, driven by the test. Holds itself to the origin contract: asserts its order, is silent once aborted. */
export class OriginCall implements OriginExchange {
  readonly request: OriginRequest;
  state: 'waiting' | 'body' | 'ended' | 'failed' | 'aborted' = 'waiting';
  paused = false;
  /** How often the request path stopped reading. */
  pauses = 0;
  onResume: (() => void) | undefined;
  readonly #sink: OriginSink;

  constructor(request: OriginRequest, sink: OriginSink) {
    this.request = request;
    this.#sink = sink;
  }

  get running(): boolean {
    return this.state === 'waiting' || this.state === 'body';
  }

  head(head: ScriptedHead = {}): this {
    if (this.state === 'aborted') return this;
    assert(this.state === 'waiting', 'one head');
    this.state = 'body';
    const status = head.status ?? 200;
    const fields = fieldsOf(head.fields ?? {});
    const bodiless = this.request.method === 'HEAD' || status === 204 || status === 304;
    const framing = head.framing ?? (bodiless ? 'none' : 'length');
    const known = framing === 'length' || framing === 'none';
    const bodyBytes = framing === 'none' ? 0 : head.bodyBytes;
    if (framing === 'length') fields.set('content-length', String(bodyBytes ?? 0));
    this.#sink.onHead({ status, fields, framing, bodyBytes: known ? (bodyBytes ?? 0) : undefined });
    return this;
  }

  /** The path may not keep the chunk: it is overwritten after the call. */
  data(chunk: Uint8Array): this {
    if (this.state === 'aborted') return this;
    assert(this.state === 'body', 'data follows the head');
    // A Buffer, as sockets give: its slice() is no copy.
    const lent = Buffer.from(chunk);
    this.#sink.onData(lent);
    lent.fill(0xdd);
    return this;
  }

  end(): this {
    if (this.state === 'aborted') return this;
    assert(this.state === 'body', 'the end follows the head');
    this.state = 'ended';
    this.#sink.onEnd();
    return this;
  }

  fail(cause: OriginFailureCause): this {
    if (this.state === 'aborted') return this;
    assert(this.running, 'only what runs can fail');
    this.state = 'failed';
    this.#sink.onFail({ cause, detail: `scripted ${cause}` });
    return this;
  }

  taint(): this {
    if (this.state === 'aborted') return this;
    assert(this.state === 'ended', 'a taint follows the end');
    this.#sink.onTaint();
    return this;
  }

  /** Head, body and end at once. */
  answer(head: ScriptedHead, body: Uint8Array = new Uint8Array()): this {
    this.head({ bodyBytes: body.length, ...head });
    if (body.length > 0 && this.request.method === 'GET') this.data(body);
    return this.end();
  }

  pause(): void {
    if (this.running && !this.paused) this.pauses += 1;
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const goOn = this.onResume;
    this.onResume = undefined;
    if (this.running) goOn?.();
  }

  abort(): void {
    if (this.running || this.state === 'ended') this.state = 'aborted';
  }
}

/** An origin at the seam of the contract: every exchange waits for the test, or for {@link ScriptedOrigin.onCall}. */
export class ScriptedOrigin implements Origin {
  readonly name: string;
  readonly calls: OriginCall[] = [];
  /** Told of each exchange after `fetch` returned, through `defer`. */
  onCall: ((call: OriginCall) => void) | undefined;
  readonly #defer: (fn: () => void) => void;

  constructor(defer: (fn: () => void) => void, name = 'o') {
    this.name = name;
    this.#defer = defer;
  }

  /** The latest exchange. */
  get last(): OriginCall {
    const call = this.calls.at(-1);
    assert(call !== undefined, 'the origin was asked');
    return call;
  }

  get running(): number {
    return this.calls.filter((call) => call.running).length;
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    assert(request.target.startsWith('/'), 'the origin is asked in origin-form');
    const call = new OriginCall(request, sink);
    this.calls.push(call);
    const { onCall } = this;
    if (onCall !== undefined) this.#defer(() => onCall(call));
    return call;
  }

  close(): void {}

  gauges(): { readonly active: number; readonly connections: number } {
    return { active: this.running, connections: 0 };
  }
}

export function fieldsOf(pairs: FieldPairs): Fields {
  const fields = new Fields();
  for (const [name, value] of Object.entries(pairs)) {
    for (const line of typeof value === 'string' ? [value] : value) fields.add(name.toLowerCase(), line);
  }
  return fields;
}
