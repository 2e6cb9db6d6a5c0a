import type { Random } from '../../../src/base/random.ts';
import { type DiskTemper, EVEN_TEMPER, type VirtualDisk } from '../virtual-disk.ts';
import type { DiskPlan } from './plan.ts';

/** How a bad disk may be for a while. */
const MOODS: readonly Partial<DiskTemper>[] = [
  { failRead: 0.2 },
  { failWrite: 0.1, failSync: 0.05, failOpen: 0.1 },
  { flip: 0.1 },
  { foreignBytes: EVEN_TEMPER.capacityBytes },
  { latencyMs: 4_000 },
  { hangs: true },
];

/** What the disk is like, from step to step. */
export class Weather {
  readonly #disk: VirtualDisk;
  readonly #plan: DiskPlan;
  readonly #random: Random;
  #isFine = true;
  /** It was always fine, and never lost what was not synced. */
  #isTrusted = true;
  #isLoading = false;

  constructor(disk: VirtualDisk, plan: DiskPlan, random: Random) {
    this.#disk = disk;
    this.#plan = plan;
    this.#random = random;
  }

  /** What is found on it can be read. */
  get isReadable(): boolean {
    return this.#isTrusted;
  }

  /** Lets it be fine. */
  clear(): void {
    this.#isFine = true;
    Object.assign(this.#disk.temper, EVEN_TEMPER, { latencyMs: this.#plan.latencyMs });
  }

  /** The power failed: what its index knows may be torn. */
  crashed(): void {
    this.#isTrusted = false;
    this.#isLoading = true;
  }

  /** All of it was read at a start. */
  ready(): void {
    this.#isLoading = false;
  }

  /** Now and then it changes. */
  change(): void {
    if (!this.#plan.isBad || this.#isLoading) return;
    const roll = this.#random.next();
    if (!this.#isFine) {
      if (roll < 0.3) this.clear();
      return;
    }
    if (roll > 0.05) return;
    this.#isFine = false;
    this.#isTrusted = false;
    Object.assign(this.#disk.temper, MOODS[this.#random.u32() % MOODS.length]);
  }
}
