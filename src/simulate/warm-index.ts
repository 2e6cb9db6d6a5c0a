import type { WarmEntry, WarmIndex } from './plan.ts';

/** A live index as text: a line that says when it was taken and what the columns are, then a JSON array for each response. */

const COLUMNS = [
  'keyLo',
  'keyHi',
  'route',
  'status',
  'recordBytes',
  'bodyBytes',
  'bornS',
  'freshUntilS',
  'revalidateUntilS',
  'errorUntilS',
  'storedS',
  'flags',
  'tier',
] as const satisfies readonly (keyof WarmEntry)[];

/** The first line, with its line feed. */
export function warmHead(takenAtMs: number): string {
  return `${JSON.stringify({ holdfast: 'index', takenAtMs, columns: COLUMNS })}\n`;
}

/** The line of one response, with its line feed. */
export function warmLine(entry: WarmEntry): string {
  return `${JSON.stringify(COLUMNS.map((name) => entry[name]))}\n`;
}

/**
 * Reads what those wrote, in the order in which it was written.
 *
 * @param name of the file, for the message.
 * @throws Error that says which line is none.
 */
export function readWarmIndex(text: string, name: string): WarmIndex {
  const lines = text.split('\n').filter((line) => line !== '');
  const [head, ...rest] = lines.map((line, index) => parsed(line, name, index + 1));
  const { holdfast, takenAtMs, columns } = (head ?? {}) as Record<string, unknown>;
  if (holdfast !== 'index' || !isNumber(takenAtMs) || JSON.stringify(columns) !== JSON.stringify(COLUMNS))
    throw new Error(`${name} is not the index of a node of this version: see GET /api/traffic/index`);
  return { takenAtMs, entries: rest.map((row, index) => entryOf(row, name, index + 2)) };
}

function parsed(line: string, name: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`${name}: line ${number} is damaged, or the file was cut short`);
  }
}

function entryOf(row: unknown, name: string, number: number): WarmEntry {
  const values: readonly unknown[] = Array.isArray(row) ? row : [];
  const [, , route] = values;
  const tier = values[COLUMNS.length - 1];
  const numbers = values.filter((_, index) => index !== 2 && index !== COLUMNS.length - 1);
  const isOne =
    values.length === COLUMNS.length &&
    numbers.every(isNumber) &&
    typeof route === 'string' &&
    (tier === 'memory' || tier === 'disk');
  if (!isOne) throw new Error(`${name}: line ${number} is no response of an index`);
  return Object.fromEntries(COLUMNS.map((column, index) => [column, values[index]])) as unknown as WarmEntry;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
