import { seededRandom } from '../../src/base/random.ts';
import { openDiskTier } from '../../src/store/disk/open.ts';
import type { LogDiskTier } from '../../src/store/disk/tier.ts';
import { Harness, type HarnessOptions } from './harness.ts';
import { awaited, settledClock } from './simulation/process.ts';
import { VirtualDisk } from './virtual-disk.ts';

/** A {@link Harness} over a virtual disk; whatever the disk does has happened once its clock has moved. */
export class DiskHarness extends Harness {
  readonly files: VirtualDisk;
  readonly disk: LogDiskTier;

  /** @param files of an earlier one, to start again on; its clock goes on. */
  static open(options: HarnessOptions = {}, files?: VirtualDisk): DiskHarness {
    const clock = options.clock ?? settledClock();
    const disk = files ?? new VirtualDisk(clock, seededRandom(1));
    const opening = openDiskTier({
      files: disk.mount(),
      path: '/disk',
      clock,
      newHashKey: { k0: 1, k1: 2 },
      budgetBytes: 8 * 2 ** 20,
      segmentBytes: 2 ** 20,
      objectBytesMax: 2 ** 19,
      minFreeBytes: 0,
      minFreeInodes: 0,
      minResidencyS: 0,
      requireMount: false,
      routes: ['r'],
    });
    return new DiskHarness({ ...options, clock }, disk, awaited(clock, opening));
  }

  private constructor(options: HarnessOptions, files: VirtualDisk, disk: LogDiskTier) {
    super({ ...options, below: disk });
    this.files = files;
    this.disk = disk;
  }

  /** Lets what has been begun happen. */
  settle(byMs = 100): void {
    this.clock.advance(byMs);
  }

  /** Everything leaves memory for want of room, and stays on disk. */
  emptyMemory(): void {
    const { budgetBytes } = this.tier.cache;
    this.settle();
    this.tier.resize(1, this.nowS);
    this.tier.resize(budgetBytes, this.nowS);
  }
}
