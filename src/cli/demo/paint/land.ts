import { blend, hex, type Ink } from './colour.ts';
import { cellNoise, clamp01, smooth } from './noise.ts';
import { between, coverage, outline, type Painter, pick, type Scene, type View } from './scene.ts';
import { MOODS, type Mood, overWater, sky } from './sky.ts';

/** One range of hills: its outline and what colours the point `depth` below it. */
interface Layer {
  readonly top: Float32Array;
  readonly paint: (ink: Ink, x: number, y: number, depth: number) => void;
}

/** Lays ranges over a background, the farthest first in the list. */
function layered(view: View, background: Painter, layers: readonly Layer[]): Painter {
  return (ink, x, y, column) => {
    let first = layers.length - 1;
    while (first >= 0 && coverage(view, layers[first]!.top[column]!, y) < 1) first -= 1;
    if (first < 0) background(ink, x, y, column);
    const [r, g, b] = [ink.r, ink.g, ink.b];
    for (let i = Math.max(0, first); i < layers.length; i += 1) {
      const layer = layers[i]!;
      const share = coverage(view, layer.top[column]!, y);
      if (share === 0) continue;
      const [r0, g0, b0] = i === first ? [r, g, b] : [ink.r, ink.g, ink.b];
      layer.paint(ink, x, y, y - layer.top[column]!);
      ink.r = r0 + (ink.r - r0) * share;
      ink.g = g0 + (ink.g - g0) * share;
      ink.b = b0 + (ink.b - b0) * share;
    }
  };
}

const MEADOWS = ['#5d8a34', '#8a9a3c', '#b8983a', '#3f7a4a', '#7a5a86', '#a8683a'].map(hex);

function rollingHills(view: View, mood: Mood, horizonY: number, count: number): Layer[] {
  const { random, noise } = view;
  const meadow = pick(random, MEADOWS);
  const layers: Layer[] = [];
  for (let i = 0; i < count; i += 1) {
    const near = (i + 1) / count;
    const base = horizonY - 0.03 + (1.02 - horizonY) * near ** 1.3 * 0.86;
    const amplitude = between(random, 0.24, 0.46) * (0.55 + near * 0.5);
    const frequency = between(random, 0.2, 0.42) / (0.5 + near * 0.7);
    const [row, shift] = [random.next(), random.next()];
    const green = mood.night ? mood.land : blend(mood.land, meadow, 0.45 * near);
    const colour = blend(blend(mood.horizon, mood.middle, 0.45), green, 0.3 + 0.7 * near);
    const haze = blend(mood.horizon, mood.middle, 0.3);
    layers.push({
      top: outline(view, (x) => base + amplitude * (0.5 - noise.at(x * frequency + shift, row))),
      paint: (ink, x, y, depth) => {
        const grass = noise.fine(x * (0.9 + near) + shift, y * 2.4 + row);
        ink.set(colour);
        ink.scale(0.72 + grass * 0.56);
        ink.mix(haze, smooth(0, 0.34, depth) * (1 - near) * 0.6);
        ink.mix(mood.sun, smooth(0.05, 0, depth) * 0.16 * (1 - near * 0.6));
      },
    });
  }
  return layers;
}

/** Ranges of hills that fade into the distance. */
export const hills: Scene = (view) => {
  const horizonY = between(view.random, 0.36, 0.58);
  const above = sky(view, horizonY + 0.06);
  return layered(
    view,
    above.paint,
    rollingHills(view, above.mood, horizonY, 3 + Math.floor(view.random.next() * 4)),
  );
};

/** Hills mirrored in a lake. */
export const lake: Scene = (view) => {
  const waterY = between(view.random, 0.52, 0.68);
  const above = sky(view, waterY);
  const far = rollingHills(view, above.mood, waterY - 0.16, 3).map((layer, i) => ({
    ...layer,
    top: layer.top.map((y) => Math.min(y - 0.03 - 0.1 * i, waterY - 0.004)),
  }));
  return overWater(view, waterY, above.mood, layered(view, above.paint, far));
};

/** Snow-covered mountains with lit and shaded faces. */
export const alps: Scene = (view) => {
  const { random, noise } = view;
  const horizonY = between(random, 0.6, 0.74);
  const above = sky(view, horizonY);
  const { mood } = above;
  const layers: Layer[] = [];
  const side = above.sunX < view.aspect / 2 ? -1 : 1;
  const snow = blend(hex('#f6f8fc'), mood.night ? mood.middle : mood.sun, mood.night ? 0.5 : 0.25);
  for (let i = 0; i < 3; i += 1) {
    const near = (i + 1) / 3;
    const base = horizonY - 0.1 + near * 0.2;
    const [row, shift] = [random.next(), random.next()];
    const frequency = between(random, 0.18, 0.3);
    const height = between(random, 0.36, 0.56) * (1.15 - near * 0.45);
    const rock = blend(mood.horizon, blend(mood.land, mood.cloudDark, 0.25), 0.35 + near * 0.55);
    const shade = blend(rock, mood.zenith, 0.35);
    const crest = (x: number): number =>
      noise.ridge(x * frequency + shift, row) ** 1.6 * 0.8 +
      noise.ridge(x * frequency * 3.1, row + 0.4) * 0.24;
    layers.push({
      top: outline(view, (x) => base + 0.05 - height * crest(x)),
      paint: (ink, x, y, depth) => {
        const u = x * 0.5 + shift;
        const v = y * 0.42 + row + depth * 0.1;
        const slope = (noise.at(u + 0.014 * side, v) - noise.at(u, v + 0.012)) * 4.2 + 0.5;
        const lit = smooth(0.25, 0.75, slope);
        ink.set(shade);
        ink.mix(rock, lit);
        const line = (0.32 - near * 0.12) * (0.15 + noise.fine(u * 2.3, v * 2.3) * 1.3);
        const white = smooth(line + 0.03, line - 0.03, depth) * (0.4 + 0.6 * smooth(0.1, 0.4, slope));
        ink.mix(snow, white * (0.45 + 0.55 * lit));
        ink.mix(mood.horizon, smooth(0.1, 0.5, depth) * (0.75 - near * 0.45));
      },
    });
  }
  const mountains = layered(view, above.paint, layers);
  return random.next() < 0.5 ? mountains : overWater(view, horizonY + 0.08, mood, mountains);
};

