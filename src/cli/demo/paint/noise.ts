import type { Random } from '../../../base/random.ts';

const SIZE = 512;
const MASK = SIZE - 1;
const BASE_CELLS = 4;
const OCTAVES = 7;

/**
 * A tile of fractal value noise (Perlin, "Improving Noise", 2002; the fade curve is his), computed once and then
 * only looked up: a painter asks for a cloud's density millions of times. The tile repeats every unit.
 */
export class NoiseTile {
  private readonly cells = new Float32Array(SIZE * SIZE);

  /** About 20 ms. The same random sequence gives the same tile. */
  constructor(random: Random) {
    let weight = 1;
    for (let octave = 0; octave < OCTAVES; octave += 1) {
      this.addOctave(random, BASE_CELLS << octave, weight);
      weight *= 0.52;
    }
    this.stretch();
  }

  /** Noise at a point, 0 to 1 with most values between 0.2 and 0.8; features are about a quarter of a unit wide. */
  at(x: number, y: number): number {
    const fx = x * SIZE;
    const fy = y * SIZE;
    const ix = Math.floor(fx);
    const iy = Math.floor(fy);
    const tx = fx - ix;
    const ty = fy - iy;
    const row = (iy & MASK) * SIZE;
    const next = ((iy + 1) & MASK) * SIZE;
    const left = ix & MASK;
    const right = (ix + 1) & MASK;
    const { cells } = this;
    const top = cells[row + left]! + (cells[row + right]! - cells[row + left]!) * tx;
    const bottom = cells[next + left]! + (cells[next + right]! - cells[next + left]!) * tx;
    return top + (bottom - top) * ty;
  }

  /** {@link at} with finer detail on top, for surfaces that are seen from near. */
  fine(x: number, y: number): number {
    return this.at(x, y) * 0.8 + this.at(x * 6.7 + 0.31, y * 6.7 + 0.73) * 0.2;
  }

  /** Sharp crests between valleys, 0 to 1: mountains, veins, lightning. */
  ridge(x: number, y: number): number {
    return 1 - Math.abs(this.at(x, y) * 2 - 1);
  }

  private addOctave(random: Random, cells: number, weight: number): void {
    const lattice = new Float32Array(cells * cells);
    for (let i = 0; i < lattice.length; i += 1) lattice[i] = random.next();
    const step = cells / SIZE;
    for (let y = 0; y < SIZE; y += 1) {
      const cy = Math.floor(y * step);
      const ty = fade(y * step - cy);
      const row = cy * cells;
      const next = ((cy + 1) % cells) * cells;
      for (let x = 0; x < SIZE; x += 1) {
        const cx = Math.floor(x * step);
        const tx = fade(x * step - cx);
        const right = (cx + 1) % cells;
        const top = lattice[row + cx]! + (lattice[row + right]! - lattice[row + cx]!) * tx;
        const bottom = lattice[next + cx]! + (lattice[next + right]! - lattice[next + cx]!) * tx;
        this.cells[y * SIZE + x]! += weight * (top + (bottom - top) * ty);
      }
    }
  }

  private stretch(): void {
    const { cells } = this;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const value of cells) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    for (let i = 0; i < cells.length; i += 1) cells[i] = (cells[i]! - low) / (high - low);
  }
}

function fade(t: number): number {
  return t * t * t * (t * (t * 6 - 15) + 10);
}

/** A pseudo-random number in [0, 1) that belongs to a lattice cell: stars, windows, grains of sand. */
export function cellNoise(x: number, y: number, salt: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(salt, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 13), 0x297a2d39);
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000;
}

/** The nearest number within 0 to 1. */
export function clamp01(value: number): number {
  return value < 0 ? 0 : Math.min(value, 1);
}

/** 0 below `from`, 1 above `to`, smooth between; `from` may be the larger one. */
export function smooth(from: number, to: number, value: number): number {
  const t = clamp01((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}
