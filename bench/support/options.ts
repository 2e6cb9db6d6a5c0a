import { Unusable } from './workbench.ts';

/** Reads a whole number of at least 1 from an option. @throws Unusable that names the option. */
export function positiveInteger(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Unusable(`--${name} takes a whole number from 1 to 999999999, not "${text}"`);
}

/** Reads `a,b` as some of the known words. @throws Unusable that names the word. */
export function someOf<W extends string>(name: string, known: readonly W[], text: string): W[] {
  return text.split(',').map((given) => {
    const word = known.find((candidate) => candidate === given);
    if (word === undefined)
      throw new Unusable(`--${name} takes some of ${known.join(',')}; "${given}" is none of them`);
    return word;
  });
}
