import { assert } from '../base/assert.ts';
import { type Clock, every } from '../base/clock.ts';
import { type AccessFacts, alwaysLogged, formatAccessLine, formatDroppedLine } from './access-line.ts';
import type { LineSink } from './sink.ts';

export interface AccessLogOptions {
  readonly sink: LineSink;
  readonly clock: Clock;
  /** Bytes of lines that wait for the sink, at most; the log takes twice that. Default 1 MiB, at least 16 KiB. */
  readonly bufferBytes?: number;
  /** One in so many requests is logged, by count; default 1. Failures (5xx) are always logged. */
  readonly sample?: number;
  /** Longest time a line waits, default 200 ms. */
  readonly flushMs?: number;
}

const BUFFER_BYTES = 1024 * 1024;
/** Longer than any line: target, fields and the rest are bounded, and escaping makes at most six bytes of one. */
const LINE_BYTES_MAX = 16 * 1024;

/**
 * The access log: one JSON object per line and request, written off the request path.
 *
 * {@link log} writes the line into a buffer (0.6 us; keeping the facts and formatting later cost four times as
 * much, because what is kept outlives the young generation of the garbage collector); a timer hands the buffer to the sink.
 * When the sink cannot keep up, lines are dropped, and the log itself says how many: requests never wait.
 * Cookies and credentials are never read, and long query values are masked (see access-line.ts).
 */
export class AccessLog {
  /** Lines handed to the sink. */
  lines = 0;
  #dropped = 0;

  readonly #sink: LineSink;
  readonly #clock: Clock;
  readonly #sample: number;
  /** The one that is filled. */
  #buffer: Buffer;
  /** The one that the sink may still be reading. */
  #other: Buffer;
  #used = 0;
  #waiting = 0;
  #seen = 0;
  #reportedDrops = 0;
  #soon = false;
  #closed = false;
  readonly #stopTimer: () => void;

  constructor(options: AccessLogOptions) {
    const bufferBytes = options.bufferBytes ?? BUFFER_BYTES;
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#sample = options.sample ?? 1;
    assert(bufferBytes >= LINE_BYTES_MAX, 'an access log holds at least one line');
    assert(Number.isInteger(this.#sample) && this.#sample >= 1, 'an access log samples one in 1 or more');
    this.#buffer = Buffer.allocUnsafeSlow(bufferBytes);
    this.#other = Buffer.allocUnsafeSlow(bufferBytes);
    this.#stopTimer = every(this.#clock, options.flushMs ?? 200, () => this.#flush());
  }

  /** Lines lost: the buffer was full, or the sink could not write them. */
  get dropped(): number {
    return this.#dropped + this.#sink.lostLines;
  }

  /** Notes one request. Never throws, never waits. */
  log(facts: AccessFacts): void {
    this.#seen += 1;
    if (this.#sample > 1 && this.#seen % this.#sample !== 0 && !alwaysLogged(facts)) return;
    if (this.#closed || this.#buffer.length - this.#used < LINE_BYTES_MAX) {
      this.#dropped += 1;
      return;
    }
    this.#append(formatAccessLine(facts, this.#sample));
    this.#waiting += 1;
    if (this.#used * 2 >= this.#buffer.length && !this.#soon && this.#sink.ready()) this.#flushSoon();
  }

  /** Hands the rest to the sink, ready or not, and stops the timer. What is logged later is dropped. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTimer();
    this.#reportDrops();
    this.#hand();
  }

  #append(line: string): void {
    this.#used += this.#buffer.write(line, this.#used, 'utf8');
  }

  /** Not at once: the request that filled the buffer is answered first. */
  #flushSoon(): void {
    this.#soon = true;
    this.#clock.after(0, () => {
      this.#soon = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed || !this.#sink.ready()) return;
    this.#reportDrops();
    this.#hand();
  }

  #reportDrops(): void {
    const drops = this.dropped - this.#reportedDrops;
    if (drops === 0) return;
    this.#reportedDrops = this.dropped;
    this.#append(formatDroppedLine(this.#clock.nowMs(), drops));
  }

  /** The sink keeps the buffer until it is ready again; lines go into the other one meanwhile. */
  #hand(): void {
    if (this.#used === 0) return;
    const full = this.#buffer;
    const lines = this.#waiting;
    const bytes = full.subarray(0, this.#used);
    this.#buffer = this.#other;
    this.#other = full;
    this.#used = 0;
    this.#waiting = 0;
    try {
      this.#sink.write(bytes);
      this.lines += lines;
    } catch {
      // The sink reports its own trouble; here it only may not become a request's.
      this.#dropped += lines;
    }
  }
}
