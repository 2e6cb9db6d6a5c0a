import { blend, type Colour, hex, type Ink } from './colour.ts';
import { cellNoise, clamp01, smooth } from './noise.ts';
import { between, type Painter, pick, type View } from './scene.ts';

/** The light of a picture: what the sky looks like and what it does to the land. */
export interface Mood {
  readonly zenith: Colour;
  readonly middle: Colour;
  readonly horizon: Colour;
  readonly sun: Colour;
  readonly cloudLit: Colour;
  readonly cloudDark: Colour;
  /** The land nearest to the eye; farther land fades towards the horizon's colour. */
  readonly land: Colour;
  readonly water: Colour;
  readonly night: boolean;
}

function mood(
  night: boolean,
  ...c: readonly [string, string, string, string, string, string, string, string]
): Mood {
  return {
    zenith: hex(c[0]),
    middle: hex(c[1]),
    horizon: hex(c[2]),
    sun: hex(c[3]),
    cloudLit: hex(c[4]),
    cloudDark: hex(c[5]),
    land: hex(c[6]),
    water: hex(c[7]),
    night,
  };
}

/** Times of day and kinds of weather: what a scene takes all its colours from, so that they fit each other. */
export const MOODS = [
  //    zenith     middle     horizon    sun        cloud lit  dark       land       water
  mood(false, '#3f7fc4', '#86b6e0', '#dbeaf2', '#fff6dc', '#ffffff', '#b9c6d4', '#2f4a2a', '#2f6f8f'), // noon
  mood(false, '#2b4a86', '#c9778c', '#ffc27a', '#fff0b8', '#ffb08a', '#6a5078', '#241d33', '#4a4a78'), // dusk
  mood(false, '#5a78b0', '#e3a9b4', '#ffe0bd', '#fffbe6', '#ffd9d0', '#9a88a8', '#33394f', '#6d7fa6'), // dawn
  mood(false, '#7a4a52', '#e8843c', '#ffd266', '#fff4c0', '#ffc070', '#8a4a3c', '#2c1a18', '#7a4a3c'), // ember
  mood(false, '#4d6a78', '#8fa8ae', '#cdd8d4', '#f4f4e8', '#e4eae8', '#66787f', '#22312e', '#456069'), // overcast
  mood(false, '#1d6f8a', '#5cc0bd', '#fbe7b8', '#fffbe0', '#fff3dc', '#8fb3b6', '#1d4038', '#16798a'), // lagoon
  mood(true, '#0a1230', '#1c2c5c', '#4a5f94', '#f4f2e0', '#5a6a98', '#18213f', '#070b18', '#14224a'), // moonlight
  mood(true, '#120a2a', '#3a1d58', '#8a4a78', '#ffe8d0', '#8a5a8a', '#2a1840', '#0c0818', '#2c1c4c'), // violet night
  mood(false, '#8fb7c9', '#cfdfe2', '#f6eee2', '#fffdf2', '#ffffff', '#c3cdd2', '#4c5a52', '#8fb4bb'), // pale
  mood(false, '#b0552f', '#e6a05c', '#f7dfae', '#fff6d4', '#ffe3b4', '#b5754a', '#4a2a1a', '#9a6a4a'), // sahara
] as const;

/** Where the sun (or the moon) of a sky stands. */
export interface Sky {
  readonly paint: Painter;
  readonly mood: Mood;
  readonly sunX: number;
  readonly sunY: number;
}

/** A gradient, a sun or moon with its glow, clouds lit from the sun's side; stars by night. */
export function sky(view: View, horizonY: number, chosen?: Mood): Sky {
  const { random, noise, aspect } = view;
  const mood = chosen ?? pick(random, MOODS);
  const sunX = between(random, 0.12, 0.88) * aspect;
  const sunY = horizonY * between(random, 0.25, 1.0);
  const radius = between(random, 0.02, 0.055);
  const cover = between(random, 0.42, 0.78); // lower: more clouds
  const [driftX, driftY] = [random.next(), random.next()];
  const stretch = between(random, 1.6, 4);
  const scale = between(random, 0.35, 0.7);
  const warmth = blend(mood.sun, mood.horizon, 0.4);

  const paint: Painter = (ink, x, y) => {
    const height = clamp01(y / horizonY);
    if (height < 0.55) {
      ink.set(mood.zenith);
      ink.mix(mood.middle, height / 0.55);
    } else {
      ink.set(mood.middle);
      ink.mix(mood.horizon, (height - 0.55) / 0.45);
    }
    if (mood.night) paintStars(ink, x, y, 1 - height * 0.8);
    const distance = Math.hypot(x - sunX, y - sunY);
    const glow = 0.03 / (0.03 + distance * distance * 2.2);
    ink.mix(warmth, glow * (mood.night ? 0.3 : 0.62));
    ink.mix(mood.sun, smooth(radius * 1.06, radius * 0.94, distance));

    const flat = 0.5 + height * 1.2; // clouds flatten towards the horizon
    const cx = x * scale + driftX;
    const cy = y * scale * stretch * flat + driftY;
    const density = noise.at(cx, cy);
    if (density <= cover) return;
    const thickness = smooth(cover, cover + 0.28, density);
    const towardsSun = noise.at(cx + (sunX - x) * 0.02, cy + (sunY - y) * 0.05) - density;
    const lit = clamp01(0.62 - towardsSun * 7 + glow * 0.5 - thickness * 0.35);
    const opacity = thickness * (mood.night ? 0.6 : 0.92);
    ink.mix(mood.cloudDark, opacity);
    ink.mix(mood.cloudLit, opacity * lit);
  };
  return { paint, mood, sunX, sunY };
}

/** Stars of mixed brightness, one at most per cell of a fixed fraction of the picture's height. */
export function paintStars(ink: Ink, x: number, y: number, strength: number): void {
  const cell = 1 / 70;
  const cx = Math.floor(x / cell);
  const cy = Math.floor(y / cell);
  const chance = cellNoise(cx, cy, 1);
  if (chance > 0.34) return;
  const dx = x / cell - cx - 0.2 - 0.6 * cellNoise(cx, cy, 2);
  const dy = y / cell - cy - 0.2 - 0.6 * cellNoise(cx, cy, 3);
  const size = 0.02 + 0.1 * cellNoise(cx, cy, 4) ** 6;
  const light = strength * Math.exp(-(dx * dx + dy * dy) / (size * size)) * (0.45 + chance);
  const warm = cellNoise(cx, cy, 5);
  ink.r += light * (0.8 + 0.2 * warm);
  ink.g += light * 0.9;
  ink.b += light * (1 - 0.25 * warm);
}

/** Mirrors what lies above `waterY` in rippled water below it. */
export function overWater(view: View, waterY: number, light: Mood, above: Painter): Painter {
  const { noise, random, widthPx, aspect } = view;
  const phase = random.next();
  const calm = between(random, 0.3, 1);
  return (ink, x, y, column) => {
    if (y < waterY) {
      above(ink, x, y, column);
      return;
    }
    const depth = y - waterY;
    const near = 0.02 + depth;
    const ripple = noise.at(x * 1.1 + phase, (0.35 / near) * 0.6 + phase) - 0.5;
    const mirroredX = Math.min(aspect * 0.9999, Math.max(0, x + ripple * near * 0.25 * calm));
    const mirroredY = Math.max(0, waterY - depth * 1.05 + ripple * near * 0.5 * calm);
    above(ink, mirroredX, mirroredY, Math.floor((mirroredX / aspect) * widthPx));
    ink.mix(light.water, 0.16 + depth * 0.55);
    ink.scale(0.9 + ripple * 0.35);
  };
}
