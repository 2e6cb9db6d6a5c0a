import type { Refusal } from './table.ts';

/** Names of origins and routes: they are labels of metrics and words in logs. */
export const NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
/** The same in words. */
export const NAME_EXPECTS = 'a name of at most 63 lower-case letters, digits and -';

/** Reads a name; refuses anything else. */
export function readName(input: string): string | Refusal {
  if (new RegExp(NAME_PATTERN).test(input)) return input;
  return { reason: 'this is not a name', remedy: `use ${NAME_EXPECTS}` };
}
