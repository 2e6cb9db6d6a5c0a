import type { Clock, Timer } from '../../base/clock.ts';
import { formatSize } from '../../base/units.ts';
import type { Floor } from './log.ts';

interface HealthOptions {
  readonly clock: Clock;
  /** Tries whether the disk can be written again. */
  readonly retry: () => Promise<boolean>;
  /** Told when it begins to be in trouble, and when it is well again. */
  readonly onTrouble: ((trouble: string | undefined) => void) | undefined;
}

/** A disk in trouble is tried again after so long, then after twice that, up to the most. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

/** Looks at a write that takes longer, before it is trouble. */
const STILL_MAX = 3;

/** Whether a disk takes what is written. One message for each change. */
export class DiskHealth {
  readonly #options: HealthOptions;
  /** It fails: nothing more is appended until a try succeeds. */
  isTroubled = false;
  #isShort = false;
  #retryMs = RETRY_MS;
  #retry: Timer | undefined;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #lastProgress: number | undefined;
  #still = 0;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Nothing new is written at the moment. */
  get isDegraded(): boolean {
    return this.isTroubled || this.#isShort;
  }

  /** A write failed, or takes too long. */
  fail(trouble: string): void {
    if (this.isTroubled || this.#closed) return;
    const { clock, onTrouble } = this.#options;
    // Well for a while since: a new trouble, not the old one again.
    if (clock.monotonicMs() - this.#recoveredAtMs > RETRY_MS_MAX) this.#retryMs = RETRY_MS;
    this.isTroubled = true;
    onTrouble?.(trouble);
    this.#schedule();
  }

  /** There is less room than is to be left to others, or enough again. */
  short(trouble: string | undefined): void {
    if (this.#isShort === (trouble !== undefined)) return;
    this.#isShort = trouble !== undefined;
    if (!this.isTroubled) this.#options.onTrouble?.(trouble);
  }

  /**
   * A disk that hangs does not fail: it has to be noticed. To be called each second.
   *
   * @param progress a number that changes with each write that ends; undefined when there is nothing to write.
   * @returns true once, when nothing has ended for three seconds.
   */
  hangs(progress: number | undefined): boolean {
    this.#still = progress !== undefined && progress === this.#lastProgress ? this.#still + 1 : 0;
    this.#lastProgress = progress;
    return this.#still === STILL_MAX;
  }

  close(): void {
    this.#closed = true;
    this.#options.clock.cancel(this.#retry);
  }

  #schedule(): void {
    this.#retry = this.#options.clock.after(this.#retryMs, () => void this.#tryAgain());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  async #tryAgain(): Promise<void> {
    const well = await this.#options.retry().catch(() => false);
    if (this.#closed) return;
    if (!well) {
      this.#schedule();
      return;
    }
    this.isTroubled = false;
    this.#recoveredAtMs = this.#options.clock.monotonicMs();
    this.#options.onTrouble?.(undefined);
  }
}

/** Too little is free, in words. */
export function shortage({ freeBytes, freeInodes }: Floor): string {
  return `only ${formatSize(freeBytes)} and ${freeInodes} files are free there, less than minFree and minFreeInodes leave to others: nothing is written`;
}

/** The system's word for an error. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
