import type { MemoryTier } from '../store/memory/tier.ts';
import { BROKEN, type Payload, type StoredPart, WAIT } from './answer.ts';

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
export class Wakeups {
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
