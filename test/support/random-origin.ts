import type { Random } from '../../src/base/random.ts';
import type { OriginFailureCause } from '../../src/origin/origin.ts';
import { noise } from './harness.ts';
import type { OriginCall } from './scripted-origin.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** One response body that the origin has begun to send. Its first eight bytes are its id. */
export interface Sent {
  readonly id: string;
  readonly path: string;
  readonly status: number;
  readonly etag: string;
  /** The Accept field that chose it, where the path varies. */
  readonly accept: string | undefined;
  /** Not for more than one client. */
  readonly personal: boolean;
  readonly body: Buffer;
  /** When its head was sent, in milliseconds that no clock sets back; like all times here. */
  readonly headMs: number;
  readonly call: OriginCall;
  /** When the connection told, after the end, that the length was a lie. */
  taintedMs: number;
}

/** What an origin of one seed does, and how often. Shares are between 0 and 1. */
export interface Temper {
  readonly failShare: number;
  readonly breakShare: number;
  readonly errorShare: number;
  readonly personalShare: number;
  readonly chunkedShare: number;
  readonly taintShare: number;
  readonly changeShare: number;
  readonly delayMsMax: number;
  readonly bodyBytesMax: number;
  readonly ttlSMax: number;
}

const HEAD_FAILURES: readonly OriginFailureCause[] = [
  'refused',
  'connect-timeout',
  'reset',
  'first-byte-timeout',
];
const BODY_FAILURES: readonly OriginFailureCause[] = ['truncated', 'overrun', 'idle-timeout'];
const PERSONAL = ['private', 'no-store', 'private, max-age=60'];

/**
 * An origin that answers at random, within HTTP: delays, failures before and inside bodies, errors, 304s to the current
 * entity tag, changes of content, personal responses. Remembers all that it sent, so that a test can judge what clients got.
 */
export class RandomOrigin {
  readonly sent = new Map<string, Sent>();
  /** By path: the current version, and when each version stopped being current. */
  readonly #versions = new Map<string, number>();
  readonly replacedMs = new Map<string, number>();
  /** By path: when it last accepted a change. */
  readonly changedMs = new Map<string, number>();
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #temper: Temper;
  #ids = 0;

  constructor(random: Random, clock: VirtualClock, temper: Temper) {
    this.#random = random;
    this.#clock = clock;
    this.#temper = temper;
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** Paths that vary: every second one, and one of them only at times. */
  varies(path: string): boolean {
    return /[02468]$/.test(path);
  }

  answer(call: OriginCall): void {
    this.#later(() => {
      if (!call.running) return;
      if (this.chance(this.#temper.failShare)) call.fail(HEAD_FAILURES[this.below(HEAD_FAILURES.length)]!);
      else this.#respond(call);
    });
  }

  #respond(call: OriginCall): void {
    const { temper, path } = { temper: this.#temper, path: call.request.target };
    if (this.chance(temper.changeShare)) this.#change(path);
    const accept = this.varies(path) ? (call.request.fields.get('accept') ?? '') : undefined;
    const etag = `"${path}-${this.#versions.get(path) ?? 0}-${accept ?? ''}"`;
    const status = !this.chance(temper.errorShare) ? 200 : this.chance(0.5) ? 503 : 404;
    if (call.request.method === 'POST' && status < 400) this.changedMs.set(path, this.#clock.monotonicMs());
    const personal = this.chance(temper.personalShare);
    const ttlS = this.below(temper.ttlSMax);
    const fields: Record<string, string> = {
      etag,
      'x-pad': 'p'.repeat(this.below(5)),
      'cache-tag': tagOf(path),
      ...(/[13579]$/.test(path) ? { 'content-type': 'image/jpeg' } : {}),
    };
    if (!this.chance(0.1))
      fields['cache-control'] = `max-age=${ttlS}${this.chance(0.1) ? ', must-revalidate' : ''}`;
    if (accept !== undefined) fields['vary'] = 'Accept';
    if (
      status === 200 &&
      !personal &&
      call.request.fields.get('if-none-match') === etag &&
      this.chance(0.8)
    ) {
      call.head({ status: 304, fields }).end();
      return;
    }
    if (personal) {
      if (this.chance(0.3)) {
        // With a lifetime it would be for all, without the cookie.
        fields['set-cookie'] = 'id=1';
        delete fields['cache-control'];
      } else fields['cache-control'] = PERSONAL[this.below(PERSONAL.length)]!;
    }
    const one = this.#record(call, path, status, etag, accept, personal);
    if (status !== 200) delete fields['etag'];
    fields['x-id'] = one.id;
    const roll = this.#random.next();
    const framing =
      roll < temper.chunkedShare ? 'chunked' : roll < temper.chunkedShare * 1.2 ? 'close' : 'length';
    call.head({ status, fields, framing, bodyBytes: one.body.length });
    const breaksAt = this.chance(temper.breakShare) ? this.below(one.body.length) : Number.POSITIVE_INFINITY;
    this.#send(one, 0, breaksAt);
  }

  #record(
    call: OriginCall,
    path: string,
    status: number,
    etag: string,
    accept: string | undefined,
    personal: boolean,
  ): Sent {
    this.#ids += 1;
    const id = String(this.#ids).padStart(8, '0');
    const body = noise(
      this.#ids,
      8 + this.below(this.chance(0.02) ? 20 : 1) * 10_000 + this.below(this.#temper.bodyBytesMax),
    );
    body.write(id, 0, 'latin1');
    const one = {
      id,
      path,
      status,
      etag,
      accept,
      personal,
      body,
      headMs: this.#clock.monotonicMs(),
      call,
      taintedMs: Number.POSITIVE_INFINITY,
    };
    this.sent.set(id, one);
    return one;
  }

  #send(one: Sent, from: number, breaksAt: number): void {
    const { call, body } = one;
    if (!call.running) return;
    if (from >= breaksAt) {
      call.fail(BODY_FAILURES[this.below(BODY_FAILURES.length)]!);
      return;
    }
    if (from === body.length) {
      call.end();
      if (this.chance(this.#temper.taintShare)) {
        one.taintedMs = this.#clock.monotonicMs();
        call.taint();
      }
      return;
    }
    const go = (): void => {
      const to = Math.min(body.length, breaksAt, from + 1 + this.below(8_000));
      call.data(body.subarray(from, to));
      this.#send(one, to, breaksAt);
    };
    // What was read before a pause may still arrive: at times one more piece does.
    if (call.paused && !this.chance(0.1)) call.onResume = () => this.#later(() => call.running && go());
    else if (this.chance(0.4)) this.#later(() => call.running && go());
    else go();
  }

  #change(path: string): void {
    const version = this.#versions.get(path) ?? 0;
    for (const one of this.sent.values()) {
      if (one.path === path && !this.replacedMs.has(one.etag))
        this.replacedMs.set(one.etag, this.#clock.monotonicMs());
    }
    this.#versions.set(path, version + 1);
  }

  #later(fn: () => void): void {
    const roll = this.#random.next();
    this.#clock.after(roll < 0.3 ? 0 : this.below(this.#temper.delayMsMax), fn);
  }
}

/** The one tag that the responses of a path have. */
export function tagOf(path: string): string {
  return `t${path.length + path.charCodeAt(path.length - 1)}`;
}
