import type { MemoryTier } from '../store/memory/tier.ts';
import { BROKEN, END, type Payload, type StoredPart, WAIT } from './answer.ts';

/** Where the body of a running origin fetch is kept while it arrives, and read by any number of clients meanwhile. */
export interface FlightBody {
  /** Total length, once known. */
  readonly bytes: number | undefined;
  /** True while a reader may still start at the first byte. */
  readonly joinable: boolean;
  /** Clients reading now. */
  readonly readers: number;
  append(chunk: Uint8Array): void;
  /** All arrived. */
  end(): void;
  /** The rest will never come: readers are told when they get there. */
  break(): void;
  /** A reader of bytes `from..to` (to: undefined for the end). */
  open(from: number, to: number | undefined): Payload;
}

/** Readers that wait for the next bytes: each is woken once. */
class Wakeups {
  #waiting: (() => void)[] = [];

  add(fn: () => void): void {
    this.#waiting.push(fn);
  }

  wake(): void {
    if (this.#waiting.length === 0) return;
    const woken = this.#waiting;
    this.#waiting = [];
    for (const fn of woken) fn();
  }
}

/**
 * A body of known length, written straight into the memory tier's reservation: the origin's bytes are copied once, and
 * every reader, the first client included, reads them from there. A slow client holds nothing up.
 */
export class ReservedBody implements FlightBody {
  readonly bytes: number;
  readonly joinable = true;
  readers = 0;
  written = 0;
  broken = false;
  readonly wakeups: Wakeups = new Wakeups();
  readonly slot: number;
  readonly tier: MemoryTier;

  constructor(tier: MemoryTier, slot: number) {
    this.tier = tier;
    this.slot = slot;
    this.bytes = tier.bodyBytes(slot);
  }

  append(chunk: Uint8Array): void {
    this.tier.writeBody(this.slot, this.written, chunk);
    this.written += chunk.length;
    this.wakeups.wake();
  }

  end(): void {
    this.wakeups.wake();
  }

  break(): void {
    this.broken = true;
    this.wakeups.wake();
  }

  open(from: number, to: number | undefined): Payload {
    return new ReservedReader(this, from, to ?? this.bytes);
  }
}

class ReservedReader implements Payload {
  readonly bytes: number;
  readonly #body: ReservedBody;
  readonly #from: number;

  constructor(body: ReservedBody, from: number, to: number) {
    this.#body = body;
    this.#from = from;
    this.bytes = to - from;
    body.readers += 1;
    body.tier.cache.pin(body.slot);
  }

  read(position: number, into: Uint8Array, at: number): number {
    const body = this.#body;
    const from = this.#from + position;
    const to = Math.min(body.written, this.#from + this.bytes);
    if (from >= to) return body.broken ? BROKEN : WAIT;
    const head = body.tier.cache.entries.headBytes(body.slot);
    return body.tier.read(body.slot, head + from, head + to, into, at);
  }

  whenReadable(fn: () => void): void {
    this.#body.wakeups.add(fn);
  }

  release(): void {
    this.#body.readers -= 1;
    this.#body.tier.cache.unpin(this.#body.slot);
  }

  stored(): StoredPart {
    const { slot, tier, written, broken } = this.#body;
    const arrived = Math.max(0, Math.min(written - this.#from, this.bytes));
    const available = broken && arrived < this.bytes ? BROKEN : arrived;
    return { slot, from: tier.cache.entries.headBytes(slot) + this.#from, available };
  }
}

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
    const tooLarge = this.#total > this.#options.keepBytesMax;
    if (this.keeping && (tooLarge || budget.usedBytes > budget.limitBytes)) {
      this.keeping = false;
      this.#options.onGiveUp(tooLarge ? 'too-large' : 'no-room');
    }
    if (this.keeping || this.readers > 0) {
      this.wakeups.wake();
      this.#advance();
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
    if (position >= end) return this.#nothing(reader, position);
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
      this.#options.onIdle();
    }
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
      this.#options.resume();
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

/** A short body made by the node itself. */
export class TextPayload implements Payload {
  readonly bytes: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.bytes = bytes.length;
  }

  read(position: number, into: Uint8Array, at: number): number {
    const n = Math.min(this.bytes - position, into.length - at);
    into.set(this.#bytes.subarray(position, position + n), at);
    return n;
  }

  whenReadable(): void {}

  release(): void {}
}

/** A part of a stored, pinned entry: `from..to` of what follows its key. */
export class StoredPayload implements Payload {
  readonly bytes: number;
  readonly #tier: MemoryTier;
  readonly #slot: number;
  readonly #from: number;

  /** Takes over one pin of the caller. */
  constructor(tier: MemoryTier, slot: number, from: number, to: number) {
    this.#tier = tier;
    this.#slot = slot;
    this.#from = from;
    this.bytes = to - from;
  }

  read(position: number, into: Uint8Array, at: number): number {
    return this.#tier.read(this.#slot, this.#from + position, this.#from + this.bytes, into, at);
  }

  whenReadable(): void {}

  release(): void {
    this.#tier.cache.unpin(this.#slot);
  }

  stored(): StoredPart {
    return { slot: this.#slot, from: this.#from, available: this.bytes };
  }
}
