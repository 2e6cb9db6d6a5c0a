import { blend, hex, ramp } from './colour.ts';
import { clamp01, smooth } from './noise.ts';
import { between, coverage, outline, pick, type Scene } from './scene.ts';
import { paintStars } from './sky.ts';

/** The night sky above a dark ridge: the Milky Way, or an aurora. */
export const starlight: Scene = (view) => {
  const { random, noise } = view;
  const zenith = pick(random, ['#060a1c', '#0a0820', '#04121c'].map(hex));
  const low = pick(random, ['#2a3f68', '#3a2c5c', '#1c4a56', '#5c3f4a'].map(hex));
  const aurora = random.next() < 0.5;
  const angle = between(random, -0.9, 0.9);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const centre = between(random, 0.3, 0.7) * view.aspect;
  const [shift, row] = [random.next(), random.next()];
  const dust = pick(random, ['#e8c8b0', '#c8d0f0', '#f0b8c8'].map(hex));
  const curtain = pick(random, [
    ramp('#1ccf7f', '#37e0a0', '#8a5ad0'),
    ramp('#2fd0c0', '#5a8af0', '#c05ac8'),
  ]);
  const ridge = outline(
    view,
    (x) => 0.9 - 0.16 * noise.at(x * 0.3 + shift, row) - 0.05 * noise.ridge(x * 0.9, row),
  );
  const ground = hex('#05070d');
  return (ink, x, y, column) => {
    ink.set(zenith);
    ink.mix(low, y * y * 0.85);
    if (aurora) {
      const bend = (noise.at(x * 0.16 + shift, row) - 0.5) * 0.7;
      const foot = 0.62 + bend;
      const height = (foot - y) / 0.5;
      const rays = 0.35 + 0.65 * noise.at(x * 1.6 + bend * 0.8, row + y * 0.03);
      const light = smooth(-0.05, 0.03, height) * Math.exp(-Math.max(0, height) * 2.6) * rays;
      ink.glow(curtain.at(clamp01(height)), light * 0.85);
    } else {
      const across = (x - centre) * cos + (y - 0.5) * sin;
      const along = (y - 0.5) * cos - (x - centre) * sin;
      const cloud = noise.fine(along * 0.5 + shift, across * 0.9 + row);
      const band = Math.exp(-((across / 0.2) ** 2)) * cloud;
      const lane =
        smooth(0.5, 0.72, noise.at(along * 0.9 + row, across * 1.6 + shift)) *
        Math.exp(-((across / 0.09) ** 2));
      ink.glow(dust, band * 0.55);
      ink.scale(1 - lane * 0.65);
    }
    paintStars(ink, x, y, 1);
    paintStars(ink, x * 1.9 + 3, y * 1.9 + 5, 0.5);
    ink.mix(ground, coverage(view, ridge[column]!, y));
  };
};

const WORLDS = [
  ramp('#1a4f8a', '#2a78b0', '#d8c890', '#4a8a4a', '#8a7a58', '#f4f6f8'),
  ramp('#6a2f1a', '#b0593a', '#d98a5a', '#f0c090', '#c07048', '#7a3820'),
  ramp('#d8c0a0', '#b08a68', '#f0e4cc', '#a87850', '#e0c8a4', '#c8a27c'),
  ramp('#1c2c5a', '#3a64b0', '#74a8e0', '#d0e8f8', '#4a7cc0', '#24407c'),
  ramp('#2a1c3a', '#6a3a78', '#b870a0', '#f0c0c0', '#8a4a80', '#3a2450'),
];

/** A planet with its terminator and a rim of air; banded or with continents. */
export const planet: Scene = (view) => {
  const { random, noise, aspect } = view;
  const radius = between(random, 0.24, 0.42);
  const [px, py] = [between(random, 0.35, 0.65) * aspect, between(random, 0.4, 0.6)];
  const surface = pick(random, WORLDS);
  const banded = random.next() < 0.5;
  const air = blend(surface.at(0.6), { r: 1, g: 1, b: 1 }, 0.4);
  const light = between(random, -2.6, -0.5);
  const [lx, ly, lz] = [Math.cos(light) * 0.8, Math.sin(light) * 0.6, 0.5];
  const length = Math.hypot(lx, ly, lz);
  const [shift, row] = [random.next(), random.next()];
  const nebula = pick(random, ['#3a1c5a', '#0f3a5a', '#5a2438', '#123f38'].map(hex));
  return (ink, x, y) => {
    ink.set({ r: 0.012, g: 0.014, b: 0.03 });
    ink.glow(nebula, noise.fine(x * 0.4 + shift, y * 0.4 + row) ** 2 * 0.75);
    paintStars(ink, x, y, 0.9);
    const dx = (x - px) / radius;
    const dy = (y - py) / radius;
    const distance = Math.hypot(dx, dy);
    const facing = (dx * lx + dy * ly) / (length * Math.max(distance, 0.001));
    if (distance > 1) ink.glow(air, 0.55 * Math.exp((1 - distance) * 16) * clamp01(facing + 0.35));
    const edge = smooth(1 + 1.5 / (radius * view.heightPx), 1 - 1.5 / (radius * view.heightPx), distance);
    if (edge === 0) return;
    const dz = Math.sqrt(Math.max(0, 1 - distance * distance));
    const longitude = Math.atan2(dx, dz + 0.001) * 0.22;
    const swirl = noise.at(longitude + shift, dy * 0.35 + row);
    const value = banded
      ? noise.at(row, dy * 0.42 + shift + (swirl - 0.5) * 0.09) * 0.75 + swirl * 0.25
      : noise.fine(longitude * 1.1 + row, dy * 0.25 + shift + swirl * 0.05);
    const lambert = (dx * lx + dy * ly + dz * lz) / length;
    const day = smooth(-0.12, 0.75, lambert);
    const [r, g, b] = [ink.r, ink.g, ink.b];
    ink.set(surface.at(clamp01(value * 1.5 - 0.25)));
    ink.scale(0.03 + 1.1 * day);
    ink.mix(air, (1 - dz) ** 2.4 * 0.8 * day);
    ink.mix({ r, g, b }, 1 - edge);
  };
};
