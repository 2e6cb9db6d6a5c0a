import { ERRORS, type ErrorCode, errorBody } from '../base/errors.ts';
import type { Outcome, ServedCause } from '../cache/outcome.ts';
import { formatHttpDate } from '../http/date.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route } from './1-route.ts';
import type { Answer, CacheRequest, Payload, StoredPart } from './answer.ts';
import { brokenByDisk, DiskPayload } from './disk-body.ts';
import { StoredPayload, TextPayload } from './flight-body.ts';
import type { Ledger, Served } from './ledger.ts';

/** Step 7: the answer. Every one carries `Cache-Status` (RFC 9211) and is booked once when it has been sent. */

/** A hit of a whole stored response: one object, which is answer, payload and bookkeeping in one. */
export class HitAnswer implements Answer, Payload, Served {
  readonly status: number;
  readonly head: string;
  readonly headInPayload = true;
  readonly payload: Payload;
  readonly bytes: number;
  readonly request: CacheRequest;
  readonly route: Route;
  readonly outcome: Outcome;
  readonly originMs: number;
  readonly detail = '';
  readonly cause: ServedCause;
  readonly #tier: MemoryTier;
  readonly #ledger: Ledger;
  readonly #slot: number;

  /** Pins the entry until it is released. */
  constructor(
    ledger: Ledger,
    tier: MemoryTier,
    slot: number,
    served: { request: CacheRequest; route: Route; outcome: Outcome; originMs: number; cause: ServedCause },
    head: string,
  ) {
    const { entries } = tier.cache;
    const { request } = served;
    this.#ledger = ledger;
    this.#tier = tier;
    this.#slot = slot;
    this.request = request;
    this.route = served.route;
    this.outcome = served.outcome;
    this.originMs = served.originMs;
    this.cause = served.cause;
    this.status = entries.status(slot);
    this.head = head;
    this.payload = this;
    this.bytes =
      request.method === 'HEAD'
        ? entries.headBytes(slot)
        : entries.recordBytes(slot) - entries.keyBytes(slot);
    tier.cache.pin(slot);
  }

  read(position: number, into: Uint8Array, at: number): number {
    return this.#tier.read(this.#slot, position, this.bytes, into, at);
  }

  whenReadable(): void {}

  release(): void {
    this.#tier.cache.unpin(this.#slot);
  }

  stored(): StoredPart {
    return { slot: this.#slot, from: 0, available: this.bytes };
  }

  done(sentBytes: number, whole: boolean): void {
    this.#ledger.served(this, sentBytes, whole);
  }
}

/** Any other answer. */
class ComposedAnswer implements Answer {
  readonly status: number;
  readonly head: string;
  readonly headInPayload = false;
  readonly payload: Payload | undefined;
  readonly outcome: Outcome;
  readonly cause: ServedCause;
  readonly #ledger: Ledger;
  readonly #served: Served;
  readonly #brokenBy: (() => ServedCause) | undefined;

  constructor(
    ledger: Ledger,
    served: Served,
    head: string,
    payload: Payload | undefined,
    brokenBy?: () => ServedCause,
  ) {
    this.#brokenBy = brokenBy;
    this.#ledger = ledger;
    this.#served = served;
    this.outcome = served.outcome;
    this.cause = served.cause;
    this.status = served.status;
    this.head = head;
    this.payload = payload;
  }

  done(sentBytes: number, whole: boolean): void {
    const broken = whole ? undefined : this.#brokenBy?.();
    // Whatever else went wrong before: a copy, or an original, made up for it, until that broke as well.
    const isFallback = this.#served.detail === 'fallback';
    const isNew =
      broken !== undefined && broken !== '' && (this.#served.cause === '' || broken === 'disk' || isFallback);
    const served = isNew
      ? { ...this.#served, cause: broken, ...(isFallback ? { detail: '' } : {}) }
      : this.#served;
    this.#ledger.served(served, sentBytes, whole);
  }
}

/** The two field lines that are made anew for each answer from the store. */
export function freshLines(ageS: number, cacheStatus: string): string {
  return `Age: ${ageS}\r\nCache-Status: ${cacheStatus}\r\n`;
}

/**
 * An answer with a complete head: field lines and the empty line.
 *
 * @param brokenBy asked when it was not sent whole: why its body broke, or an empty text when it did not.
 */
export function answerOf(
  ledger: Ledger,
  served: Served,
  head: string,
  payload: Payload | undefined,
  brokenBy?: () => ServedCause,
): Answer {
  return new ComposedAnswer(ledger, served, head, payload, brokenBy);
}

/** The answer from a stored response whose body stays on disk. */
export function lentAnswer(
  ledger: Ledger,
  tier: MemoryTier,
  slot: number,
  served: Omit<Served, 'status' | 'detail'>,
  lines: string,
): Answer {
  const isHead = served.request.method === 'HEAD';
  const body = isHead ? undefined : storedBody(tier, slot, 0, tier.bodyBytes(slot));
  const status = tier.cache.entries.status(slot);
  const said = { ...served, status, detail: 'disk' };
  return answerOf(ledger, said, `${lines}${tier.head(slot)}`, body, brokenByDisk(body));
}

/** Bytes `from..to` of a stored body. */
export function storedBody(tier: MemoryTier, slot: number, from: number, to: number): Payload {
  const head = tier.cache.entries.headBytes(slot);
  tier.cache.pin(slot);
  if (tier.guest(slot) !== undefined) return new DiskPayload(tier, slot, from, to);
  return new StoredPayload(tier, slot, head + from, head + to);
}

/**
 * An error of the node's own: plain text, with the sentence of the catalogue, never stored by anyone.
 *
 * @param why a second line, for who wrote the address.
 */
export function refusal(
  ledger: Ledger,
  code: ErrorCode,
  served: Omit<Served, 'status' | 'cause'> & { readonly cause?: ServedCause },
  nowMs: number,
  extraLines = '',
  why = '',
): Answer {
  const { status } = ERRORS[code];
  const body = Buffer.from(why === '' ? errorBody(code) : `${errorBody(code)}${why}\n`);
  const head =
    `Cache-Status: Holdfast; detail=${code}\r\n` +
    `Date: ${formatHttpDate(Math.floor(nowMs / 1000))}\r\n` +
    'Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n' +
    `${extraLines}Content-Length: ${body.length}\r\n\r\n`;
  const payload = served.request.method === 'HEAD' ? undefined : new TextPayload(body);
  return new ComposedAnswer(ledger, { ...served, status, cause: served.cause ?? code }, head, payload);
}
