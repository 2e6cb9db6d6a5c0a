import { seededRandom } from '../../../base/random.ts';
import { skyline } from './city.ts';
import { Ink } from './colour.ts';
import { alps, dunes, forest, hills, lake } from './land.ts';
import { NoiseTile } from './noise.ts';
import { islands, sea } from './sea.ts';
import { planet, starlight } from './space.ts';
import { agate, blossom, bokeh } from './studio.ts';

const SCENES = {
  hills,
  lake,
  alps,
  dunes,
  forest,
  sea,
  islands,
  skyline,
  starlight,
  planet,
  bokeh,
  agate,
  blossom,
} as const;

/** A kind of picture that can be painted. */
export type SceneName = keyof typeof SCENES;

/** Every scene, in the order in which a set of pictures goes through them. */
export const SCENE_NAMES = Object.keys(SCENES) as readonly SceneName[];

/** What to paint. The same request gives the same pixels, on every machine. */
export interface PictureRequest {
  readonly scene: SceneName;
  /** 16 to 8,192 pixels each. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** Chooses light, composition and colours. */
  readonly seed: number;
  /** Film grain: standard deviation in steps of 255; 0 for none. More grain, more bytes. */
  readonly grain: number;
}

let sharedTile: NoiseTile | undefined;

/**
 * Paints a picture: rows of 8-bit RGB, `widthPx * heightPx * 3` bytes. Costs 50 to 250 ns per pixel.
 * Composition does not depend on the size: the same seed at another size is the same picture.
 */
export function paintPicture(request: PictureRequest): Uint8Array {
  const { widthPx, heightPx, seed, grain } = request;
  sharedTile ??= new NoiseTile(seededRandom(20_26));
  const aspect = widthPx / heightPx;
  const painter = SCENES[request.scene]({
    widthPx,
    heightPx,
    aspect,
    random: seededRandom(seed),
    noise: sharedTile,
  });
  const pixels = new Uint8Array(widthPx * heightPx * 3);
  const ink = new Ink();
  const grains = seededRandom(seed ^ 0x6721a1e5);
  let at = 0;
  for (let row = 0; row < heightPx; row += 1) {
    const y = (row + 0.5) / heightPx;
    for (let column = 0; column < widthPx; column += 1) {
      const x = ((column + 0.5) / widthPx) * aspect;
      painter(ink, x, y, column);
      const corner = ((x / aspect - 0.5) ** 2 + (y - 0.5) ** 2) * 0.42;
      const light = (1 - corner) * 255;
      // three summed uniforms are near enough to a normal distribution for film
      const speck = grain === 0 ? 0 : (triple(grains.u32()) - 1.5) * 2 * grain;
      pixels[at] = toByte(ink.r * light + speck);
      pixels[at + 1] = toByte(ink.g * light + speck);
      pixels[at + 2] = toByte(ink.b * light + speck);
      at += 3;
    }
  }
  return pixels;
}

/** The sum of three uniform numbers in [0, 1), from one 32-bit integer. */
function triple(bits: number): number {
  return (bits & 0x3ff) / 0x400 + ((bits >>> 10) & 0x3ff) / 0x400 + (bits >>> 20) / 0x1000;
}

function toByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0;
}
