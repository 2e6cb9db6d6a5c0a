import type { RoomRefusal } from '../../cache/outcome.ts';
import type { TierReport } from '../report.ts';
import { Histogram } from './histogram.ts';

/** What a tier's counters said at one time; they only grow. */
export interface TierCounts {
  readonly insertions: number;
  readonly evictions: number;
  readonly earlyEvictions: number;
  readonly prematureEvictions: number;
  readonly refetchedBytes: number;
}

/** What a tier holds. */
export interface TierLevels {
  readonly budgetBytes: number;
  readonly usedBytes: number;
  readonly entries: number;
}

/** What a report says of a tier beside its counters. */
export class TierStats {
  readonly #agesS = new Histogram();
  readonly #usableS = new Histogram();
  readonly #refusals = new Map<RoomRefusal, number>();
  #usedBytesMax = 0;
  #firstEvictionMs: number | undefined;
  #filledMs: number | undefined;
  #startMs = 0;
  /** From the first request on; and from the first counted one on. */
  #isRunning = false;
  #isCounting = false;

  /** The first request comes: what was before it filled the tier. */
  start(nowMs: number): void {
    this.#startMs = nowMs;
    this.#isRunning = true;
  }

  count(): void {
    this.#isCounting = true;
  }

  evicted(ageS: number, nowMs: number): void {
    if (!this.#isRunning) return;
    this.#firstEvictionMs ??= nowMs - this.#startMs;
    if (this.#isCounting) this.#agesS.add(Math.max(0, ageS));
  }

  refused(why: RoomRefusal): void {
    if (this.#isCounting) this.#refusals.set(why, (this.#refusals.get(why) ?? 0) + 1);
  }

  /** Something was stored that is good for so long. */
  stored(usableS: number, usedBytes: number, budgetBytes: number, nowMs: number): void {
    if (this.#isCounting) this.#usableS.add(Math.max(0, usableS));
    this.grown(usedBytes, budgetBytes, nowMs);
  }

  grown(usedBytes: number, budgetBytes: number, nowMs: number): void {
    if (!this.#isRunning) return;
    if (usedBytes > this.#usedBytesMax) this.#usedBytesMax = usedBytes;
    if (this.#filledMs === undefined && usedBytes >= FILLED_SHARE * budgetBytes)
      this.#filledMs = nowMs - this.#startMs;
  }

  /** @param before the counters when counting began; @param scale for what was counted in a sample. */
  report(levels: TierLevels, before: TierCounts, now: TierCounts, scale: number): TierReport {
    const since = (name: keyof TierCounts): number => (now[name] - before[name]) * scale;
    const ages = [0.1, 0.5, 0.9].map((q) => this.#agesS.quantile(q));
    const [p10, p50, p90] = ages;
    const evictions = since('evictions');
    return {
      budgetBytes: levels.budgetBytes,
      usedBytes: levels.usedBytes * scale,
      usedBytesMax: this.#usedBytesMax * scale,
      entries: levels.entries * scale,
      insertions: since('insertions'),
      evictions,
      earlyEvictions: since('earlyEvictions'),
      prematureEvictions: since('prematureEvictions'),
      refetchedBytes: since('refetchedBytes'),
      refusals: Object.fromEntries([...this.#refusals].map(([why, count]) => [why, count * scale])),
      evictionAgeS:
        p10 === undefined || p50 === undefined || p90 === undefined ? undefined : { p10, p50, p90 },
      usableS: this.#usableS.quantile(0.5),
      firstEvictionMs: this.#firstEvictionMs,
      filledMs: this.#filledMs,
      limit: evictions > 0 || this.#refusals.size > 0 ? 'bytes' : 'none',
    };
  }
}

const FILLED_SHARE = 0.9;
