import type { EntryId } from '../../policy/policy.ts';
import type { PublishedName, Replayable } from './replay.ts';
import type { Trace } from './trace.ts';

/**
 * One naive model per policy that is there for comparison: plain arrays, oldest first, every question answered by looking at
 * everything. The tests' oracle, written from the papers and not from the implementations. Those that also serve live have
 * theirs in `src/policy/policy.models.ts`.
 */

interface Resident {
  readonly key: EntryId;
  readonly sizeBytes: number;
  /** CLOCK: 1 once it was hit. LFU: requests. */
  hits: number;
}

const sum = (entries: readonly { sizeBytes: number }[]): number =>
  entries.reduce((total, { sizeBytes }) => total + sizeBytes, 0);

abstract class ComparisonModel implements Replayable {
  protected residents: Resident[] = [];
  protected readonly capacityBytes: number;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  has(key: EntryId): boolean {
    return this.residents.some((entry) => entry.key === key);
  }

  hit(key: EntryId): void {
    this.touch(this.residents.find((entry) => entry.key === key)!);
  }

  admit(key: EntryId, _fingerprint: number, sizeBytes: number): void {
    if (sizeBytes > this.capacityBytes) return;
    while (sum(this.residents) + sizeBytes > this.capacityBytes) this.drop(this.victim());
    this.residents.push({ key, sizeBytes, hits: 0 });
  }

  protected drop(entry: Resident): void {
    this.residents.splice(this.residents.indexOf(entry), 1);
  }

  protected renew(entry: Resident): void {
    this.drop(entry);
    this.residents.push(entry);
  }

  protected abstract touch(entry: Resident): void;
  protected abstract victim(): Resident;
}

class ClockModel extends ComparisonModel {
  protected touch(entry: Resident): void {
    entry.hits = 1;
  }

  protected victim(): Resident {
    for (let oldest = this.residents[0]!; ; oldest = this.residents[0]!) {
      if (oldest.hits === 0) return oldest;
      oldest.hits = 0;
      this.renew(oldest);
    }
  }
}

/** Its residents are in the order in which they came to the number of requests that they have. */
class LfuModel extends ComparisonModel {
  protected touch(entry: Resident): void {
    entry.hits += 1;
    this.renew(entry);
  }

  protected victim(): Resident {
    return this.residents.toSorted((a, b) => a.hits - b.hits)[0]!;
  }
}

class TwoQModel extends ComparisonModel {
  /** Of the residents, who came back and is in Am; the others are in A1in. */
  private readonly returned = new Set<Resident>();
  private ghosts: Resident[] = [];

  private part(isMain: boolean): Resident[] {
    return this.residents.filter((entry) => this.returned.has(entry) === isMain);
  }

  protected touch(entry: Resident): void {
    if (this.returned.has(entry)) this.renew(entry);
  }

  override admit(key: EntryId, fingerprint: number, sizeBytes: number): void {
    const isKnown = this.ghosts.some((ghost) => ghost.key === key);
    this.ghosts = this.ghosts.filter((ghost) => ghost.key !== key);
    if (sizeBytes > Math.floor(this.capacityBytes / 4)) return;
    super.admit(key, fingerprint, sizeBytes);
    if (!isKnown) return;
    const main = this.part(true);
    this.returned.add(this.residents.at(-1)!);
    while (sum(main) + sizeBytes > this.capacityBytes - Math.floor(this.capacityBytes / 4))
      this.drop(main.shift()!);
  }

  protected victim(): Resident {
    const first = this.part(false);
    if (sum(first) <= Math.floor(this.capacityBytes / 4)) return this.part(true)[0]!;
    const victim = first[0]!;
    this.ghosts.push(victim);
    while (sum(this.ghosts) > Math.floor(this.capacityBytes / 2)) this.ghosts.shift();
    return victim;
  }
}

class BeladyModel extends ComparisonModel {
  private readonly keys: readonly EntryId[];
  private now = 0;

  constructor(trace: Trace, capacityBytes: number) {
    super(capacityBytes);
    this.keys = [...trace.keys];
  }

  override admit(key: EntryId, fingerprint: number, sizeBytes: number): void {
    super.admit(key, fingerprint, sizeBytes);
    this.now += 1;
  }

  protected touch(): void {
    this.now += 1;
  }

  protected victim(): Resident {
    const waits = this.residents.map(({ key }) => this.keys.indexOf(key, this.now + 1));
    const forever = waits.indexOf(-1);
    return this.residents[forever === -1 ? waits.indexOf(Math.max(...waits)) : forever]!;
  }
}

/** The names that have a model here. */
export const COMPARISON_NAMES = ['clock', 'lfu', '2q', 'belady'] as const satisfies readonly PublishedName[];

/** Builds the naive model of a policy that never serves, for one replay of a trace. */
export function createComparisonModel(
  name: (typeof COMPARISON_NAMES)[number],
  trace: Trace,
  capacityBytes: number,
): Replayable {
  if (name === 'clock') return new ClockModel(capacityBytes);
  if (name === 'lfu') return new LfuModel(capacityBytes);
  if (name === '2q') return new TwoQModel(capacityBytes);
  return new BeladyModel(trace, capacityBytes);
}
