import { blend, type Colour, hex, Ramp, ramp } from './colour.ts';
import { clamp01, smooth } from './noise.ts';
import { between, pick, type Scene, type View } from './scene.ts';

const LIGHTS = [
  ['#ffb347', '#ff7a59', '#ffd98a', '#f25c78'],
  ['#6ad0ff', '#8a7aff', '#d0f4ff', '#5affc8'],
  ['#ff6ac0', '#ffa86a', '#8a5aff', '#ffe0f0'],
  ['#a8e063', '#ffe36a', '#56ab2f', '#f8ffd0'],
] as const;

interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Colour;
  readonly strength: number;
}

/** City lights out of focus: translucent discs with brighter rims. */
export const bokeh: Scene = (view) => {
  const { random, noise, aspect } = view;
  const lights = pick(random, LIGHTS).map(hex);
  const dark = blend(hex('#0a0c14'), lights[0]!, 0.06);
  const discs: Disc[] = Array.from({ length: 36 + Math.floor(random.next() * 36) }, () => ({
    x: random.next() * aspect,
    y: clamp01(0.5 + (random.next() + random.next() - 1) * 0.9),
    radius: between(random, 0.025, 0.13),
    colour: pick(random, lights),
    strength: between(random, 0.12, 0.5),
  }));
  const columns = bucket(view, discs);
  const shift = random.next();
  return (ink, x, y, column) => {
    ink.set(dark);
    ink.glow(lights[1]!, 0.32 * noise.at(x * 0.15 + shift, y * 0.15) ** 2);
    ink.glow(lights[2]!, 0.2 * noise.at(y * 0.12, x * 0.12 + shift) ** 2 * y);
    for (const disc of columns[Math.floor((column / view.widthPx) * columns.length)]!) {
      const off = Math.hypot(x - disc.x, y - disc.y) / disc.radius;
      if (off >= 1) continue;
      ink.glow(disc.colour, disc.strength * smooth(1, 0.93, off) * (0.72 + 0.5 * off ** 6));
    }
  };
};

/** For each of 32 vertical strips the discs that reach into it. */
function bucket(view: View, discs: readonly Disc[]): Disc[][] {
  const strip = view.aspect / 32;
  return Array.from({ length: 32 }, (_, i) =>
    discs.filter((disc) => disc.x + disc.radius >= i * strip && disc.x - disc.radius <= (i + 1) * strip),
  );
}

const STONES = [
  ramp('#0f2027', '#2c5364', '#88b8b0', '#f4ead0', '#c8743c', '#5a2418'),
  ramp('#1a1033', '#4b2a6b', '#a65a9a', '#f3c6c6', '#fbeee6', '#8a4a7a'),
  ramp('#04293a', '#0b6b6b', '#4fbf9f', '#f0f5d0', '#e0a030', '#7a3b1a'),
  ramp('#2b1b17', '#7a4a2c', '#d9a866', '#fff0d8', '#b8c0c8', '#4a5a6a'),
  ramp('#0b132b', '#1c4e80', '#5fa8d3', '#edf6f9', '#ffddd2', '#e29578'),
];

/** Polished stone: noise bent by noise (Quilez, "Domain warping"), coloured in bands. */
export const agate: Scene = (view) => {
  const { random, noise } = view;
  const stone = pick(random, STONES);
  const zoom = between(random, 0.16, 0.36);
  const bands = between(random, 1.5, 5);
  const [ox, oy] = [random.next(), random.next()];
  const bend = between(random, 0.25, 0.6);
  return (ink, x, y) => {
    const u = x * zoom + ox;
    const v = y * zoom + oy;
    const q = noise.at(u, v);
    const r = noise.at(u + bend * q, v + bend * (1 - q));
    const value = noise.at(u + bend * r, v + bend * 0.6 * q);
    const band = value * bands;
    const saw = band - Math.floor(band);
    ink.set(stone.at(Math.floor(band) % 2 === 0 ? saw : 1 - saw));
    ink.scale(0.72 + 0.5 * r);
    ink.glow({ r: 1, g: 0.96, b: 0.9 }, 0.16 * smooth(0.9, 1, noise.ridge(u * 1.7 + q, v * 1.7 - r)));
  };
};

const PETALS = [
  ['#7a1030', '#e0406a', '#ffc0cc', '#f2c230'],
  ['#5a2a8a', '#a070d8', '#e8d8ff', '#ffd24a'],
  ['#c05a10', '#ffa030', '#ffe6a8', '#5a2a10'],
  ['#b8c4d8', '#f4f6fb', '#ffffff', '#f0b820'],
  ['#103a8a', '#4a80e0', '#c0dcff', '#fff0a0'],
] as const;

/** A flower in front of a blurred garden. */
export const blossom: Scene = (view) => {
  const { random, noise, aspect } = view;
  const [edge, body, tip, heart] = pick(random, PETALS).map(hex) as [Colour, Colour, Colour, Colour];
  const petal = new Ramp([
    [0, edge],
    [0.45, body],
    [1, tip],
  ]);
  const leaf = pick(random, ['#1f4a2a', '#2c5a3a', '#3f5a24', '#18403f'].map(hex));
  const bright = pick(random, ['#8fbf5a', '#c8d878', '#6ab08a', '#e0c890'].map(hex));
  const [cx, cy] = [between(random, 0.38, 0.62) * aspect, between(random, 0.42, 0.58)];
  const size = between(random, 0.36, 0.48);
  const count = 5 + Math.floor(random.next() * 9);
  const rows = 2 + Math.floor(random.next() * 3);
  const [turn, shift] = [random.next() * 6.28, random.next()];
  return (ink, x, y) => {
    ink.set(leaf);
    ink.scale(0.7);
    ink.mix(bright, smooth(0.4, 0.85, noise.at(x * 0.14 + shift, y * 0.14)) * 0.85);
    const dx = x - cx;
    const dy = (y - cy) * 1.06;
    const radius = Math.hypot(dx, dy) / size;
    if (radius > 1.15) return;
    const angle = Math.atan2(dy, dx) + turn;
    for (let row = 0; row < rows; row += 1) {
      const reach = 1 - row * (0.62 / rows);
      const wave = ((angle + (row * Math.PI) / count + noise.at(row * 0.3, angle * 0.05) * 0.2) * count) / 2;
      const across = Math.abs(Math.cos(wave));
      const length = reach * (0.42 + 0.58 * across ** 0.55);
      const inside = smooth(length, length - 0.02, radius);
      if (inside === 0) continue;
      const vein = noise.at(across * 0.5 + row * 0.2, radius * 0.12 + shift) - 0.5;
      const tone = clamp01((radius / length) * 0.9 + vein * 0.35);
      const shade =
        (0.5 + 0.5 * across ** 0.7) * (0.62 + 0.38 * smooth(0, 0.6, radius / length)) * (1 - row * 0.03);
      const colour = petal.at(tone);
      ink.mix({ r: colour.r * shade, g: colour.g * shade, b: colour.b * shade }, inside);
    }
    const core = 0.17 + 0.02 * noise.at(angle * 0.2, shift);
    const dots = noise.at(x * 3.1, y * 3.1);
    const round = 0.55 + 0.45 * Math.sqrt(clamp01(1 - (radius / core) ** 2));
    const inner = smooth(core, core - 0.02, radius);
    ink.mix({ r: heart.r * round, g: heart.g * round, b: heart.b * round }, inner);
    ink.scale(1 - inner * 0.5 * smooth(0.55, 0.35, dots));
  };
};
