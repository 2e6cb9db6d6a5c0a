import type { Clock } from '../../src/base/clock.ts';
import { Fields } from '../../src/http/fields.ts';
import type { Origin, OriginExchange, OriginRequest, OriginSink } from '../../src/origin/origin.ts';

/** How an origin is out of order. */
export const OUTAGES = ['refuses connections', 'hangs', 'answers 503', 'truncates'] as const;
export type Outage = (typeof OUTAGES)[number];

/** From a request to the head of the response, and from there to its end. */
const HEAD_MS = 50;
const BODY_MS = 10;
/** What a fresh response is good for. */
const TTL_S = 300;

/** An origin in virtual time that has every image, until it is out of order. */
export class OutageOrigin implements Origin {
  readonly name = 'o';
  outage: Outage | undefined;
  /** Requests so far. */
  requests = 0;
  readonly #clock: Clock;
  readonly #sizeOf: (target: string) => number;
  readonly #body: Uint8Array;

  constructor(clock: Clock, sizeOf: (target: string) => number, largestBytes: number) {
    this.#clock = clock;
    this.#sizeOf = sizeOf;
    this.#body = new Uint8Array(largestBytes).fill(0x78);
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    this.requests += 1;
    const { outage } = this;
    let over = false;
    const later = (delayMs: number, fn: () => void): void => {
      this.#clock.after(delayMs, () => {
        if (!over) fn();
      });
    };
    if (outage === 'refuses connections')
      later(1, () => sink.onFail({ cause: 'refused', detail: 'nobody listens' }));
    else if (outage === 'answers 503') later(HEAD_MS, () => this.#answer(sink, 503, 0, later));
    else if (outage !== 'hangs') later(HEAD_MS, () => this.#image(request, sink, later));
    return {
      pause: () => undefined,
      resume: () => undefined,
      abort: () => {
        over = true;
      },
    };
  }

  close(): void {}

  gauges(): { readonly active: number; readonly connections: number } {
    return { active: 0, connections: 0 };
  }

  #image(request: OriginRequest, sink: OriginSink, later: (delayMs: number, fn: () => void) => void): void {
    const { fields, target } = request;
    const isKnown = this.outage === undefined && fields.get('if-none-match') !== undefined;
    if (isKnown) this.#answer(sink, 304, 0, later);
    else this.#answer(sink, 200, this.#sizeOf(target), later);
  }

  #answer(
    sink: OriginSink,
    status: number,
    bodyBytes: number,
    later: (delayMs: number, fn: () => void) => void,
  ): void {
    const fields = new Fields();
    if (status !== 503) {
      fields.set('cache-control', `max-age=${TTL_S}`);
      fields.set('content-type', 'image/jpeg');
      fields.set('etag', '"1"');
    }
    if (status !== 304) fields.set('content-length', String(bodyBytes));
    sink.onHead({ status, fields, framing: status === 304 ? 'none' : 'length', bodyBytes });
    const isCut = this.outage === 'truncates' && bodyBytes > 0;
    if (isCut) sink.onData(this.#body.subarray(0, bodyBytes >> 1));
    later(BODY_MS, () => {
      if (isCut) {
        sink.onFail({ cause: 'truncated', detail: 'half of it came' });
        return;
      }
      if (bodyBytes > 0) sink.onData(this.#body.subarray(0, bodyBytes));
      sink.onEnd();
    });
  }
}
