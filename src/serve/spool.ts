import type { DiskWriter } from '../store/disk/disk.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { BROKEN, END, type Payload, WAIT } from './answer.ts';
import { type FlightBody, Wakeups } from './flight-body.ts';

/** Bytes that spools may hold together: what arrives without a length, or cannot be stored. */
export interface SpoolBudget {
  readonly limitBytes: number;
  usedBytes: number;
}

/** A spool that does not keep pauses the origin when its readers are this far behind. */
const WINDOW_HIGH_BYTES = 512 * 1024;
const WINDOW_LOW_BYTES = 128 * 1024;
/** With half of the spools' budget in use, a window is as small as it can usefully be: many slow readers share the rest. */
const NARROW_HIGH_BYTES = 32 * 1024;

/** How far the slowest reader of a spool may be behind. With the budget used up, nothing is fetched ahead of anyone. */
function windowBytes({ usedBytes, limitBytes }: SpoolBudget): number {
  if (usedBytes >= limitBytes) return 0;
  return usedBytes * 2 > limitBytes ? NARROW_HIGH_BYTES : WINDOW_HIGH_BYTES;
}

export interface SpoolOptions {
  readonly bytes: number | undefined;
  /** Gets a copy of everything, at its own pace: the tier below, for what is not kept in memory. */
  readonly copy: DiskWriter | undefined;
  /** Keep everything, to store it at the end; given up when it grows past `keepBytesMax` or the budget. */
  readonly keep: boolean;
  readonly keepBytesMax: number;
  readonly budget: SpoolBudget;
  /** Told to stop and go on reading from the origin. Backpressure only: what is kept is bounded by its limits. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Nobody reads any more, and nothing is kept. */
  readonly onIdle: () => void;
  /** It grew past its limits and is not kept any longer. */
  readonly onGiveUp: (reason: 'too-large' | 'no-room') => void;
}

/**
 * A body in ordinary memory: of unknown length (kept until it is whole and can be stored), or not to be stored at all (then
 * it is a window that moves with the slowest reader, and the origin is held back to that reader's pace).
 */
