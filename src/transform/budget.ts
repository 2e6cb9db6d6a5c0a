import type { TransformFailure } from '../image/failures.ts';
import { createLine, type LineOptions } from './line.ts';

/** A number of bytes that is shared out in the order of asking. */
export interface Budget {
  /** As `Transformer.reserve` of `transform.ts`. `ready` is never called before this returns. */
  reserve(
    bytes: number,
    background: boolean,
    ready: () => void,
    refused: (failure: TransformFailure) => void,
  ): () => void;
  /** Refuses those who wait. What is held stays so until it is given back. */
  clear(failure: TransformFailure): void;
  readonly heldBytes: number;
  readonly waiting: number;
}

interface Share {
  readonly bytes: number;
  readonly ready: () => void;
}

/**
 * @param sizeBytes what may be held at a time. More than that in one piece is given out alone. Nobody overtakes: one for whom there is no
 *   room yet holds up all behind, or the large would wait for ever.
 */
export function createBudget(sizeBytes: number, options: Omit<LineOptions, 'what'>): Budget {
  const line = createLine<Share>({ ...options, what: 'for room for the original' });
  const held = new Set<Share>();
  let heldBytes = 0;

  const fits = (bytes: number): boolean => held.size === 0 || heldBytes + bytes <= sizeBytes;
  const give = (share: Share): void => {
    held.add(share);
    heldBytes += share.bytes;
    // It may be given back in between.
    queueMicrotask(() => held.has(share) && share.ready());
  };
  const shareOut = (): void => {
    for (let next = line.first(true); next !== undefined && fits(next.bytes); next = line.first(true)) {
      line.leave(next);
      give(next);
    }
  };
  return {
    reserve(bytes, background, ready, refused) {
      const mine: Share = { bytes, ready };
      if (line.length === 0 && fits(bytes)) give(mine);
      else line.join(mine, background, refused);
      return () => {
        if (held.delete(mine)) heldBytes -= bytes;
        else line.leave(mine);
        shareOut();
      };
    },
    clear: (failure) => line.clear(failure),
    get heldBytes() {
      return heldBytes;
    },
    get waiting() {
      return line.length;
    },
  };
}
