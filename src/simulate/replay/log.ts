import { ROW_BYTES, TRAILER_BYTES } from '../../store/disk/format.ts';
import type { NoRoom } from '../../store/disk/log.ts';
import type { LeavingSegment } from '../../store/disk/rewriting.ts';

/** One file of a simulated log. */
export interface SimulatedSegment extends LeavingSegment {
  readonly slots: number[];
  endBytes: number;
  rows: number;
  youngestS: number;
}

export interface LogRules {
  readonly budgetBytes: number;
  readonly segmentBytes: number;
  /** What each segment begins with: the names of the routes. */
  readonly namesBytes: number;
  /** Why the oldest segment may not leave now; undefined when it may. */
  readonly keeps: (segment: SimulatedSegment) => NoRoom | undefined;
  /** A segment leaves: what is worth it is written again, the rest is forgotten. */
  readonly evict: (segment: SimulatedSegment) => void;
}

const SEGMENTS_MIN = 3;

/**
 * Where records come to lie in the log of segments, and when segments leave: the rules of `SegmentLog` in a world where writing takes
 * no time. One more segment is always ready, and counts as full; the oldest leaves for it.
 */
export class SimulatedLog {
  /** From the oldest to the youngest; the last one is being appended to. */
  readonly segments: SimulatedSegment[] = [];
  readonly #rules: LogRules;
  readonly #budgetBytes: number;
  #nextId = 1;
  #ready: SimulatedSegment | undefined;
  #isPreparing = false;
  #why: NoRoom = 'busy';
  #ownBytes = 0;
  #usedBytes = 0;

  constructor(rules: LogRules) {
    this.#rules = rules;
    this.#budgetBytes = Math.max(rules.budgetBytes, rules.segmentBytes * SEGMENTS_MIN);
    this.prepare();
  }

  /** Length of all files. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Room for a record, and `sparedBytes` left behind it. {@link prepare} has to follow.
   *
   * @returns where, or why there is none.
   */
  reserve(bytes: number, sparedBytes: number): SimulatedSegment | NoRoom {
    let segment = this.segments.at(-1);
    if (segment === undefined || !this.#fits(segment, bytes + sparedBytes)) {
      const ready = this.#ready;
      if (ready === undefined) return this.#why;
      if (segment !== undefined) this.#seal(segment);
      this.segments.push(ready);
      this.#ready = undefined;
      segment = ready;
    }
    segment.endBytes += bytes;
    segment.rows += 1;
    this.#usedBytes += bytes;
    return segment;
  }

  /** Sees to it that a segment is ready for when this one is full. */
  prepare(): void {
    if (this.#ready !== undefined || this.#isPreparing) return;
    this.#isPreparing = true;
    const { segmentBytes, namesBytes } = this.#rules;
    let hasRoom = true;
    while (hasRoom && this.#ownBytes + segmentBytes > this.#budgetBytes) hasRoom = this.#evictOldest();
    if (hasRoom) {
      this.#ready = { id: this.#nextId, slots: [], endBytes: namesBytes, rows: 0, youngestS: 0 };
      this.#nextId += 1;
      this.#ownBytes += segmentBytes;
      this.#usedBytes += namesBytes;
      this.#why = 'busy';
    }
    this.#isPreparing = false;
  }

  /** A record that is longer than a segment of a sampled log has one of its own. */
  #fits({ rows, endBytes }: SimulatedSegment, bytes: number): boolean {
    return rows === 0 || endBytes + bytes + footerBytes(rows + 1) <= this.#rules.segmentBytes;
  }

  #seal(segment: SimulatedSegment): void {
    this.#usedBytes += footerBytes(segment.rows);
    this.#ownBytes += fileBytes(segment) - this.#rules.segmentBytes;
  }

  #evictOldest(): boolean {
    const oldest = this.segments[0];
    if (oldest === undefined || this.segments.length < 2) {
      this.#why = 'busy';
      return false;
    }
    const why = this.#rules.keeps(oldest);
    if (why !== undefined) {
      this.#why = why;
      return false;
    }
    this.#rules.evict(oldest);
    this.segments.splice(this.segments.indexOf(oldest), 1);
    this.#ownBytes -= fileBytes(oldest);
    this.#usedBytes -= fileBytes(oldest);
    return true;
  }
}

function footerBytes(rows: number): number {
  return rows * ROW_BYTES + TRAILER_BYTES;
}

function fileBytes({ endBytes, rows }: SimulatedSegment): number {
  return endBytes + footerBytes(rows);
}