export class Spool implements FlightBody {
  readers = 0;
  keeping: boolean;
  readonly copy: DiskWriter | undefined;
  /** The copy is behind, and the origin waits for it. */
  #copyBehind = false;
  readonly #options: SpoolOptions;
  readonly #chunks: Uint8Array[] = [];
  readonly #open = new Set<SpoolReader>();
  readonly wakeups: Wakeups = new Wakeups();
  /** Position of the first byte of the first chunk. */
  #start = 0;
  #total = 0;
  #ended = false;
  #broken = false;
  #paused = false;
  /** Where it was stored, pinned, while there are readers. */
  #moved: { readonly tier: MemoryTier; readonly slot: number } | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.keeping = options.keep;
    this.copy = options.copy;
  }

  get bytes(): number | undefined {
    return this.#ended ? this.#total : this.#options.bytes;
  }

  get joinable(): boolean {
    return this.#start === 0 && this.keeping;
  }

  get total(): number {
    return this.#total;
  }

  /** All chunks, from the first byte on. Only while keeping. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  append(chunk: Uint8Array): void {
    const { budget } = this.#options;
    // Not slice: the one of a Buffer, which sockets hand out, is no copy.
    this.#chunks.push(new Uint8Array(chunk));
    this.#total += chunk.length;
    budget.usedBytes += chunk.length;
    this.#copyOn(chunk);
    const tooLarge = this.#total > this.#options.keepBytesMax;
    if (this.keeping && (tooLarge || budget.usedBytes > budget.limitBytes)) {
      // First: whoever waited for the whole of it begins to read now, and none may find its beginning gone.
      this.#options.onGiveUp(tooLarge ? 'too-large' : 'no-room');
      this.keeping = false;
    }
    if (this.keeping || this.readers > 0) {
      this.wakeups.wake();
      this.#advance();
    } else if (this.#isCopied()) {
      this.#clear();
    } else {
      this.#clear();
      this.#options.onIdle();
    }
  }

  end(): void {
    this.#ended = true;
    this.wakeups.wake();
  }

  break(): void {
    this.#broken = true;
    this.wakeups.wake();
  }

  /** Nothing needs to be kept any more (it is stored, or will not be): what readers have taken is given back. */
  letGo(): void {
    this.keeping = false;
    if (this.readers === 0) this.#clear();
    else this.#advance();
  }

  /** All of it is in the tier now: whoever still reads goes on from there, and nothing is held here. */
  moveTo(tier: MemoryTier, slot: number): void {
    this.keeping = false;
    this.#clear();
    if (this.readers === 0) return;
    tier.cache.pin(slot);
    this.#moved = { tier, slot };
  }

  #clear(): void {
    this.#options.budget.usedBytes -= this.#total - this.#start;
    this.#chunks.length = 0;
    this.#start = this.#total;
  }

  open(from: number, to: number | undefined): Payload {
    const reader = new SpoolReader(this, from, to);
    this.#open.add(reader);
    this.readers += 1;
    return reader;
  }

  read(reader: SpoolReader, position: number, into: Uint8Array, at: number): number {
    const end = Math.min(this.#total, reader.to ?? this.#total);
    if (position >= end) {
      const said = this.#nothing(reader, position);
      // Nobody waits yet whom the bytes that came meanwhile could have woken.
      return said === WAIT && this.#total > position ? this.read(reader, position, into, at) : said;
    }
    if (this.#moved !== undefined) {
      const { tier, slot } = this.#moved;
      const headBytes = tier.cache.entries.headBytes(slot);
      return tier.read(slot, headBytes + position, headBytes + end, into, at);
    }
    this.#advance();
    let skip = position - this.#start;
    let copied = 0;
    for (const chunk of this.#chunks) {
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      const n = Math.min(chunk.length - skip, into.length - at - copied, end - position - copied);
      into.set(chunk.subarray(skip, skip + n), at + copied);
      copied += n;
      skip = 0;
      if (position + copied >= end || at + copied >= into.length) break;
    }
    return copied;
  }

  close(reader: SpoolReader): void {
    this.#open.delete(reader);
    this.readers -= 1;
    this.#advance();
    if (this.readers === 0 && this.#moved !== undefined) {
      this.#moved.tier.cache.unpin(this.#moved.slot);
      this.#moved = undefined;
    }
    if (this.readers === 0 && !this.keeping) {
      this.#clear();
      if (!this.#isCopied()) this.#options.onIdle();
      this.#goOn();
    }
  }

  /** The reader that the origin was held back for has gone. */
  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#copyBehind) this.#options.resume();
  }

  /** The copy is worth going on for, whoever reads. */
  #isCopied(): boolean {
    return this.copy?.failed === false;
  }

  #copyOn(chunk: Uint8Array): void {
    const { copy } = this;
    if (copy === undefined || copy.append(chunk) || this.#copyBehind) return;
    this.#copyBehind = true;
    this.#options.pause();
    copy.drained(() => {
      this.#copyBehind = false;
      if (!this.#paused) this.#options.resume();
    });
  }

  #nothing(reader: SpoolReader, position: number): number {
    if (this.#ended || (reader.to !== undefined && position >= reader.to)) return END;
    if (this.#broken) return BROKEN;
    this.#advance();
    return WAIT;
  }

  /** Drops what every reader has, and holds the origin to the slowest. */
  #advance(): void {
    if (this.keeping) return;
    let slowest = this.#open.size === 0 ? this.#start : this.#total;
    for (const reader of this.#open) slowest = Math.min(slowest, reader.position);
    while (this.#chunks.length > 0 && this.#start + this.#chunks[0]!.length <= slowest) {
      const length = this.#chunks.shift()!.length;
      this.#start += length;
      this.#options.budget.usedBytes -= length;
    }
    if (this.#ended || this.#broken) return;
    const behind = this.#total - slowest;
    const highBytes = windowBytes(this.#options.budget);
    if (!this.#paused && behind > highBytes) {
      this.#paused = true;
      this.#options.pause();
    } else if (this.#paused && behind <= Math.min(highBytes, WINDOW_LOW_BYTES)) {
      this.#paused = false;
      if (!this.#copyBehind) this.#options.resume();
    }
  }
}

class SpoolReader implements Payload {
  readonly bytes: number | undefined;
  readonly to: number | undefined;
  position: number;
  readonly #from: number;
  readonly #spool: Spool;

  constructor(spool: Spool, from: number, to: number | undefined) {
    this.#spool = spool;
    this.#from = from;
    this.to = to ?? spool.bytes;
    this.position = from;
    this.bytes = this.to === undefined ? undefined : this.to - from;
  }

  read(position: number, into: Uint8Array, at: number): number {
    this.position = this.#from + position;
    return this.#spool.read(this, this.position, into, at);
  }

  whenReadable(fn: () => void): void {
    this.#spool.wakeups.add(fn);
  }

  release(): void {
    this.position = Number.MAX_SAFE_INTEGER;
    this.#spool.close(this);
  }
}
