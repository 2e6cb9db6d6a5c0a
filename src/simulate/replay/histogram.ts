/** Values below this are counted exactly. */
const EXACT = 128;
/** Steps to a power of two above that. */
const STEPS = EXACT / 2;

/**
 * Counts values by their size: whole numbers below 128 exactly, others in steps of a 64th (1.6 %), up to 2^53. Memory is what the
 * largest one needs, 30 KB at the most. Adding is O(1), a quantile O(steps).
 */
export class Histogram {
  #counts = new Float64Array(EXACT);
  #total = 0;

  /** Values counted. */
  get total(): number {
    return this.#total;
  }

  /** @param value at least 0; @param times how often, at least 0. */
  add(value: number, times = 1): void {
    const at = stepOf(value);
    if (at >= this.#counts.length) {
      const longer = new Float64Array(Math.max(at + 1, this.#counts.length * 2));
      longer.set(this.#counts);
      this.#counts = longer;
    }
    this.#counts[at]! += times;
    this.#total += times;
  }

  /** The least value that at least a share `q` (0 to 1) of all values do not exceed, rounded down to its step; undefined when empty. */
  quantile(q: number): number | undefined {
    if (this.#total === 0) return undefined;
    const wanted = this.#total * q;
    let passed = 0;
    let last = 0;
    for (let at = 0; at < this.#counts.length; at += 1) {
      if (this.#counts[at] === 0) continue;
      passed += this.#counts[at]!;
      last = at;
      if (passed >= wanted) break;
    }
    return leastOf(last);
  }
}

function stepOf(value: number): number {
  if (value < EXACT) return value | 0;
  if (value < 2 ** 31) {
    const whole = value | 0;
    const power = 31 - Math.clz32(whole);
    return EXACT + (power - 7) * STEPS + (whole >> (power - 6)) - STEPS;
  }
  const power = Math.floor(Math.log2(value));
  const step = Math.floor(value / 2 ** (power - 6)) - STEPS;
  return EXACT + (power - 7) * STEPS + Math.min(STEPS - 1, Math.max(0, step));
}

function leastOf(step: number): number {
  if (step < EXACT) return step;
  const power = 7 + Math.floor((step - EXACT) / STEPS);
  return (STEPS + ((step - EXACT) % STEPS)) * 2 ** (power - 6);
}
