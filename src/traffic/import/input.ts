import { NOT_ASKED, type ResponseLife, type TrafficBatch, type TrafficRow } from '../batch.ts';
import type { TrafficRecord } from '../record.ts';
import { detectFormat, HEAD_BYTES, type ImportFormat, readerOf } from './detect.ts';
import type { FieldMap } from './field-map.ts';
import type { Line, UnreadableReason } from './line.ts';
import type { Namer } from './naming.ts';
import type { LineSink, PieceReader } from './reader.ts';
import type { ReorderBuffer } from './reorder.ts';
import { countUnreadable, excerpt, type ImportReport } from './report.ts';
import type { RowMaker } from './rows.ts';
import { EARLIEST_MS } from './time.ts';
import { packingOf, unpacked } from './unpack.ts';

/** A file to be imported. */
export interface ImportInput {
  readonly name: string;
  /** Its bytes from the beginning. @throws the system's error, when they are asked for. */
  open(): AsyncIterable<Uint8Array>;
  /** The same file as a record. */
  record(): TrafficRecord;
  /** It cannot be read a second time: a pipe. */
  readonly once: boolean;
}

/** The year 10000, in milliseconds since the epoch: no time of a record is later. */
export const LATEST_MS = 253_402_300_800_000;

/** An input that is no log. The message is a sentence for the operator. */
export class NoLog extends Error {
  override readonly name = 'NoLog';
}

/** What all inputs of one import share. */
export interface Shared {
  readonly maker: RowMaker;
  readonly buffer: ReorderBuffer;
  readonly report: ImportReport;
  readonly fields: FieldMap;
  /** Overrides what the content says. */
  readonly format: ImportFormat | undefined;
  /** No log is from later than that, in milliseconds since the epoch. Tables and traces may be: they need not have real times. */
  readonly latestMs: number;
  /** Names what has no paths. */
  readonly plainNamer: Namer;
  /** Of every response, where the operator says it. */
  readonly life: ResponseLife;
  /** Time up to which everything has been read. */
  readonly reachedMs: () => number;
}

/** One input while it is read: piece by piece, each of which puts its rows into the buffer. */
export class OpenInput {
  readonly #input: ImportInput;
  readonly #shared: Shared;
  #pieces: AsyncIterator<Uint8Array> | undefined;
  #batches: Iterator<TrafficBatch> | undefined;
  #reader: PieceReader | undefined;
  /** Pieces that were read to know what the file is. */
  readonly #first: Uint8Array[] = [];
  #format = '';
  #packing = 'none';
  /** It could not be unpacked to its end. */
  #isCut = false;
  #bytesRead = 0;
  /** The time of its first request, as far as it was looked for; milliseconds since the epoch. */
  firstMs = Number.POSITIVE_INFINITY;
  /** How far it has been read: the earlier time of the last two rows, so that one wrong time does not push all others aside. */
  reachedMs = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(input: ImportInput, shared: Shared) {
    this.#input = input;
    this.#shared = shared;
  }

