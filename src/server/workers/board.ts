import { newServerStats, type ServerStats } from '../limits.ts';

/**
 * What a worker shows of itself in shared memory, and the connections of all of them. Each word has one writer, so that
 * the death of a thread leaves nothing half done.
 */
export interface Board {
  /** Open connections, by the position of the thread; the owner's is 0. */
  readonly connections: Int32Array<SharedArrayBuffer>;
  /** {@link BoardWord}s, then the worker's transport counters. */
  readonly words: Float64Array<SharedArrayBuffer>;
}

/** The first words of {@link Board.words}. */
export const BoardWord = {
  /** Counts up while the worker's event loop turns. */
  BEAT: 0,
  LOG_LINES: 1,
  LOG_DROPPED: 2,
} as const;
const STATS_AT = 3;

/** The board of one worker. */
export function newBoard(connections: Int32Array<SharedArrayBuffer>): Board {
  const length = STATS_AT + numbersOf(newServerStats()).length;
  return { connections, words: new Float64Array(new SharedArrayBuffer(length * 8)) };
}

/** Connections of all threads but one. */
export function othersOf(connections: Int32Array, index: number): number {
  let sum = 0;
  for (let i = 0; i < connections.length; i += 1) if (i !== index) sum += connections[i]!;
  return sum;
}

/** Shows a worker's transport counters. */
export function showStats(board: Board, stats: ServerStats): void {
  board.words.set(numbersOf(stats), STATS_AT);
}

/** The sum of transport counters: those that boards show, and others. */
export function boardStats(boards: readonly Board[], ...others: readonly ServerStats[]): ServerStats {
  const shown = boards.map(({ words }) => words.subarray(STATS_AT));
  const rows = [...shown, ...others.map(numbersOf)];
  let next = 0;
  return mapNumbers(newServerStats(), () => {
    const sum = rows.reduce((total, row) => total + row[next]!, 0);
    next += 1;
    return sum;
  });
}

/** Every number of an object and of the objects in it, in the order of their making, which is that of `newServerStats`. */
function numbersOf(stats: ServerStats): number[] {
  const numbers: number[] = [];
  mapNumbers(stats, (value) => {
    numbers.push(value);
    return value;
  });
  return numbers;
}

function mapNumbers<T extends object>(object: T, map: (value: number) => number): T {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key,
      typeof value === 'number' ? map(value) : mapNumbers(value as object, map),
    ]),
  ) as T;
}
