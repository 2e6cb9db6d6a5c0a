import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ZstdFrames } from './zstd-frames.ts';

/** How a file is packed, by its first bytes. */
export type Packing = 'gzip' | 'zstd' | 'none';

/** How a file that begins with these bytes is packed (RFC 1952; RFC 8878, skippable frames included). Four bytes are enough. */
export function packingOf(head: Uint8Array): Packing {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const isFrame = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  const isSkippable = (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
  return isFrame || isSkippable ? 'zstd' : 'none';
}

/** Pieces that come out at a time. */
const PIECE_BYTES = 256 * 1024;
/** Packed bytes that are handed over at a time: what they hold is lost when they turn out to be damaged. */
const SLICE_BYTES = 16 * 1024;
/** Pieces that are ready and not taken yet: unpacking goes on beside reading. */
const READY_MAX = 4;

/**
 * Unpacks while it is read; members or frames that follow each other are one text. What was there before an end that came too early,
 * or before damage, is handed out. Memory: five pieces of 256 KiB, and the window of the packer (at most 8 MiB).
 *
 * @param onTrouble told once, in words, when it does not end as it should.
 */
export async function* unpacked(
  chunks: AsyncIterable<Uint8Array>,
  packing: Exclude<Packing, 'none'>,
  onTrouble: (why: string) => void,
): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: PIECE_BYTES };
  const stream = packing === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const frames = packing === 'zstd' ? new ZstdFrames() : undefined;
  const ready: Uint8Array[] = [];
  let isDone = false;
  let wake: (() => void) | undefined;
  const stir = (): void => {
    wake?.();
    wake = undefined;
  };
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  stream.on('data', (piece: Uint8Array) => {
    ready.push(piece);
    if (ready.length >= READY_MAX) stream.pause();
    stir();
  });
  const finish = (error?: Error): void => {
    if (isDone) return;
    isDone = true;
    if (error !== undefined) onTrouble(inWords(error));
    stir();
  };
  stream.on('end', () => finish(frames?.isWhole === false ? new Error('unexpected end') : undefined));
  stream.on('error', finish);
  stream.on('drain', stir);
  let failure: unknown;
  const pump = async (): Promise<void> => {
    for await (const chunk of chunks) {
      if (isDone) return;
      frames?.feed(chunk);
      for (let at = 0; at < chunk.length && !isDone; at += SLICE_BYTES) {
        const taken = stream.write(chunk.subarray(at, at + SLICE_BYTES));
        if (!taken) await new Promise<void>((resolve) => untilDrained(stream, resolve));
      }
    }
    stream.end();
  };
  const pumping = pump().catch((error: unknown) => {
    failure = error;
    isDone = true;
    stir();
  });
  try {
    for (;;) {
      const piece = ready.shift();
      if (piece !== undefined) {
        if (ready.length < READY_MAX) stream.resume();
        yield piece;
      } else if (isDone) break;
      else await changed();
    }
    await pumping;
    if (failure !== undefined) throw failure;
  } finally {
    isDone = true;
    stream.destroy();
  }
}

/** Until it takes more, or will never take any. */
function untilDrained(stream: ReturnType<typeof createGunzip>, resolve: () => void): void {
  const done = (): void => {
    for (const event of ['drain', 'error', 'close']) stream.off(event, done);
    resolve();
  };
  for (const event of ['drain', 'error', 'close']) stream.on(event, done);
}

function inWords(error: Error): string {
  return /unexpected end|Z_BUF_ERROR/i.test(`${error.message} ${(error as NodeJS.ErrnoException).code}`)
    ? 'it ends in the middle; what was there before is imported'
    : `it is damaged (${error.message}); what was there before is imported`;
}
