import type { Clock, Timer } from '../base/clock.ts';
import type { TransformFailure } from '../image/failures.ts';

/** How long, and for how long, may be waited. */
export interface LineOptions {
  readonly max: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** What is waited for, for the sentence of a refusal: `for a turn`. */
  readonly what: string;
}

/** Those who wait, first come first served, and those that no client waits for behind all others. */
export interface Line<T> {
  /**
   * Takes a place. `refused` is called, never before this returns, when the line is full or the time is over. In a full line one that no
   * client waits for makes room for one that a client does.
   */
  join(item: T, background: boolean, refused: (failure: TransformFailure) => void): void;
  /** The next one, who stays. @param background whether those that no client waits for count too. */
  first(background: boolean): T | undefined;
  /** Leaves the line. False for one that is not in it. */
  leave(item: T): boolean;
  /** Refuses everybody. */
  clear(failure: TransformFailure): void;
  readonly length: number;
}

interface Place {
  readonly refused: (failure: TransformFailure) => void;
  readonly timer: Timer;
}

/** An empty line. Items are told apart by identity. */
export function createLine<T extends object>({ max, timeoutMs, clock, what }: LineOptions): Line<T> {
  const served = new Map<T, Place>();
  const yielding = new Map<T, Place>();

  const leave = (item: T): Place | undefined => {
    const place = served.get(item) ?? yielding.get(item);
    clock.cancel(place?.timer);
    if (!served.delete(item)) yielding.delete(item);
    return place;
  };
  const length = (): number => served.size + yielding.size;
  const full = (): TransformFailure => ({
    cause: 'queue-full',
    detail: `${length()} were waiting ${what}; no more than ${max} may.`,
  });
  const late: TransformFailure = {
    cause: 'queue-timeout',
    detail: `It waited ${timeoutMs} ms ${what}, which is as long as it may.`,
  };
  return {
    join(item, background, refused) {
      if (length() >= max) {
        const last = background ? undefined : [...yielding.keys()].at(-1);
        const failure = full();
        const place = last === undefined ? undefined : leave(last);
        queueMicrotask(() => (place?.refused ?? refused)(failure));
        if (place === undefined) return;
      }
      const timer = clock.after(timeoutMs, () => leave(item)?.refused(late));
      (background ? yielding : served).set(item, { refused, timer });
    },
    first(background) {
      const [item] = served.size > 0 || !background ? served.keys() : yielding.keys();
      return item;
    },
    leave: (item) => leave(item) !== undefined,
    clear(failure) {
      for (const item of [...served.keys(), ...yielding.keys()]) leave(item)?.refused(failure);
    },
    get length() {
      return length();
    },
  };
}
