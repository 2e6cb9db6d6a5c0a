import { selectQuery, type Target } from '../http/target.ts';
import { readColour } from './colour.ts';
import { type Draft, type Found, type Setting, Unreadable } from './draft.ts';
import { notOffered, OWN } from './imgix-names.ts';
import { applyOutput } from './imgix-output.ts';
import type { ImageRules } from './rules.ts';
import { readOverlayPath } from './source.ts';
import { decodeText, readNumber, readPixels, readSwitch, readTime, readWhole, readWord } from './values.ts';
import type { Fit, Gravity, Overlay, Rect } from './variant.ts';

/**
 * The grammar `imgix`: options are parameters of the query (imgix Rendering API). What is not an option belongs to the original.
 * Where it differs from imgix is in docs/images.md: above all, nothing is enlarged unless `fit` says so.
 */

/** More than any limit on sizes, which is applied later and makes such ones smaller. */
const PIXELS_MAX = 65_535;

/** Reads an address. Throws {@link Unreadable}. */
export function readImgix({ path, query }: Target, setting: Setting): Found {
  const { rules } = setting;
  const { own, rest } = parametersOf(query, rules);
  const original = { path, query: rest.length === 0 ? '' : selectQuery(rest.join('&'), rules.originalQuery) };
  const expires = own.get('expires');
  const expiresS = expires === undefined ? undefined : readTime('expires', expires);
  own.delete('expires');
  own.delete('s');
  if (own.size === 0 && rules.defaults === '') return { original, draft: undefined, expiresS };
  const draft = setting.start();
  const preset = own.get('preset');
  own.delete('preset');
  if (preset !== undefined) setting.applyPreset(preset, draft);
  if (rules.presetsOnly && own.size > 0)
    throw new Unreadable(`${[...own.keys()][0]} is not allowed here: only presets are.`);
  applyParameters(own, draft, rules);
  return { original, draft, expiresS };
}

/** Changes a draft as a text of options says: the defaults or a preset of a route. Throws {@link Unreadable}. */
export function applyOptions(text: string, draft: Draft, rules: ImageRules): void {
  const { own, rest } = parametersOf(text, rules);
  if (rest.length > 0) throw new Unreadable('There is a name in it that is no option of the grammar imgix.');
  for (const name of ['preset', 's', 'expires'])
    if (own.has(name)) throw new Unreadable(`${name} belongs into addresses only.`);
  applyParameters(own, draft, rules);
}

/** The options of a query, by their names, and what is not one, as it was sent. */
function parametersOf(query: string, rules: ImageRules): { own: Map<string, string>; rest: string[] } {
  const own = new Map<string, string>();
  const rest: string[] = [];
  for (const raw of query === '' ? [] : query.split('&')) {
    if (raw === '') continue;
    const eq = raw.indexOf('=');
    const name = decodeText(eq < 0 ? raw : raw.slice(0, eq));
    if (name !== undefined && OWN.has(name)) {
      if (own.has(name)) throw new Unreadable(`${name} is there twice.`);
      const value = decodeText(eq < 0 ? '' : raw.slice(eq + 1));
      if (value === undefined)
        throw new Unreadable(`${name} has a percent sign without two digits behind it.`);
      own.set(name, value);
    } else {
      const other = name === undefined ? undefined : notOffered(name);
      if (other !== undefined && !isOriginals(name!, rules))
        throw new Unreadable(
          `${other} is an option of imgix, or the start of one, that is not offered here.`,
        );
      rest.push(raw);
    }
  }
  return { own, rest };
}

/** Whether the route says that the origin reads a parameter of that name. */
function isOriginals(name: string, { originalQuery }: ImageRules): boolean {
  return typeof originalQuery !== 'string' && originalQuery.allow.includes(name);
}

type Parameters = ReadonlyMap<string, string>;

function applyParameters(own: Parameters, draft: Draft, rules: ImageRules): void {
  if (own.size === 0) return;
  applySize(own, draft);
  applyCut(own, draft);
  applyTurn(own, draft);
  applyLook(own, draft);
  applyMark(own, draft, rules);
  applyOutput(own, draft);
}

