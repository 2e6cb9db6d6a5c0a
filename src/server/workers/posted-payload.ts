import { BROKEN, END, type Payload, WAIT } from '../../serve/answer.ts';
import type { TierReader } from '../../store/memory/tier-reader.ts';
import type { PostedBody } from './messages.ts';

/** A payload whose bytes, or the news of them, come from the owner. */
export interface PostedPayload extends Payload {
  /** More bytes of a stream. */
  add(chunk: Uint8Array): void;
  /** Of a stored body, so much may be read now. */
  grow(availableBytes: number): void;
  /** Nothing more will come. */
  finish(broken: boolean): void;
}

/** What both kinds share: somebody who waits. */
class Waiting {
  protected ended: typeof END | typeof BROKEN | undefined;
  #waiter: (() => void) | undefined;

  whenReadable(fn: () => void): void {
    this.#waiter = fn;
  }

  finish(broken: boolean): void {
    this.ended = broken ? BROKEN : END;
    this.wake();
  }

  release(): void {
    this.#waiter = undefined;
  }

  protected wake(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.();
  }
}

/** A part of an entry that the owner keeps pinned, read where it lies; it may still be arriving. */
export class StoredRemotely extends Waiting implements PostedPayload {
  readonly bytes: number;
  readonly #tier: TierReader;
  readonly #body: PostedBody & { readonly kind: 'stored' };
  #available: number;

  constructor(tier: TierReader, body: PostedBody & { readonly kind: 'stored' }) {
    super();
    this.bytes = body.bytes;
    this.#tier = tier;
    this.#body = body;
    this.#available = body.available;
  }

  read(position: number, into: Uint8Array, at: number): number {
    if (position >= this.#available) return this.ended ?? WAIT;
    const { place, from } = this.#body;
    return this.#tier.read(place, from + position, from + this.#available, into, at);
  }

  add(): void {}

  grow(availableBytes: number): void {
    this.#available = availableBytes;
    this.wake();
  }
}

/** Taken bytes are reported once there are so many of them: half of what the owner sends ahead at the least. */
const REPORT_BYTES = 8 * 1024;

/** A body that comes in chunks; those that the client has taken are dropped, and reported for more. */
export class StreamedPayload extends Waiting implements PostedPayload {
  readonly bytes: number | undefined;
  readonly #report: (position: number) => void;
  readonly #chunks: Uint8Array[] = [];
  /** Position of the first byte of the first chunk. */
  #start = 0;
  #reported = 0;

  /** @param report told how much of it has been taken. */
  constructor(bytes: number | undefined, report: (position: number) => void) {
    super();
    this.bytes = bytes;
    this.#report = report;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.wake();
  }

  grow(): void {}

  read(position: number, into: Uint8Array, at: number): number {
    while (this.#chunks.length > 0 && this.#start + this.#chunks[0]!.length <= position) {
      this.#start += this.#chunks.shift()!.length;
    }
    if (position - this.#reported >= REPORT_BYTES) {
      this.#reported = position;
      this.#report(position);
    }
    let copied = 0;
    let skip = position - this.#start;
    for (const chunk of this.#chunks) {
      const n = Math.min(chunk.length - skip, into.length - at - copied);
      into.set(skip === 0 && n === chunk.length ? chunk : chunk.subarray(skip, skip + n), at + copied);
      copied += n;
      skip = 0;
      if (at + copied >= into.length) break;
    }
    return copied > 0 ? copied : (this.ended ?? WAIT);
  }
}
