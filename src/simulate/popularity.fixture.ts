import { type Random, seededRandom } from '../base/random.ts';

/** What is asked for how often, and how large it is, in made traffic. */

/** Draws ranks from 0 on by a power law (Zipf's, at an exponent near 1), one number of the dice each. O(log ranks). */
export function powerLaw(ranks: number, exponent: number): (random: Random) => number {
  const cumulative = new Float64Array(ranks);
  let sum = 0;
  for (let rank = 0; rank < ranks; rank += 1) {
    sum += 1 / (rank + 1) ** exponent;
    cumulative[rank] = sum;
  }
  return (random) => {
    const dice = random.next() * sum;
    let low = 0;
    let high = ranks - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! < dice) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The size of an image: log-normal, median 24 KB, over four orders of magnitude; the same for the same seed. */
export function imageBytes(seed: number): number {
  const random = seededRandom(seed);
  const bell = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Math.max(200, Math.round(24_000 * Math.exp(1.2 * bell)));
}