const FITS: Readonly<Record<string, readonly [Fit, enlarge: boolean]>> = {
  clip: ['inside', true],
  crop: ['cover', true],
  fill: ['contain', false],
  fillmax: ['contain', true],
  max: ['inside', false],
  min: ['cover', false],
  scale: ['fill', true],
};

function applySize(own: Parameters, draft: Draft): void {
  const [w, h, fit, ar, dpr] = ['w', 'h', 'fit', 'ar', 'dpr'].map((name) => own.get(name));
  if (w !== undefined) draft.width = readPixels('w', w, PIXELS_MAX);
  if (h !== undefined) draft.height = readPixels('h', h, PIXELS_MAX);
  if (fit !== undefined) [draft.fit, draft.enlarge] = readWord('fit', fit, FITS);
  if (dpr !== undefined) draft.dpr = readNumber('dpr', dpr, 0.1, 10);
  if (ar === undefined) return;
  const [across, down, ...more] = ar.split(':');
  if (down === undefined || more.length > 0)
    throw new Unreadable('ar is not a ratio of width to height, such as 16:9.');
  draft.ratio = readNumber('ar', across!, 0.01, 10_000) / readNumber('ar', down, 0.01, 10_000);
}

const EDGES: Readonly<Record<string, readonly [x: number, y: number]>> = {
  top: [0, -1],
  bottom: [0, 1],
  left: [-1, 0],
  right: [1, 0],
  center: [0, 0],
  middle: [0, 0],
};
const EYES: Readonly<Record<string, Gravity>> = {
  faces: 'attention',
  attention: 'attention',
  entropy: 'entropy',
  edges: 'entropy',
};

function applyCut(own: Parameters, draft: Draft): void {
  const crop = own.get('crop');
  if (crop !== undefined && crop !== 'focalpoint') draft.position = readCrop('crop', crop);
  const before = typeof draft.position === 'string' ? { x: 0.5, y: 0.5 } : draft.position;
  const [x, y] = [own.get('fp-x'), own.get('fp-y')];
  if (crop === 'focalpoint' || typeof draft.position !== 'string') {
    draft.position = {
      x: x === undefined ? before.x : readNumber('fp-x', x, 0, 1),
      y: y === undefined ? before.y : readNumber('fp-y', y, 0, 1),
    };
  }
  const rect = own.get('rect');
  if (rect !== undefined) draft.rect = readRect(rect);
  const trim = own.get('trim');
  if (trim !== undefined) draft.trim = readWord('trim', trim, { auto: 10 });
  const tolerance = own.get('trim-tol');
  if (tolerance !== undefined && draft.trim > 0) draft.trim = readWhole('trim-tol', tolerance, 1, 255);
}

/** `top,left`; or `faces,top`, where the first word that can be followed is. */
function readCrop(name: string, text: string): Gravity {
  const words = text.split(',');
  const known = { ...EDGES, ...EYES };
  for (const word of words) readWord(name, word, known);
  const eye = words.find((word) => Object.hasOwn(EYES, word));
  return eye === undefined ? readCorner(name, words) : EYES[eye]!;
}

/** `top`, `top,left`, `center`: the edges that are named. */
function readCorner(name: string, words: readonly string[]): Overlay['gravity'] {
  let [x, y] = [0, 0];
  for (const word of words) {
    const [right, down] = readWord(name, word, EDGES);
    if (right * x < 0 || down * y < 0) throw new Unreadable(`${name} names opposite edges.`);
    x = right === 0 ? x : right;
    y = down === 0 ? y : down;
  }
  const row = ['north', '', 'south'][y + 1]!;
  const column = ['west', '', 'east'][x + 1]!;
  return (row + column || 'centre') as Overlay['gravity'];
}

