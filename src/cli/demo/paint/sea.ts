import { blend, hex, Ramp } from './colour.ts';
import { clamp01, smooth } from './noise.ts';
import { between, type Scene } from './scene.ts';
import { sky } from './sky.ts';

/** Open water under a low sun, with its path of light. */
export const sea: Scene = (view) => {
  const { random, noise } = view;
  const horizonY = between(random, 0.4, 0.62);
  const { paint, mood, sunX } = sky(view, horizonY);
  const deep = blend(mood.water, mood.zenith, 0.35);
  const shift = random.next();
  const rough = between(random, 0.6, 1.3);
  return (ink, x, y, column) => {
    if (y < horizonY) {
      paint(ink, x, y, column);
      return;
    }
    const depth = y - horizonY;
    const far = 1 / (depth + 0.035);
    const u = (x - view.aspect / 2) * far * 0.05 + shift;
    const wave = noise.at(u, far * 0.16 + shift) * 0.6 + noise.at(u * 3.1, far * 0.47) * 0.4;
    ink.set(mood.horizon);
    ink.mix(deep, smooth(0, 0.3, depth) * 0.85 + 0.1);
    ink.scale(1 + (wave - 0.5) * 0.55 * rough);
    const path = Math.exp(-(((x - sunX) / (0.05 + depth * 0.35)) ** 2));
    const glint = smooth(0.62 - path * 0.26, 0.8 - path * 0.1, wave);
    ink.mix(mood.sun, glint * (0.12 + 0.85 * path));
    ink.mix(mood.horizon, smooth(0.03, 0, depth) * 0.6);
  };
};

const HEIGHTS = new Ramp([
  [0, hex('#0d2f57')],
  [0.3, hex('#155f8c')],
  [0.46, hex('#2f9fb0')],
  [0.5, hex('#8fd6c8')],
  [0.515, hex('#f0e2b8')],
  [0.54, hex('#8fae5c')],
  [0.66, hex('#3f7a44')],
  [0.78, hex('#7a7458')],
  [0.88, hex('#a89c8c')],
  [1, hex('#fbfbf8')],
]);

/** Islands from the air: heights as colours, shaded by slope, a few clouds with their shadows. */
export const islands: Scene = (view) => {
  const { random, noise } = view;
  const [ox, oy] = [random.next(), random.next()];
  const zoom = between(random, 0.22, 0.6);
  const lift = between(random, -0.06, 0.1);
  const cloudCover = between(random, 0.58, 0.85);
  const height = (x: number, y: number): number => {
    const u = x * zoom + ox;
    const v = y * zoom + oy;
    const bend = noise.at(v * 0.9, u * 0.9) * 0.16;
    return lift + noise.at(u + bend, v - bend) * 0.86 + noise.at(u * 5.3, v * 5.3) * 0.12;
  };
  return (ink, x, y) => {
    const here = height(x, y);
    const step = 0.004;
    const slope = (here - height(x + step, y + step)) * 26;
    const land = here > 0.505;
    ink.set(HEIGHTS.at(clamp01(here)));
    ink.scale(land ? 1 + Math.max(-0.55, Math.min(0.5, slope)) : 1 + slope * 0.08);
    const shadow = noise.at(x * 0.6 + oy + 0.016, y * 0.6 + ox - 0.016);
    ink.scale(1 - 0.35 * smooth(cloudCover, cloudCover + 0.12, shadow));
    const cloud = noise.at(x * 0.6 + oy, y * 0.6 + ox);
    ink.mix({ r: 1, g: 1, b: 1 }, 0.92 * smooth(cloudCover, cloudCover + 0.16, cloud));
  };
};
