/** Randomness as a dependency: only `main.ts` builds an unseeded one. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An unsigned 32-bit integer. */
  u32(): number;
}

/**
 * A seeded generator (splitmix32): same seed, same sequence, on every machine. Not for secrets.
 *
 * @param seed any integer; its low 32 bits are used.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return { u32, next: () => u32() / 0x1_0000_0000 };
}