/** `x,y,w,h`: all in pixels, or all in fractions; `left`, `center`, `full` and their like are fractions. */
function readRect(text: string): Rect {
  const parts = text.split(',');
  if (parts.length !== 4) throw new Unreadable('rect is not x,y,width,height.');
  if (parts.every((part) => /^\d+$/.test(part))) {
    const [x, y, width, height] = parts.map((part, index) =>
      readWhole('rect', part, index < 2 ? 0 : 1, 1_000_000),
    ) as [number, number, number, number];
    return { x, y, width, height, relative: false };
  }
  const length = (part: string): number => (part === 'full' ? 1 : readNumber('rect', part, 0, 1));
  const [width, height] = [length(parts[2]!), length(parts[3]!)];
  if (width === 0 || height === 0) throw new Unreadable('rect has no area.');
  const start = (part: string, side: number, words: readonly [string, string, string]): number => {
    const at = words.indexOf(part);
    const from = at < 0 ? readNumber('rect', part, 0, 1) : (at * (1 - side)) / 2;
    // Fractions are rounded when they are made; what is beyond the edge by a hair is not meant so.
    if (from + side > 1.0001) throw new Unreadable('rect is not within the image.');
    return Math.min(from, 1 - side);
  };
  return {
    x: start(parts[0]!, width, ['left', 'center', 'right']),
    y: start(parts[1]!, height, ['top', 'middle', 'bottom']),
    width,
    height,
    relative: true,
  };
}

function applyTurn(own: Parameters, draft: Draft): void {
  const rot = own.get('rot');
  if (rot !== undefined) draft.rotate = (readWhole('rot', rot, -360, 360) + 360) % 360;
  const flip = own.get('flip');
  if (flip === undefined) return;
  const [left, up] = readWord('flip', flip, {
    h: [true, false],
    v: [false, true],
    hv: [true, true],
    vh: [true, true],
  });
  draft.flop = left!;
  draft.flip = up!;
}

function applyLook(own: Parameters, draft: Draft): void {
  const blur = own.get('blur');
  // The strongest blur of imgix is 2000.
  if (blur !== undefined) draft.blur = sigma(readNumber('blur', blur, 0, 2000) / 20);
  const sharp = own.get('sharp');
  if (sharp !== undefined) draft.sharpen = sigma(readNumber('sharp', sharp, 0, 100) / 10);
  const sat = own.get('sat');
  if (sat !== undefined) {
    const saturation = readNumber('sat', sat, -100, 100);
    if (saturation !== 0 && saturation !== -100)
      throw new Unreadable(`sat is ${saturation}; offered are -100, which is grey, and 0.`);
    draft.grey = saturation === -100;
  }
  const grey = own.get('grey');
  if (grey !== undefined) draft.grey = readSwitch('grey', grey);
  const bg = own.get('bg');
  if (bg !== undefined) draft.background = readColour('bg', bg, 'before');
  const fill = own.get('fill');
  if (fill !== undefined) readWord('fill', fill, { solid: true });
  const fillColour = own.get('fill-color');
  if (fillColour !== undefined) draft.background = readColour('fill-color', fillColour, 'before');
}

/** The least that a Gaussian has an effect with. */
function sigma(value: number): number {
  return value === 0 ? 0 : Math.max(0.3, value);
}

function applyMark(own: Parameters, draft: Draft, rules: ImageRules): void {
  const get = (name: string): string | undefined => own.get(`mark-${name}`);
  const mark = own.get('mark');
  const before = draft.overlay;
  if (mark === undefined && before === undefined) return;
  const [align, scale, pad, alpha, tile] = [
    get('align'),
    get('scale'),
    get('pad'),
    get('alpha'),
    get('tile'),
  ];
  const base = before ?? { scale: undefined, gravity: 'southeast', margin: 5, opacity: 1, tile: false };
  draft.overlay = {
    path: mark === undefined ? before!.path : readOverlayPath('mark', mark, rules),
    scale: scale === undefined ? base.scale : readNumber('mark-scale', scale, 1, 100) / 100,
    gravity: align === undefined ? base.gravity : readCorner('mark-align', align.split(',')),
    margin: pad === undefined ? base.margin : readWhole('mark-pad', pad, 0, 10_000),
    opacity: alpha === undefined ? base.opacity : readNumber('mark-alpha', alpha, 1, 100) / 100,
    tile: tile === undefined ? base.tile : readWord('mark-tile', tile, { grid: true, none: false }),
  };
}
