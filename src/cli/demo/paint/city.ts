import { blend, hex } from './colour.ts';
import { cellNoise, smooth } from './noise.ts';
import { between, coverage, type Painter, pick, type Scene } from './scene.ts';
import { MOODS, overWater, sky } from './sky.ts';

const LAMPS = ['#ffd98a', '#ffe9b8', '#ffc266', '#cfe4ff'].map(hex);

/** Rows of towers against the evening sky, windows lit, mirrored in the river. */
export const skyline: Scene = (view) => {
  const { random, noise } = view;
  const waterY = between(random, 0.68, 0.8);
  const above = sky(view, waterY, pick(random, [MOODS[1], MOODS[3], MOODS[6], MOODS[7], MOODS[2]]));
  const { mood } = above;
  const rows = [0, 1, 2].map((i) => ({
    width: between(random, 0.07, 0.12) * (0.7 + i * 0.25),
    tallest: between(random, 0.4, 0.56) - i * 0.12,
    colour: blend(mood.horizon, mood.land, 0.45 + i * 0.26),
    salt: Math.floor(random.next() * 1000) + i,
    lit: between(random, 0.25, 0.6),
  }));
  const towers: Painter = (ink, x, y, column) => {
    above.paint(ink, x, y, column);
    for (const row of rows) {
      const cell = Math.floor(x / row.width);
      const inside = x / row.width - cell;
      const height = row.tallest * (0.3 + 0.7 * cellNoise(cell, 1, row.salt) ** 1.5);
      const step = cellNoise(cell, 2, row.salt) < 0.4 && Math.abs(inside - 0.5) > 0.28 ? height * 0.14 : 0;
      const mast = Math.abs(inside - 0.5) < 0.014 && cellNoise(cell, 3, row.salt) < 0.3 ? 0.08 : 0;
      const top = waterY - height + step - mast;
      const share = coverage(view, top, y);
      if (share === 0 || inside > 0.985 - 0.12 * cellNoise(cell, 4, row.salt)) continue;
      ink.mix(row.colour, share);
      ink.scale(1 - 0.22 * share * (inside < 0.5 === above.sunX > x ? 1 : 0));
      const size = row.width / (9 + Math.floor(5 * cellNoise(cell, 5, row.salt)));
      const wx = (inside * row.width) / size;
      const wy = (y - top - mast) / (size * 1.5);
      if (wy < 1 || share < 1) continue;
      const lit = cellNoise(Math.floor(wx) + cell * 31, Math.floor(wy), row.salt) < row.lit;
      const pane =
        smooth(0.2, 0.3, wx % 1) *
        smooth(0.85, 0.75, wx % 1) *
        smooth(0.25, 0.35, wy % 1) *
        smooth(0.9, 0.8, wy % 1);
      if (!lit) ink.mix(mood.middle, pane * 0.14);
      else ink.mix(LAMPS[Math.floor(cellNoise(Math.floor(wx), Math.floor(wy), cell) * 4)]!, pane * 0.85);
    }
    ink.mix(mood.horizon, smooth(waterY - 0.16, waterY, y) * 0.3 * noise.at(x * 0.3, 0.3));
  };
  return overWater(view, waterY, mood, towers);
};