/** Dunes: soft crests, one side in the light and one in the shade, wind ripples near the eye. */
export const dunes: Scene = (view) => {
  const { random, noise } = view;
  const horizonY = between(random, 0.34, 0.5);
  const above = sky(view, horizonY + 0.05, pick(random, [MOODS[0], MOODS[1], MOODS[3], MOODS[9], MOODS[7]]));
  const { mood } = above;
  const sand = blend(
    pick(random, ['#e8b878', '#d99a62', '#efd3a2', '#c98058'].map(hex)),
    mood.land,
    mood.night ? 0.75 : 0.12,
  );
  const shadow = blend(sand, mood.zenith, 0.58);
  const layers: Layer[] = [];
  for (let i = 0; i < 5; i += 1) {
    const near = (i + 1) / 5;
    const base = horizonY + (1 - horizonY) * near ** 1.4 * 0.85;
    const wave = between(random, 1.6, 3.4) / (0.35 + near);
    const phase = random.next() * 6.28;
    const amplitude = between(random, 0.05, 0.1) * (0.4 + near);
    const row = random.next();
    const crest = (x: number): number =>
      Math.abs(Math.sin(x * wave + phase + noise.at(x * 0.12, row) * 5)) ** 0.8 * 1.3 +
      noise.at(x * 0.06, row) -
      1;
    layers.push({
      top: outline(view, (x) => base - amplitude * crest(x)),
      paint: (ink, x, y, depth) => {
        // the sharp edge between light and shade wanders down from the crest
        const lean = crest(x + depth * 0.55 + 0.015) - crest(x + depth * 0.55 - 0.015);
        const lit = smooth(-0.035, 0.02, above.sunX > view.aspect / 2 ? -lean : lean);
        ink.set(shadow);
        ink.mix(sand, 0.25 + 0.75 * Math.max(lit, smooth(0.06, 0.26, depth) * 0.8));
        const warp = noise.at(x * 0.5, y * 1.5) * 26;
        const ripple = Math.sin((y * 210) / (0.4 + near) + x * 16 + warp) * 0.5;
        ink.scale(1 + ripple * 0.09 * near + (noise.fine(x * 3, y * 6) - 0.5) * 0.1);
        ink.mix(mood.horizon, (1 - near) * 0.55);
      },
    });
  }
  return layered(view, above.paint, layers);
};

/** Rows of conifers in mist. */
export const forest: Scene = (view) => {
  const { random, noise } = view;
  const above = sky(view, 0.75, pick(random, [MOODS[2], MOODS[4], MOODS[8], MOODS[1], MOODS[6], MOODS[5]]));
  const { mood } = above;
  const rows = 4 + Math.floor(random.next() * 3);
  const layers: Layer[] = [];
  for (let i = 0; i < rows; i += 1) {
    const near = (i + 1) / rows;
    const base = 0.42 + near ** 1.25 * 0.62;
    const [row, shift] = [random.next(), random.next()];
    const width = (0.016 + 0.06 * near ** 1.5) * between(random, 0.8, 1.2);
    const needles = blend(mood.horizon, mood.land, 0.12 + 0.88 * near ** 1.2);
    const salt = 10 + i;
    const tree = (x: number, cell: number): number => {
      const centre = (cell + 0.5 + 0.5 * (cellNoise(cell, 0, salt) - 0.5)) * width;
      const height = width * (0.8 + 3.4 * cellNoise(cell, 1, salt));
      const off = Math.abs(x - centre) / (width * 0.62);
      const fringe = 0.09 * cellNoise(Math.floor(x / (width * 0.06)), 2, salt);
      return off >= 1 ? 0 : height * (1 - off ** 0.75 - fringe * off);
    };
    layers.push({
      top: outline(view, (x) => {
        const cell = Math.floor(x / width);
        const canopy = Math.max(0, tree(x, cell - 1), tree(x, cell), tree(x, cell + 1));
        return base - 0.34 * noise.at(x * 0.24 + shift, row) - canopy;
      }),
      paint: (ink, x, y, depth) => {
        ink.set(needles);
        ink.scale(0.8 + 0.4 * noise.fine(x * 4 + shift, y * 4 + row));
        const fog = noise.at(x * 0.25 + shift, y * 0.6 + row);
        ink.mix(mood.horizon, clamp01(smooth(0.04, 0.4, depth) * (0.55 + fog * 0.7) * (1.1 - near * 0.75)));
      },
    });
  }
  return layered(view, above.paint, layers);
};
