/** The part of a socket that input is about. */
interface Source {
  pause(): void;
  resume(): void;
}

/**
 * What a connection has read and not used yet: a buffer and a position in it, never an empty rest; and whether more is
 * read.
 */
export class Input {
  readonly #source: Source;
  #paused = false;
  #buffer: Buffer | undefined;
  #at = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The buffer that the rest is in, from {@link at} on; undefined when nothing is left. */
  get buffer(): Buffer | undefined {
    return this.#buffer;
  }

  get at(): number {
    return this.#at;
  }

  /** `chunk` is kept; it is copied only where something was left before it. */
  add(chunk: Buffer): void {
    const rest = this.#buffer?.subarray(this.#at);
    this.#buffer = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    this.#at = 0;
  }

  /** Uses up so many bytes. */
  advance(bytes: number): void {
    this.#at += bytes;
    if (this.#buffer !== undefined && this.#at >= this.#buffer.length) this.clear();
  }

  /** Copies the rest, so that a few bytes do not keep a large buffer alive. */
  compact(): void {
    if (this.#at === 0 || this.#buffer === undefined) return;
    this.#buffer = Buffer.from(this.#buffer.subarray(this.#at));
    this.#at = 0;
  }

  clear(): void {
    this.#buffer = undefined;
    this.#at = 0;
  }

  /** Reads no more; what the runtime has read already may still come. Idempotent. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#source.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source.resume();
  }
}
