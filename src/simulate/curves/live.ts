import type { TrafficBatch } from '../../traffic/batch.ts';
import { type Curve, type CurveRules, LIVE_RULES } from './curve.ts';
import { ReuseSample } from './reuse.ts';
import { ALL_SIZES_BYTES, trimmed } from './stack.ts';

export interface LiveCurveOptions {
  /** How far back it looks, in seconds, at least 64. Default a day. */
  readonly windowS?: number;
  /** Bound on the keys that it follows, at least 2; about 70 bytes each. Default 16,384. */
  readonly keysMax?: number;
  /** Default: {@link LIVE_RULES}. */
  readonly rules?: CurveRules;
}

const WINDOW_S = 86_400;
const KEYS_MAX = 16_384;
/** Times a window that it forgets, fades and looks at its rate. */
const STEPS = 64;
/** Half-lives of what was counted, in a window. */
const HALVINGS = 2;
/** With fewer of its keys in use, it follows twice as many resources. */
const SPARE_SHARE = 0.4;

/**
 * The miss-ratio curve of a running node (least recently used), of about the last `windowS` seconds, in bounded memory: a fixed-size
 * SHARDS sample ({@link ReuseSample}) that forgets. To be fed with each batch of recorded requests, in the order of their times:
 * `new LiveCurve()` is a listener of the recorder, and says its `curve()` whenever somebody asks (`missRatiosAt` reads it at a size). Batches
 * of an earlier run's record may be fed first. For a node with another policy only differences between sizes mean something.
 *
 * What was counted loses half its weight in half a window, and a key that was not asked for in a whole window is forgotten: asked for
 * again, it is a miss at every size. When less is asked for, the rate rises again: twice as many keys are followed, and counted a window
 * later, when what is known of them is as good as of the others. After a start the node's first requests are all misses,
 * and the curve is too high until these have faded.
 *
 * It has no clock: time is that of the requests, so nothing fades while nobody asks for anything. Cost: O(1) for a request
 * that is not sampled, O(log keys) for one that is, and O(keys) 64 times a window.
 */
export class LiveCurve {
  /** How far back it looks, in seconds. */
  readonly windowS: number;
  readonly #keysMax: number;
  readonly #sample: ReuseSample;
  #startedS = 0;
  #nowS = 0;
  #steppedS = 0;
  #raisedS = 0;

  constructor({ windowS = WINDOW_S, keysMax = KEYS_MAX, rules = LIVE_RULES }: LiveCurveOptions = {}) {
    this.windowS = windowS;
    this.#keysMax = keysMax;
    this.#sample = new ReuseSample({ rules, sizesBytes: ALL_SIZES_BYTES, rate: 1, keysMax });
  }

  /** Bytes that it takes. */
  get memoryBytes(): number {
    return this.#sample.memoryBytes;
  }

  /** Seconds of traffic that it has seen; below a window it has not settled yet. */
  get observedS(): number {
    return this.#nowS - this.#startedS;
  }

  /** Requests that follow those of earlier batches; a second out of order does no harm. */
  onBatch(batch: TrafficBatch): void {
    this.#sample.observe(batch);
    if (batch.count === 0) return;
    if (this.#nowS === 0) {
      this.#startedS = secondsOf(batch, 0);
      this.#steppedS = this.#startedS;
    }
    // A clock that was set back stands still here until it has caught up.
    this.#nowS = Math.max(this.#nowS, secondsOf(batch, batch.count - 1));
    if (this.#nowS - this.#steppedS >= this.windowS / STEPS) this.#step(batch.rate);
  }

  /** The curve now, from the first hit to all bytes there are. O(sizes). */
  curve(): Curve {
    return trimmed(this.#sample.curve());
  }

  #step(recordedRate: number): void {
    const sample = this.#sample;
    sample.fade(2 ** ((-HALVINGS * (this.#nowS - this.#steppedS)) / this.windowS));
    sample.forget(this.#nowS - this.windowS);
    this.#steppedS = this.#nowS;
    if (sample.followedRate > sample.rate) {
      if (this.#nowS - this.#raisedS >= this.windowS) sample.settle();
      return;
    }
    const rate = Math.min(recordedRate, sample.rate * 2);
    if (sample.keys >= this.#keysMax * SPARE_SHARE || rate <= sample.rate) return;
    sample.raise(rate);
    this.#raisedS = this.#nowS;
  }
}

function secondsOf(batch: TrafficBatch, row: number): number {
  return Math.floor((batch.baseMs + batch.timeUs[row]! / 1000) / 1000);
}
