/** The images of the benchmarks' origin: their paths and lengths, known to the origin and to whoever checks it. */

/** A path whose body has exactly that length; each number has a different body. */
export function sizedPrefix(bytes: number): string {
  return `/s/${bytes}/`;
}

/** A path whose body has a length from `least` to `most`, depending on the number: uniform over many numbers. */
export function rangedPrefix(least: number, most: number): string {
  return `/r/${least}-${most}/`;
}

/** Length of the body of a number under {@link rangedPrefix}. */
export function rangedBytes(least: number, most: number, number: number): number {
  return least + ((Math.imul(number, 0x9e3779b1) >>> 0) % (most - least + 1));
}

const SHAPE = /\/([sr])\/(\d+)(?:-(\d+))?\/(\d+)$/;

/** What a path asks for; undefined when it is none of these. Anything may stand before them. */
export function imageOf(path: string): { readonly number: number; readonly bytes: number } | undefined {
  const found = SHAPE.exec(path);
  if (found === null) return undefined;
  const [least, most, number] = [Number(found[2]), Number(found[3]), Number(found[4])];
  return { number, bytes: found[1] === 's' ? least : rangedBytes(least, most, number) };
}
