import type { Load, OriginReport } from '../report.ts';
import { Histogram } from './histogram.ts';

/** One quantity that is counted as time goes on, by seconds and by minutes. Constant memory. */
class Rate {
  sum = 0;
  readonly #bySecond = new Histogram();
  #second = Number.NEGATIVE_INFINITY;
  #inSecond = 0;
  #seconds = 0;
  #firstS: number | undefined;
  #minute = Number.NEGATIVE_INFINITY;
  #inMinute = 0;
  #inMinuteMax = 0;

  add(atS: number, amount: number): void {
    if (atS > this.#second) this.#turn(atS);
    this.sum += amount;
    this.#inSecond += amount;
    this.#inMinute += amount;
    if (this.#inMinute > this.#inMinuteMax) this.#inMinuteMax = this.#inMinute;
  }

  #turn(atS: number): void {
    if (this.#inSecond > 0) {
      this.#bySecond.add(this.#inSecond);
      this.#seconds += 1;
    }
    this.#second = atS;
    this.#inSecond = 0;
    if (this.#firstS === undefined) this.#firstS = atS;
    const minute = Math.floor((atS - this.#firstS) / 60);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#inMinute = 0;
  }

  /** @param lengthS of the time that is looked at: seconds in which nothing came count as well. */
  load(lengthS: number, scale: number): Load {
    if (this.#firstS !== undefined) this.#turn(this.#second);
    const seconds = Math.max(1, Math.ceil(lengthS));
    const p99 = quantileWithZeros(this.#bySecond, this.#seconds, seconds, 0.99);
    return {
      mean: (this.sum / Math.max(1, lengthS)) * scale,
      p99: p99 * scale,
      peakMinute: (this.#inMinuteMax / 60) * scale,
    };
  }
}

/** A quantile of `all` values of which only `some` are above 0 and counted. */
function quantileWithZeros(values: Histogram, some: number, all: number, q: number): number {
  const zeros = Math.max(0, all - some);
  const total = zeros + some;
  if (q * total <= zeros) return 0;
  return values.quantile((q * total - zeros) / some) ?? 0;
}

/** What an origin had to do, and who had to wait for it. Constant memory. */
export class OriginLoad {
  readonly #requests = new Rate();
  readonly #bytes = new Rate();
  readonly #waits = new Histogram();
  #validations = 0;
  #waited = 0;
  #deepest = 0;
  #refused = 0;

  requested(atS: number): void {
    this.#requests.add(atS, 1);
  }

  sent(atS: number, bytes: number): void {
    this.#bytes.add(atS, bytes);
  }

  confirmed(): void {
    this.#validations += 1;
  }

  granted(waitedMs: number): void {
    this.#waited += 1;
    this.#waits.add(waitedMs);
  }

  /** So many wait now. */
  deeper(waiting: number): void {
    this.#deepest = Math.max(this.#deepest, waiting);
  }

  refused(): void {
    this.#refused += 1;
  }

  /** @param hasQueue it has a capacity, so that something can be said of waiting. */
  report(lengthS: number, scale: number, hasQueue: boolean): OriginReport {
    return {
      requests: this.#requests.sum * scale,
      bytes: this.#bytes.sum * scale,
      validations: this.#validations * scale,
      requestsPerS: this.#requests.load(lengthS, scale),
      bytesPerS: this.#bytes.load(lengthS, scale),
      queue: hasQueue
        ? {
            waited: this.#waited,
            deepest: this.#deepest,
            refused: this.#refused,
            waitP99Ms: this.#waits.quantile(0.99) ?? 0,
          }
        : undefined,
    };
  }
}
