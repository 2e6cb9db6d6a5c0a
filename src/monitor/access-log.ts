import { assert } from '../base/assert.ts';
import { type Clock, every } from '../base/clock.ts';
import type { Fields } from '../http/fields.ts';
import { type AccessFacts, formatAccessLine, formatDroppedLine } from './access-line.ts';
import type { TextSink } from './sink.ts';

/** What the request path knows when a request has ended. Only read during {@link AccessLog.log}: reuse one object. */
export interface AccessEntry {
  /** Wall-clock time, milliseconds since the epoch. */
  timeMs: number;
  client: string;
  method: string;
  host: string;
  /** Request target as sent. */
  target: string;
  /** Of the request; Referer and User-Agent are taken from it, nothing else. */
  fields: Fields;
  status: number;
  /** Position in OUTCOMES. */
  outcomeIndex: number;
  /** Name of the route; empty when none matched. */
  route: string;
  sentBytes: number;
  durationMs: number;
  /** False when the client did not get all of it. */
  whole: boolean;
  /** Time spent waiting for the origin; negative when it was not asked. */
  originMs: number;
  /** What `Cache-Status` says beside the outcome; empty when there is nothing. */
  detail: string;
  /** Cause of an origin failure; empty when there was none. */
  cause: string;
}

export interface AccessLogOptions {
  readonly sink: TextSink;
  readonly clock: Clock;
  /** Lines the ring holds, default 8,192. */
  readonly capacity?: number;
  /** One in so many requests is logged, by count; default 1. Failures (5xx) are always logged. */
  readonly sample?: number;
  /** Longest time a line waits, default 200 ms. */
  readonly flushMs?: number;
}

/** Numbers per slot of the ring. */
const COLUMNS = 7;
/** Texts per slot of the ring. */
const TEXTS = 7;
/** Lines formatted in one go: about a millisecond, so that no request waits longer for the log. */
const BATCH_LINES = 1_000;

/**
 * The access log: one JSON object per line and request, written off the request path.
 *
 * {@link log} copies facts into a bounded ring (some tens of nanoseconds, no allocation); a timer formats and writes
 * them. When the sink cannot keep up, lines are dropped, and the log itself says how many: requests never wait.
 * Cookies and credentials are never read, and long query values are masked (see access-line.ts).
 */
export class AccessLog {
  /** Lines handed to the sink. */
  lines = 0;
  /** Lines lost because the ring was full or the sink threw. */
  dropped = 0;

  readonly #sink: TextSink;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #sample: number;
  readonly #numbers: Float64Array;
  readonly #texts: string[];
  readonly #fields: (Fields | undefined)[];
  #head = 0;
  #count = 0;
  #seen = 0;
  #reportedDrops = 0;
  #soon = false;
  #closed = false;
  readonly #stopTimer: () => void;

  constructor(options: AccessLogOptions) {
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#capacity = options.capacity ?? 8_192;
    this.#sample = options.sample ?? 1;
    assert(Number.isInteger(this.#capacity) && this.#capacity >= 2, 'an access log holds at least two lines');
    assert(Number.isInteger(this.#sample) && this.#sample >= 1, 'an access log samples one in 1 or more');
    this.#numbers = new Float64Array(this.#capacity * COLUMNS);
    this.#texts = new Array<string>(this.#capacity * TEXTS).fill('');
    this.#fields = new Array<Fields | undefined>(this.#capacity).fill(undefined);
    this.#stopTimer = every(this.#clock, options.flushMs ?? 200, () => this.#flushBatch());
  }

  /** Notes one request. Never throws, never waits. */
  log(entry: AccessEntry): void {
    this.#seen += 1;
    if (this.#sample > 1 && this.#seen % this.#sample !== 0 && entry.status < 500) return;
    if (this.#count === this.#capacity || this.#closed) {
      this.dropped += 1;
      return;
    }
    let slot = this.#head + this.#count;
    if (slot >= this.#capacity) slot -= this.#capacity;
    this.#keep(slot, entry);
    this.#count += 1;
    if (this.#count * 2 >= this.#capacity && !this.#soon && this.#sink.ready()) this.#flushSoon();
  }

  /** Hands the rest to the sink, ready or not, and stops the timer. What is logged later is dropped. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTimer();
    while (this.#count > 0) this.#writeBatch();
    this.#reportDrops();
  }

  #keep(slot: number, entry: AccessEntry): void {
    const n = slot * COLUMNS;
    const numbers = this.#numbers;
    numbers[n] = entry.timeMs;
    numbers[n + 1] = entry.status;
    numbers[n + 2] = entry.outcomeIndex;
    numbers[n + 3] = entry.sentBytes;
    numbers[n + 4] = entry.durationMs;
    numbers[n + 5] = entry.originMs;
    numbers[n + 6] = entry.whole ? 1 : 0;
    const t = slot * TEXTS;
    const texts = this.#texts;
    texts[t] = entry.client;
    texts[t + 1] = entry.method;
    texts[t + 2] = entry.host;
    texts[t + 3] = entry.target;
    texts[t + 4] = entry.route;
    texts[t + 5] = entry.detail;
    texts[t + 6] = entry.cause;
    this.#fields[slot] = entry.fields;
  }

  /** Not at once: the request that filled the ring is answered first. */
  #flushSoon(): void {
    this.#soon = true;
    this.#clock.after(0, () => {
      this.#soon = false;
      this.#flushBatch();
    });
  }

  #flushBatch(): void {
    if (this.#closed || !this.#sink.ready()) return;
    if (this.#count > 0) this.#writeBatch();
    if (this.#sink.ready()) this.#reportDrops();
    if (this.#count > 0 && !this.#soon && this.#sink.ready()) this.#flushSoon();
  }

  #writeBatch(): void {
    const lines = Math.min(this.#count, BATCH_LINES);
    let text = '';
    for (let i = 0; i < lines; i += 1) {
      text += formatAccessLine(this.#take(this.#head), this.#sample);
      this.#head = this.#head + 1 === this.#capacity ? 0 : this.#head + 1;
    }
    this.#count -= lines;
    this.#write(text, lines);
  }

  #take(slot: number): AccessFacts {
    const n = slot * COLUMNS;
    const t = slot * TEXTS;
    const numbers = this.#numbers;
    const texts = this.#texts;
    const fields = this.#fields[slot];
    const facts = {
      timeMs: numbers[n]!,
      status: numbers[n + 1]!,
      outcomeIndex: numbers[n + 2]!,
      sentBytes: numbers[n + 3]!,
      durationMs: numbers[n + 4]!,
      originMs: numbers[n + 5]!,
      whole: numbers[n + 6] === 1,
      client: texts[t]!,
      method: texts[t + 1]!,
      host: texts[t + 2]!,
      target: texts[t + 3]!,
      route: texts[t + 4]!,
      detail: texts[t + 5]!,
      cause: texts[t + 6]!,
      referer: fields?.get('referer'),
      userAgent: fields?.get('user-agent'),
    };
    // Let go of the message: slots live long, and an old one would keep a whole request head in memory.
    texts.fill('', t, t + TEXTS);
    this.#fields[slot] = undefined;
    return facts;
  }

  #reportDrops(): void {
    const drops = this.dropped - this.#reportedDrops;
    if (drops === 0) return;
    this.#reportedDrops = this.dropped;
    this.#write(formatDroppedLine(this.#clock.nowMs(), drops), 0);
  }

  #write(text: string, lines: number): void {
    try {
      this.#sink.write(text);
      this.lines += lines;
    } catch {
      // The sink reports its own trouble; here it only may not become a request's.
      this.dropped += lines;
    }
  }
}
