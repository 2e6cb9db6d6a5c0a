import { ORACLE_ROW_BYTES } from '../export.ts';
import { clearLine, emptyLine, point } from './line.ts';
import type { LineSink, PieceReader } from './reader.ts';

/** Traces in the format oracleGeneral of libCacheSim (Yang et al.): rows as `oracleRows` (export.ts) writes them. Ids are hashed like paths, and have no routes. */
export class OracleReader implements PieceReader {
  readonly #sink: LineSink;
  readonly #line = emptyLine();
  #held = new Uint8Array(0);
  #rows = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  feed(piece: Uint8Array): void {
    let bytes = piece;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + piece.length);
      bytes.set(this.#held);
      bytes.set(piece, this.#held.length);
    }
    const whole = bytes.length - (bytes.length % ORACLE_ROW_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const line = this.#line;
    clearLine(line);
    line.named = true;
    line.whole = true;
    for (let at = 0; at < whole; at += ORACLE_ROW_BYTES) {
      this.#rows += 1;
      line.timeMs = view.getUint32(at, true) * 1000;
      line.sizeBytes = view.getUint32(at + 12, true);
      point(line.target, bytes, at + 4, at + 12);
      this.#sink.counted();
      this.#sink.take(line, this.#rows, bytes, 0, 0);
    }
    this.#held = bytes.slice(whole);
  }

  end(): void {
    if (this.#held.length === 0) return;
    this.#sink.counted();
    this.#sink.unreadable('cut', this.#rows + 1, this.#held, 0, 0);
    this.#held = new Uint8Array(0);
  }
}

/** Rows that are looked at to know the format, which has no mark of its own. */
const LOOKED_AT = 1000;

/** Whether bytes could be the beginning of such a trace: times that rise, sizes and next positions that make sense. */
export function looksLikeOracle(head: Uint8Array): boolean {
  const rows = Math.min(LOOKED_AT, Math.floor(head.length / ORACLE_ROW_BYTES));
  if (rows === 0) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let lastS = 0;
  for (let row = 0; row < rows; row += 1) {
    const at = row * ORACLE_ROW_BYTES;
    const timeS = view.getUint32(at, true);
    const nextHigh = view.getInt32(at + 20, true);
    const nextLow = view.getUint32(at + 16, true);
    const isNever = nextHigh === -1 || nextHigh === 0x7fff_ffff;
    const isLater = nextHigh >= 0 && nextHigh < 0x1_0000 && nextHigh * 2 ** 32 + nextLow > row;
    if (timeS < lastS || !(isNever || isLater)) return false;
    if (view.getUint32(at + 12, true) > 0x7fff_ffff) return false;
    lastS = timeS;
  }
  return true;
}
