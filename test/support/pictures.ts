import sharp, { type Sharp } from 'sharp';
import { PLAIN, type Variant } from '../../src/image/variant.ts';
import { make } from '../../src/transform/child/pipeline.ts';
import type { Product, Task } from '../../src/transform/child/task.ts';

/** Limits that no small picture meets. */
export const ROOMY = {
  inputBytes: 10_000_000,
  pixels: 20_000_000,
  frames: 100,
  outputPixels: 20_000_000,
  timeoutMs: 60_000,
  memoryBytes: 2_000_000_000,
};

/** Makes a variant in this process. */
export function made(
  bytes: Uint8Array,
  variant: Partial<Variant>,
  changes: Partial<Task> = {},
): Promise<Product> {
  const task = { bytes, overlay: undefined, provisional: false, limits: ROOMY, ...changes };
  return make({ ...task, variant: { ...PLAIN, ...variant } }, () => 0);
}

/** The cause with which a variant cannot be made; throws when it can. */
export async function refused(
  bytes: Uint8Array,
  variant: Partial<Variant> = {},
  changes: Partial<Task> = {},
): Promise<{ cause: string; detail: string }> {
  try {
    await made(bytes, variant, changes);
  } catch (thrown) {
    return thrown as { cause: string; detail: string };
  }
  throw new Error('it was made');
}

/** Colours of the corner map: what is where can be told after any turn and cut. */
export const CORNERS = { nw: '#e02020', ne: '#20c020', sw: '#2040e0', se: '#e0d020' } as const;

/** A picture of four quarters, each of one colour, so that every orientation of it is another picture. */
export function quarters(width: number, height: number): Sharp {
  const [w, h] = [width / 2, height / 2];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="${w}" height="${h}" fill="${CORNERS.nw}"/><rect x="${w}" width="${w}" height="${h}" fill="${CORNERS.ne}"/>
    <rect y="${h}" width="${w}" height="${h}" fill="${CORNERS.sw}"/>
    <rect x="${w}" y="${h}" width="${w}" height="${h}" fill="${CORNERS.se}"/></svg>`;
  return sharp(Buffer.from(svg)).flatten({ background: '#fff' });
}

/** A picture of soft shapes and fine grain, as a camera makes them: the same for a seed. */
export async function photo(width: number, height: number, seed = 1): Promise<Sharp> {
  const data = new Uint8Array(width * height * 3);
  let state = seed;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const grain = ((state >>> 16) % 9) - 4;
      const at = (y * width + x) * 3;
      data[at] = 128 + 90 * Math.sin(x / 37 + seed) * Math.cos(y / 23) + grain;
      data[at + 1] = 128 + 90 * Math.sin(x / 19 - y / 41) + grain;
      data[at + 2] = 128 + 90 * Math.cos((x + y) / 53 + seed) + grain;
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** Pixels as eyes see them: on white, in sRGB, at their size or at a smaller one. */
export async function seen(
  image: Uint8Array | Sharp,
  side?: number,
): Promise<{ data: Uint8Array; width: number; height: number }> {
  const whole = image instanceof Uint8Array ? image : await image.clone().png().toBuffer();
  const onWhite = await sharp(whole).flatten({ background: '#fff' }).toColourspace('srgb').png().toBuffer();
  const pipeline = side === undefined ? sharp(onWhite) : sharp(onWhite).resize(side, side, { fit: 'fill' });
  const { data, info } = await pipeline.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Mean and largest distance of two pictures, by channel, 0 to 255: looked at from afar, so that encoders do not matter. */
export async function distance(
  a: Uint8Array | Sharp,
  b: Uint8Array | Sharp,
): Promise<{ mean: number; max: number }> {
  const [one, other] = await Promise.all([seen(a, 16), seen(b, 16)]);
  let sum = 0;
  let max = 0;
  for (const [index, value] of one.data.entries()) {
    const apart = Math.abs(value - other.data[index]!);
    sum += apart;
    max = Math.max(max, apart);
  }
  return { mean: sum / one.data.length, max };
}

/** The colour of one pixel, on white: `#rrggbb`. */
export async function colourAt(image: Uint8Array | Sharp, x: number, y: number): Promise<string> {
  const { data, width } = await seen(image);
  const at = (y * width + x) * 3;
  return `#${[...data.subarray(at, at + 3)].map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/** The names of the corner colours that are nearest to the corners of a picture, clockwise from the top left. */
export async function cornersOf(image: Uint8Array | Sharp): Promise<string> {
  const { data, width, height } = await seen(image);
  const places = [
    [0.1, 0.1],
    [0.9, 0.1],
    [0.9, 0.9],
    [0.1, 0.9],
  ] as const;
  return places
    .map(([x, y]) => {
      const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
      return nearest([...data.subarray(at, at + 3)]);
    })
    .join(' ');
}

function nearest(colour: readonly number[]): string {
  let best = '';
  let least = Number.POSITIVE_INFINITY;
  for (const [name, hex] of Object.entries(CORNERS)) {
    const apart = [1, 3, 5].reduce(
      (sum, at, channel) => sum + Math.abs(Number.parseInt(hex.slice(at, at + 2), 16) - colour[channel]!),
      0,
    );
    if (apart < least) [best, least] = [name, apart];
  }
  return least < 120 ? best : '?';
}

/** An animation of single-coloured frames, `delaysMs` for each. */
export async function animation(
  format: 'gif' | 'webp',
  colours: readonly string[],
  delaysMs: number[],
  width = 40,
  height = 20,
): Promise<Uint8Array> {
  const frames = await Promise.all(
    colours.map((background) =>
      sharp({ create: { width, height, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  const joined = sharp(frames, { join: { animated: true } });
  return format === 'gif'
    ? joined.gif({ delay: delaysMs, loop: 3 }).toBuffer()
    : joined.webp({ delay: delaysMs, loop: 3, lossless: true }).toBuffer();
}
