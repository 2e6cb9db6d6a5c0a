import { assert } from '../../src/base/assert.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { OUTCOMES, type Outcome } from '../../src/cache/outcome.ts';
import type { RoomRules } from '../../src/cache/residency.ts';
import { validateConfig } from '../../src/config/validate.ts';
import { Recorder } from '../../src/monitor/recorder.ts';
import { OriginGuard } from '../../src/origin/guard/guard.ts';
import { createGuardedOrigin } from '../../src/origin/guard/guarded-origin.ts';
import { type MessageBody, ORIGIN_FAILURES, type Origin } from '../../src/origin/origin.ts';
import type { PolicyName } from '../../src/policy/policy.ts';
import { Routes } from '../../src/serve/1-route.ts';
import type { CacheRequest } from '../../src/serve/answer.ts';
import { Ledger, type Served } from '../../src/serve/ledger.ts';
import type { Purger, PurgeTarget } from '../../src/serve/purge.ts';
import { RequestPath } from '../../src/serve/request.ts';
import { TrafficRows } from '../../src/serve/traffic-rows.ts';
import type { DiskTier } from '../../src/store/disk/disk.ts';
import { MemoryTier } from '../../src/store/memory/tier.ts';
import type { TierLayout } from '../../src/store/memory/tier-reader.ts';
import { TrafficRecorder } from '../../src/traffic/live/recorder.ts';
import type { Transformer } from '../../src/transform/transform.ts';
import { checkFailures } from './failures.ts';
import { type GuardScript, guardOptions } from './guard-script.ts';
import { Reader, type ReaderOptions } from './reader.ts';
import {
  type FieldPairs,
  fieldsOf,
  type OriginCall,
  type ScriptedHead,
  ScriptedOrigin,
} from './scripted-origin.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

export interface HarnessOptions {
  /** Lines of YAML below the one route `r`, without indentation; or all routes, each starting with `- name:`. */
  readonly route?: string;
  readonly memoryBytes?: number;
  readonly segmentBytes?: number;
  readonly policy?: PolicyName;
  readonly spoolBytes?: number;
  readonly ghosts?: number;
  readonly seed?: number;
  /** Guards the origin; by default it is asked as it is. */
  readonly guard?: GuardScript;
  readonly fetchesMax?: number;
  readonly room?: RoomRules;
  /** Default: a clock of its own. */
  readonly clock?: VirtualClock;
  /** Default: random numbers of its own, from the seed. */
  readonly random?: Random;
  /** The tier below memory; none by default. */
  readonly below?: DiskTier | undefined;
  /** Largest body in memory. */
  readonly objectBytesMax?: number;
  /** Makes variants; none by default. */
  readonly transformer?: Transformer;
  /** Says that other threads read the tier, and is told of changes of its memory. */
  readonly onLayout?: ((layout: TierLayout) => void) | undefined;
  /** Records its requests: {@link Harness.traffic}. */
  readonly records?: boolean;
}

/** What was booked for a request when it ended. */
export interface Booking {
  readonly served: Served;
  readonly whole: boolean;
}

/** Remembers what it books. */
class WatchedLedger extends Ledger {
  readonly bookings = new Map<CacheRequest, Booking>();

  override served(served: Served, sentBytes: number, whole: boolean): void {
    this.bookings.set(served.request, { served, whole });
    super.served(served, sentBytes, whole);
  }
}

export interface Asking {
  readonly method?: string;
  readonly host?: string;
  readonly fields?: FieldPairs;
  readonly pace?: ReaderOptions['pace'];
  readonly pieceBytesMax?: number;
  readonly body?: MessageBody;
}

/** The request path without sockets: a real tier, routes from a real configuration, virtual time, a scripted origin. */
export class Harness {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly origin: ScriptedOrigin;
  readonly tier: MemoryTier;
  readonly recorder: Recorder;
  readonly path: RequestPath;
  readonly purger: Purger;
  /** Takes a row of each request, where that is asked for. */
  readonly traffic: TrafficRecorder | undefined;
  readonly readers: Reader[] = [];
  /** Faults of the path itself; a test that provokes some takes them out. */
  readonly faults: unknown[] = [];
  readonly #routes: Routes;
  readonly #ledger: WatchedLedger;
  readonly #requests = new Map<Reader, CacheRequest>();

