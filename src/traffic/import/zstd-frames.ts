const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Longest of what is read as a whole: the header of a frame. */
const PART_BYTES_MAX = 18;

type State = 'magic' | 'descriptor' | 'header' | 'block' | 'checksum' | 'skippable' | 'lost';

/**
 * Follows the frames of zstd (RFC 8878, section 3.1) without unpacking them, to know whether they end where the file does: the stream of
 * the runtime ends without a word when it does not.
 */
export class ZstdFrames {
  #state: State = 'magic';
  readonly #part = new Uint8Array(PART_BYTES_MAX);
  #have = 0;
  /** Bytes to pass over before the next part. */
  #skip = 0;
  #need = 4;
  #hasChecksum = false;

  /** Takes the next bytes. Their number does not matter: contents of blocks are passed over. */
  feed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.#state !== 'lost') {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, bytes.length - at);
        this.#skip -= passed;
        at += passed;
        continue;
      }
      while (this.#have < this.#need && at < bytes.length) {
        this.#part[this.#have] = bytes[at]!;
        this.#have += 1;
        at += 1;
      }
      if (this.#have === this.#need) this.#takePart();
    }
  }

  /** What was taken is whole frames. Undefined when it is no zstd: whoever unpacks it says so. */
  get isWhole(): boolean | undefined {
    if (this.#state === 'lost') return undefined;
    return this.#state === 'magic' && this.#have === 0 && this.#skip === 0;
  }

  #takePart(): void {
    const number = this.#number(this.#need);
    const first = this.#part[0]!;
    this.#have = 0;
    if (this.#state === 'magic') {
      if (number === FRAME_MAGIC) this.#expect('descriptor', 1);
      else if ((number & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC) this.#expect('skippable', 4);
      else this.#state = 'lost';
    } else if (this.#state === 'descriptor') {
      const isSingle = (first & 0x20) !== 0;
      const contentSize = [isSingle ? 1 : 0, 2, 4, 8][first >> 6]!;
      const dictionary = [0, 1, 2, 4][first & 3]!;
      this.#hasChecksum = (first & 4) !== 0;
      this.#expect('header', (isSingle ? 0 : 1) + dictionary + contentSize);
      if (this.#need === 0) this.#expect('block', 3);
    } else if (this.#state === 'header' || this.#state === 'checksum') {
      if (this.#state === 'header') this.#expect('block', 3);
      else this.#expect('magic', 4);
    } else if (this.#state === 'skippable') {
      this.#expect('magic', 4);
      this.#skip = number;
    } else this.#takeBlock(number);
  }

  #takeBlock(header: number): void {
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    // Of a block that repeats one byte, that byte is all there is.
    this.#skip = type === 1 ? 1 : header >> 3;
    if (!isLast) this.#expect('block', 3);
    else if (this.#hasChecksum) this.#expect('checksum', 4);
    else this.#expect('magic', 4);
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#need = bytes;
  }

  /** Little endian, the first four bytes at most. */
  #number(bytes: number): number {
    let value = 0;
    for (let i = Math.min(bytes, 4) - 1; i >= 0; i -= 1) value = value * 256 + this.#part[i]!;
    return value;
  }
}
