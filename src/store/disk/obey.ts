import type { DiskFacts } from './disk.ts';
import type { DiskPurges } from './disk-purges.ts';

/** Where a record lies, as one number that grows along the log. */
export function placeAt(segment: number, offset: number): number {
  return segment * 2 ** 32 + offset;
}

/**
 * What was read, if no purge speaks against it. A soft one makes it stale: validated before it is used, while what the response
 * allows when the origin fails stays allowed.
 *
 * @param place of the record, see {@link placeAt}.
 * @returns undefined for what a hard purge took.
 */
export function obeying<T extends { readonly head: string; facts: DiskFacts }>(
  purges: DiskPurges,
  key: Uint8Array,
  place: number,
  read: T,
  nowS: number,
): T | undefined {
  const rule = purges.find(Buffer.from(key).toString('latin1'), read.head, place);
  if (rule === undefined) return read;
  if (!rule.soft) return undefined;
  const { facts } = read;
  read.facts = {
    ...facts,
    freshUntilS: Math.min(facts.freshUntilS, nowS),
    revalidateUntilS: Math.min(facts.revalidateUntilS, nowS),
  };
  return read;
}