  constructor(options: HarnessOptions = {}) {
    const { memoryBytes = 4 * 2 ** 20, segmentBytes = 2 ** 18, policy = 's3-fifo', ghosts = 1000 } = options;
    this.clock = options.clock ?? virtualClock();
    this.random = options.random ?? seededRandom(options.seed ?? 1);
    this.origin = new ScriptedOrigin((fn) => void this.clock.after(0, fn));
    const config = configOf(options.route ?? '');
    const hashKey = { k0: this.random.u32(), k1: this.random.u32() };
    this.tier = new MemoryTier({
      budgetBytes: memoryBytes,
      segmentBytes,
      policy,
      ghosts,
      routes: config.routes.length,
      hashKey,
      ...(options.room === undefined ? {} : { room: options.room }),
      ...(options.objectBytesMax === undefined ? {} : { objectBytesMax: options.objectBytesMax }),
      below: options.below,
      onLayout: options.onLayout,
    });
    this.recorder = new Recorder({
      routes: config.routes.map((route) => route.name),
      origins: ['o'],
      causes: ORIGIN_FAILURES,
    });
    const asked = options.guard === undefined ? this.origin : this.#guarded(options.guard);
    this.#routes = new Routes(
      config,
      [this.origin],
      config.routes.map(() => asked),
    );
    this.#ledger = new WatchedLedger(this.recorder, this.clock, undefined);
    if (options.records === true) {
      this.traffic = new TrafficRecorder({
        clock: this.clock,
        routeNames: () => config.routes.map((route) => route.name),
        paths: true,
        onFault: (error) => this.faults.push(error),
      });
    }
    this.path = new RequestPath({
      rows: this.traffic && new TrafficRows(this.traffic, this.tier, hashKey),
      routes: this.#routes,
      tier: this.tier,
      ledger: this.#ledger,
      clock: this.clock,
      spoolBytesMax: options.spoolBytes ?? 2 ** 20,
      pseudonym: 'holdfast-0a1b2c',
      ...(options.fetchesMax === undefined ? {} : { fetchesMax: options.fetchesMax }),
      onFault: (error) => this.faults.push(error),
      ...(options.transformer === undefined
        ? {}
        : {
            images: { transformer: options.transformer, inputBytesMax: 2 ** 20, onFailure: () => undefined },
          }),
    });
    this.purger = this.path.purger;
  }

  get nowS(): number {
    return Math.floor(this.clock.nowMs() / 1000);
  }

  /** The routes that requests are matched against. */
  get routes(): Routes {
    return this.#routes;
  }

  get last(): OriginCall {
    return this.origin.last;
  }

  /** Sends one request. */
  ask(target: string, asking: Asking = {}): Reader {
    const { method = 'GET', host = 'img.example', fields = {} } = asking;
    const reader = new Reader({
      method,
      random: this.random,
      nowMs: () => this.clock.monotonicMs(),
      pace: asking.pace ?? 'eager',
      ...(asking.pieceBytesMax === undefined ? {} : { pieceBytesMax: asking.pieceBytesMax }),
    });
    this.readers.push(reader);
    const request = {
      method,
      target,
      host,
      fields: fieldsOf(fields),
      client: '127.0.0.1',
      receivedMs: this.clock.monotonicMs(),
      ...(asking.body === undefined ? {} : { body: asking.body }),
    };
    this.#requests.set(reader, request);
    reader.abandon = this.path.handle(request, reader);
    assert((reader.abandon === undefined) === (reader.state !== 'waiting'), 'abandon is for those who wait');
    return reader;
  }

  /** Asks, lets the origin answer at once, and returns the reader. Fails when the origin is not asked exactly once. */
  fill(target: string, head: ScriptedHead, body: Uint8Array | string = 'body', asking: Asking = {}): Reader {
    const before = this.origin.calls.length;
    const reader = this.ask(target, asking);
    assert(this.origin.calls.length === before + 1, 'the origin is asked once');
    this.last.answer(head, bytes(body));
    return reader;
  }

  /** Purges, and sweeps to the end. @returns how many responses that were. */
  purge(target: PurgeTarget, soft = false): number | undefined {
    const purge = this.purger.purge(target, soft);
    while (this.tier.purges.sweep());
    return purge?.removed;
  }

  /** What was booked for a request that has ended. */
  bookingOf(reader: Reader): Booking {
    const booking = this.#ledger.bookings.get(this.#requests.get(reader)!);
    assert(booking !== undefined, 'a request that has ended is booked');
    return booking;
  }

  #guarded(script: GuardScript): Origin {
    const { clock, random, recorder } = this;
    const guard = new OriginGuard(this.origin, guardOptions(script), {
      clock,
      random,
      events: {
        exchanged: (status, bytes, firstByteMs) => recorder.originFetch(0, status, bytes, firstByteMs),
        failed: ({ cause }) => recorder.originFailure(0, ORIGIN_FAILURES.indexOf(cause)),
        queued: () => undefined,
        circuit: () => undefined,
        health: () => undefined,
      },
    });
    const { deadlineMs = Number.POSITIVE_INFINITY } = script;
    return createGuardedOrigin(
      { name: 'o', guards: [guard], deadlineMs, hedgeAfterMs: undefined },
      { clock, random },
    );
  }

  /** Requests booked so far. */
  booked(outcome?: Outcome): number {
    let sum = 0;
    OUTCOMES.forEach((word, index) => {
      if (outcome !== undefined && word !== outcome) return;
      for (let i = index; i < this.recorder.requests.length; i += OUTCOMES.length)
        sum += this.recorder.requests[i]!;
    });
    return sum;
  }

  /** Ends what is still running, then proves that nothing was left behind and every request was booked once. */
  finish(): void {
    this.origin.onCall = undefined;
    for (let i = 0; i < this.origin.calls.length; i += 1) {
      const call = this.origin.calls[i]!;
      if (call.running) call.fail('total-timeout');
    }
    for (const reader of this.readers) if (!reader.done) reader.leave();
    this.checkQuiet();
  }

  /** Nothing is under way, so nothing may be held. */
  checkQuiet(): void {
    if (this.faults.length > 0) throw this.faults[0];
    const { entries } = this.tier.cache;
    for (const slot of entries.slots()) {
      assert(entries.pins(slot) === 0, `slot ${slot} (${this.tier.keyText(slot)}) is not pinned`);
      assert(this.tier.cache.visible(slot), `slot ${slot} (${this.tier.keyText(slot)}) is visible`);
    }
    assert(this.origin.running === 0, 'no exchange is left');
    assert(this.path.flights.count === 0, 'no flight is left');
    assert(this.path.flights.spoolBytes === 0, `no spooled bytes are left: ${this.path.flights.spoolBytes}`);
    assert(
      this.booked() === this.readers.length,
      `each request is booked once: ${this.booked()} for ${this.readers.length}`,
    );
    this.tier.check();
    checkFailures(this);
  }
}

/** Text as bytes, latin1. */
export function bytes(body: Uint8Array | string): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
}

/** Bytes that depend on seed and length alone. */
export function noise(seed: number, sizeBytes: number): Buffer {
  const random = seededRandom(seed);
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  for (let i = 0; i < words.length; i += 1) words[i] = random.u32();
  return Buffer.from(words.buffer, 0, sizeBytes);
}

function configOf(route: string): Extract<ReturnType<typeof validateConfig>, { ok: true }>['config'] {
  const lines = route.split('\n').filter((line) => line.trim() !== '');
  const routes = lines[0]?.startsWith('- ')
    ? lines
    : ['- name: r', '  origin: o', ...lines.map((l) => `  ${l}`)];
  const text = [
    'version: 1',
    'origins:',
    '  o: { type: http, url: "http://127.0.0.1:9" }',
    'routes:',
    ...routes.map((line) => `  ${line}`),
  ].join('\n');
  const result = validateConfig(text, { file: 'harness.yaml', env: {} });
  assert(
    result.ok,
    result.ok ? '' : result.problems.map((problem) => `${problem.path}: ${problem.reason}`).join('; '),
  );
  return result.config;
}
