/**
 * The number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other
 * (optimal string alignment, the restricted Damerau-Levenshtein distance). O(|a| |b|).
 */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(above[j]! + 1, row[j - 1]! + 1, replace);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}

/**
 * The known word that was probably meant: the nearest one, if it is near enough to be a slip rather than another word.
 * Case and separators do not count: `max_object` and `maxobject` mean `maxObject`.
 */
export function suggest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const bare = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '');
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const [a, b] = [bare(word), bare(candidate)];
    // "warning" for "warn", "host" for "hosts": more or less of the same word.
    const isPart = Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a));
    const distance = isPart ? Math.min(1, editDistance(a, b)) : editDistance(a, b);
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return least <= Math.max(1, Math.floor(word.length / 3)) ? nearest : undefined;
}
