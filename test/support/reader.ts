import { assert } from '../../src/base/assert.ts';
import type { Random } from '../../src/base/random.ts';
import { Fields } from '../../src/http/fields.ts';
import { type Abandon, type Answer, BROKEN, END, type Responder, WAIT } from '../../src/serve/answer.ts';

export interface ReaderOptions {
  readonly method: string;
  readonly random: Random;
  /** `eager` takes everything as soon as it is there; `held` only when {@link Reader.pump} is called. Default eager. */
  readonly pace?: 'eager' | 'held';
  /** Most bytes taken at a time; default 64 KiB. */
  readonly pieceBytesMax?: number;
  /** The clock that says when it was answered. */
  readonly nowMs?: () => number;
}

/**
 * A client behind the transport's side of the seam. Reads the payload in pieces of random size, sometimes takes only part
 * of a piece (as a kernel does), and holds the answer to its contract.
 */
export class Reader implements Responder {
  state: 'waiting' | 'reading' | 'whole' | 'broken' | 'gone' = 'waiting';
  answer: Answer | undefined;
  /** When the answer came, in milliseconds of the clock it was given. */
  answeredMs: number | undefined;
  /** What {@link RequestHandler.handle} returned. */
  abandon: Abandon | undefined;
  readonly #options: ReaderOptions;
  readonly #pieces: Uint8Array[] = [];
  #position = 0;
  #awaiting = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get done(): boolean {
    return this.state !== 'waiting' && this.state !== 'reading';
  }

  get status(): number | undefined {
    return this.answer?.status;
  }

  respond(answer: Answer): void {
    if (this.state === 'gone') {
      // The transport settles what it cannot send.
      answer.payload?.release();
      answer.done(0, false);
      return;
    }
    assert(this.state === 'waiting', 'a request is answered once');
    assert(answer.status >= 200 && answer.status <= 599, 'a final status');
    this.answer = answer;
    this.answeredMs = this.#options.nowMs?.();
    this.state = 'reading';
    if (this.#options.pace !== 'held') this.pump();
  }

  /** Reads on until nothing is there, or `pieces` pieces were taken. */
  pump(pieces = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < pieces && this.state === 'reading' && !this.#awaiting; i += 1) this.#readOne();
  }

  /** The client goes away. */
  leave(): void {
    if (this.state === 'waiting') {
      this.state = 'gone';
      this.abandon?.();
    } else if (this.state === 'reading') {
      this.#settle('gone');
    }
  }

  #readOne(): void {
    const { payload, status, headInPayload } = this.answer!;
    const bodiless = this.#options.method === 'HEAD' || status === 204 || status === 304;
    if (payload === undefined || (bodiless && !headInPayload) || this.#position === payload.bytes) {
      this.#settle('whole');
      return;
    }
    const { random, pieceBytesMax = 65_536 } = this.#options;
    const room = 1 + Math.floor(random.next() * pieceBytesMax);
    const at = random.u32() % 3;
    const into = new Uint8Array(at + room);
    const count = payload.read(this.#position, into, at);
    if (count === BROKEN) {
      this.#settle('broken');
    } else if (count === END) {
      assert(payload.bytes === undefined, 'only payloads of unknown length end');
      this.#settle('whole');
    } else if (count === WAIT) {
      this.#awaiting = true;
      payload.whenReadable(() => {
        this.#awaiting = false;
        if (this.#options.pace !== 'held') this.pump();
      });
    } else {
      assert(count > 0 && count <= room, 'a payload gives what fits');
      const taken = random.u32() % 4 === 0 ? 1 + (random.u32() % count) : count;
      this.#pieces.push(into.slice(at, at + taken));
      this.#position += taken;
      if (payload.bytes !== undefined) assert(this.#position <= payload.bytes, 'no more than was promised');
    }
  }

  #settle(state: 'whole' | 'broken' | 'gone'): void {
    this.state = state;
    this.answer!.payload?.release();
    this.answer!.done(this.answer!.head.length + this.#position, state === 'whole');
  }

  /** Everything that was received, from the first field line on. */
  #text(): string {
    return this.answer!.head + Buffer.concat(this.#pieces).toString('latin1');
  }

  /** The whole head has been received. */
  get hasHead(): boolean {
    return this.answer !== undefined && this.#text().includes('\r\n\r\n');
  }

  /** Field lines of the answer. */
  get fields(): Fields {
    const text = this.#text();
    const end = text.indexOf('\r\n\r\n');
    assert(end >= 0, 'the head ends with an empty line');
    const fields = new Fields();
    for (const line of text.slice(0, end).split('\r\n')) {
      const colon = line.indexOf(': ');
      assert(colon > 0, `a field line: ${line}`);
      fields.add(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
    }
    return fields;
  }

  /** The body as far as it was received. */
  get body(): Buffer {
    const text = this.#text();
    return Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
  }

  get cacheStatus(): string {
    return this.fields.get('cache-status') ?? '';
  }
}