  /**
   * Reads as much as it takes to know what the file is and when it begins.
   *
   * @returns false when it is empty. @throws NoLog when it is no log.
   */
  async begin(): Promise<boolean> {
    const { name } = this.#input;
    const head = await this.#readHead();
    if (head.length === 0 && this.#isCut)
      throw new NoLog(`${name} is damaged: nothing of it can be unpacked`);
    if (head.length === 0) return false;
    const found = this.#shared.format ?? detectFormat(head, this.#shared.fields);
    if (typeof found === 'object') throw new NoLog(`${name} ${found.refused}`);
    this.#format = found;
    if (found === 'holdfast') {
      this.#beginRecord();
      return true;
    }
    const reader = readerOf(found, head, this.#shared.fields, this.#sink());
    if ('refused' in reader) throw new NoLog(`${name} ${reader.refused}`);
    this.#reader = reader;
    const probe = readerOf(found, head, this.#shared.fields.unread(), this.#probe());
    if (!('refused' in probe)) probe.feed(head);
    return true;
  }

  /** Lets go of the file; {@link begin} can be called again. */
  async close(): Promise<void> {
    await this.#pieces?.return?.();
    this.#pieces = undefined;
    this.#batches = undefined;
    this.#reader = undefined;
    this.#first.length = 0;
    // It will be read again.
    this.#shared.report.bytesRead -= this.#bytesRead;
    this.#bytesRead = 0;
  }

  get name(): string {
    return this.#input.name;
  }

  get isOnce(): boolean {
    return this.#input.once;
  }

  get isOpen(): boolean {
    return this.#reader !== undefined || this.#batches !== undefined;
  }

  /** Notes in the report what it is. */
  announce(): void {
    this.#shared.report.files.push({ name: this.#input.name, format: this.#format, packed: this.#packing });
  }

  /** Reads on. @returns false when that was all. */
  async next(): Promise<boolean> {
    if (this.#batches !== undefined) return this.#nextBatch(this.#batches);
    const first = this.#first.shift();
    const result = first === undefined ? await this.#pieces!.next() : { done: false, value: first };
    if (result.done !== true) {
      this.#reader!.feed(result.value);
      return true;
    }
    this.#reader!.end(this.#isCut);
    return false;
  }

  async #readHead(): Promise<Uint8Array> {
    const raw = this.#counted(this.#input.open())[Symbol.asyncIterator]();
    const begun: Uint8Array[] = [];
    let length = 0;
    while (length < 4) {
      const piece = await raw.next();
      if (piece.done === true) break;
      begun.push(piece.value);
      length += piece.value.length;
    }
    const whole = resumed(begun, raw);
    const packing = packingOf(Buffer.concat(begun).subarray(0, 4));
    this.#packing = packing;
    const { troubles } = this.#shared.report;
    const onTrouble = (why: string): void => {
      this.#isCut = true;
      const told = `${this.#input.name}: ${why}`;
      if (!troubles.includes(told)) troubles.push(told);
    };
    const pieces = packing === 'none' ? whole : unpacked(whole, packing, onTrouble);
    this.#pieces = pieces[Symbol.asyncIterator]();
    let headBytes = 0;
    while (headBytes < HEAD_BYTES) {
      const piece = await this.#pieces.next();
      if (piece.done === true) break;
      this.#first.push(piece.value);
      headBytes += piece.value.length;
    }
    return Buffer.concat(this.#first).subarray(0, HEAD_BYTES);
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#bytesRead += chunk.length;
      this.#shared.report.bytesRead += chunk.length;
      yield chunk;
    }
  }

  #sink(): LineSink {
    const { maker, buffer, report, plainNamer, latestMs } = this.#shared;
    const isDated = this.#format !== 'oracleGeneral' && this.#format !== 'csv';
    const isBinary = this.#format === 'oracleGeneral';
    const unreadable = (
      reason: UnreadableReason,
      line: number,
      bytes: Uint8Array,
      from: number,
      to: number,
    ): void =>
      countUnreadable(report, reason, {
        file: this.#input.name,
        line,
        text: () => (from === to ? '' : excerpt(bytes, from, to)),
      });
    return {
      counted: () => {
        report.lines += 1;
      },
      unreadable,
      take: (line: Line, number, bytes, from, to) => {
        if (!(line.timeMs >= 0 && line.timeMs < LATEST_MS)) {
          unreadable('time', number, bytes, from, to);
          return;
        }
        if (isDated && (line.timeMs < EARLIEST_MS || line.timeMs > latestMs)) {
          unreadable('date', number, bytes, from, to);
          return;
        }
        const row = isBinary ? maker.make(line, plainNamer) : maker.make(line);
        if (row === 'path') unreadable('path', number, bytes, from, to);
        else if (row !== undefined) this.#put(row, buffer);
      },
    };
  }

  #put(row: TrafficRow, buffer: ReorderBuffer): void {
    this.reachedMs = Math.min(row.atMs, this.#lastMs);
    this.#lastMs = row.atMs;
    if (buffer.isFull) buffer.release(this.#shared.reachedMs());
    buffer.add(row);
  }

  /** Only looks for the first time. */
  #probe(): LineSink {
    return {
      counted: () => {},
      unreadable: () => {},
      take: ({ timeMs }) => {
        this.firstMs = Math.min(this.firstMs, timeMs);
      },
    };
  }

  #beginRecord(): void {
    const record = this.#input.record();
    const { rateMin, fromMs, damage } = record.info;
    if (rateMin < 1) {
      throw new NoLog(
        `${this.#input.name} is a record of a sample of the keys; join such records with: holdfast traffic merge`,
      );
    }
    const { troubles } = this.#shared.report;
    troubles.push(...damage.filter((one) => !troubles.includes(one)));
    this.firstMs = fromMs;
    this.#batches = record.batches()[Symbol.iterator]();
  }

  #nextBatch(batches: Iterator<TrafficBatch>): boolean {
    const next = batches.next();
    if (next.done === true) return false;
    const { report, buffer, life, maker } = this.#shared;
    const batch = next.value;
    for (let at = 0; at < batch.count; at += 1) {
      const originMs = batch.originMs[at]!;
      const row: TrafficRow = {
        atMs: batch.baseMs + batch.timeUs[at]! / 1000,
        keyLo: batch.keyLo[at]!,
        keyHi: batch.keyHi[at]!,
        bodyBytes: batch.bodyBytes[at]!,
        besideBytes: batch.besideBytes[at]!,
        originMs: originMs === NOT_ASKED ? undefined : originMs,
        kind: maker.tables.kind(batch.kindTable[batch.kinds[at]!]!),
        life: life.known === 'unknown' ? maker.tables.life(batch.lifeTable[batch.lives[at]!]!) : life,
      };
      this.#put(row, buffer);
    }
    report.lines += batch.count;
    report.rows += batch.count;
    report.served += batch.count;
    return true;
  }
}

async function* resumed(
  begun: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* begun;
    for (;;) {
      const piece = await rest.next();
      if (piece.done === true) return;
      yield piece.value;
    }
  } finally {
    await rest.return?.();
  }
}
