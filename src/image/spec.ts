import { assert } from '../base/assert.ts';
import {
  FITS,
  GRAVITIES,
  type Gravity,
  OUTPUTS,
  type Output,
  type Overlay,
  PLAIN,
  type Position,
  type Rect,
  type Variant,
} from './variant.ts';

/**
 * The text of a variant: part of the key of what is made of it. `~w=400,h=300,fit=cover,f=auto-webp`: only what differs from
 * {@link PLAIN}, in a fixed order, and nothing that cannot matter. ASCII without spaces, controls, `"` and `\`.
 */
export function specOf(variant: Variant): string {
  const it = canonical(variant);
  const parts: string[] = [];
  for (const [name, { write }] of PARTS) {
    const text = write(it);
    if (text !== undefined) parts.push(text === '' ? name : `${name}=${text}`);
  }
  return `~${parts.join(',')}`;
}

/** The variant of a text that {@link specOf} wrote: `specOf(parseSpec(text)) === text`. Throws InternalFault for any other. */
export function parseSpec(text: string): Variant {
  assert(text.startsWith('~'), 'the text of a variant starts with ~');
  const changes: Partial<Mutable> = {};
  for (const part of text === '~' ? [] : text.slice(1).split(',')) {
    const eq = part.indexOf('=');
    const known = BY_NAME.get(eq < 0 ? part : part.slice(0, eq));
    assert(known !== undefined, 'each part of the text of a variant has a known name');
    Object.assign(changes, known.read(eq < 0 ? '' : part.slice(eq + 1), changes));
  }
  const variant: Variant = { ...PLAIN, ...changes };
  assert(specOf(variant) === text, 'the text of a variant is written in one way only');
  return variant;
}

type Mutable = { -readonly [K in keyof Variant]: Variant[K] };

/** How one part of a text is written (undefined where it says nothing, empty for a switch) and read. */
interface Part {
  write(variant: Variant): string | undefined;
  read(text: string, soFar: Partial<Mutable>): Partial<Mutable>;
}

type NumberKey = 'rotate' | 'trim' | 'blur' | 'sharpen' | 'width' | 'height';
type BooleanKey = 'enlarge' | 'flip' | 'flop' | 'grey' | 'lossless' | 'progressive' | 'animated';

function number(key: NumberKey): Part {
  return {
    write: (it) => (it[key] === PLAIN[key] ? undefined : String(it[key])),
    read: (text) => ({ [key]: Number(text) }),
  };
}

/** A switch that is only named where it is not as in PLAIN. */
function toggle(key: BooleanKey): Part {
  return {
    write: (it) => (it[key] === PLAIN[key] ? undefined : ''),
    read: () => ({ [key]: !PLAIN[key] }),
  };
}

function word<T extends string>(key: 'output' | 'fit', words: readonly T[]): Part {
  return {
    write: (it) => (it[key] === PLAIN[key] ? undefined : it[key]),
    read: (text) => ({ [key]: words.find((known) => known === text) }),
  };
}

const POSITION: Part = {
  write: ({ position }) => {
    if (position === PLAIN.position) return undefined;
    return typeof position === 'string' ? position : `${position.x}:${position.y}`;
  },
  read: (text) => {
    const gravity = GRAVITIES.find((known) => known === text);
    const [x, y] = text.split(':').map(Number);
    return { position: gravity ?? { x: x!, y: y! } };
  },
};

const RECT: Part = {
  write: ({ rect }) => rect && `${rect.x}:${rect.y}:${rect.width}:${rect.height}${rect.relative ? ':r' : ''}`,
  read: (text) => {
    const [x, y, width, height] = text.split(':').map(Number) as [number, number, number, number];
    return { rect: { x, y, width, height, relative: text.endsWith(':r') } };
  },
};

/** `mark=gravity:margin:opacity:scale:tile:path`; the path is last, and has its `~` and `,` escaped as in JSON Pointer. */
const OVERLAY: Part = {
  write: ({ overlay: it }) => {
    if (it === undefined) return undefined;
    const path = it.path.replaceAll('~', '~0').replaceAll(',', '~1');
    return [it.gravity, it.margin, it.opacity, it.scale ?? '', it.tile ? 't' : '', path].join(':');
  },
  read: (text) => {
    const [gravity, margin, opacity, scale, tile, ...path] = text.split(':');
    const overlay: Overlay = {
      path: path.join(':').replaceAll('~1', ',').replaceAll('~0', '~'),
      scale: scale === '' ? undefined : Number(scale),
      gravity: gravity as Overlay['gravity'],
      margin: Number(margin),
      opacity: Number(opacity),
      tile: tile === 't',
    };
    return { overlay };
  },
};

/** In the order in which they are written. */
const PARTS: readonly (readonly [name: string, part: Part])[] = [
  ['w', number('width')],
  ['h', number('height')],
  ['fit', word('fit', FITS)],
  ['up', toggle('enlarge')],
  ['at', POSITION],
  ['rect', RECT],
  ['rot', number('rotate')],
  ['flip', toggle('flip')],
  ['flop', toggle('flop')],
  ['trim', number('trim')],
  ['blur', number('blur')],
  ['sharp', number('sharpen')],
  ['grey', toggle('grey')],
  ['bg', { write: (it) => it.background, read: (text) => ({ background: text }) }],
  [
    'q',
    {
      write: (it) => (it.quality === PLAIN.quality ? undefined : String(it.quality)),
      read: (text) => ({ quality: Number(text) }),
    },
  ],
  ['lossless', toggle('lossless')],
  ['baseline', toggle('progressive')],
  ['still', toggle('animated')],
  [
    'keep',
    {
      write: ({ metadata }) => (metadata === PLAIN.metadata ? undefined : metadata),
      read: () => ({ metadata: 'copyright' }),
    },
  ],
  ['mark', OVERLAY],
  ['f', word('output', OUTPUTS)],
];
const BY_NAME: ReadonlyMap<string, Part> = new Map(PARTS);

/** Results that are no picture of a size and an encoding of their own. */
const FACTS: ReadonlySet<Output> = new Set(['json', 'thumbhash', 'lqip']);

/**
 * The same variant without what cannot matter, so that equal results share a key: an edge to keep where nothing is cut off, the
 * quality of what is lossless, interlacing where the format has none. Idempotent.
 */
export function canonical(variant: Variant): Variant {
  // Facts are about the original.
  if (variant.output === 'json') return { ...PLAIN, output: 'json' };
  return { ...variant, ...shapeOf(variant), ...turnOf(variant), ...encodingOf(variant) };
}

/** Size, fit and cut. */
function shapeOf(variant: Variant): Partial<Variant> {
  let { width, height, fit, enlarge } = variant;
  if (width === undefined || height === undefined) fit = 'inside';
  // A placeholder has a size of its own; only a shape can matter.
  if (FACTS.has(variant.output) && fit !== 'cover' && fit !== 'contain' && fit !== 'fill')
    [width, height, fit] = [undefined, undefined, 'inside'];
  if (width === undefined && height === undefined) enlarge = false;
  const position = positionOf(fit, variant.position);
  return { width, height, fit, enlarge, position, rect: rectOf(variant.rect), overlay: overlayOf(variant) };
}

function positionOf(fit: Variant['fit'], position: Position): Position {
  if (fit !== 'cover' && fit !== 'contain') return 'centre';
  if (typeof position === 'string')
    return fit === 'contain' && (position === 'attention' || position === 'entropy') ? 'centre' : position;
  const [x, y] = [rounded(position.x), rounded(position.y)];
  // Nothing is cut off by `contain`, which knows nine places.
  if (fit === 'contain') return gravityAt(Math.round(x * 2) / 2, Math.round(y * 2) / 2)!;
  return gravityAt(x, y) ?? { x, y };
}

/** The edge, corner or middle that a focal point stands for exactly. */
function gravityAt(x: number, y: number): Gravity | undefined {
  const column = ['west', '', 'east'][x * 2];
  const row = ['north', '', 'south'][y * 2];
  if (column === undefined || row === undefined) return undefined;
  const name = `${row}${column}`;
  return name === '' ? 'centre' : GRAVITIES.find((gravity) => gravity === name);
}

function rectOf(rect: Rect | undefined): Rect | undefined {
  if (rect === undefined) return undefined;
  if (!rect.relative) return rect;
  const [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(rounded) as [
    number,
    number,
    number,
    number,
  ];
  return x === 0 && y === 0 && width === 1 && height === 1
    ? undefined
    : { x, y, width, height, relative: true };
}

function overlayOf({ overlay }: Variant): Overlay | undefined {
  if (overlay === undefined) return undefined;
  const scale = overlay.scale === undefined ? undefined : rounded(overlay.scale);
  const margin = overlay.gravity === 'centre' ? 0 : overlay.margin;
  return { ...overlay, scale, margin, opacity: rounded(overlay.opacity) };
}

/** Mirrored both ways is half a turn. */
function turnOf({ rotate, flip, flop, blur, sharpen, background }: Variant): Partial<Variant> {
  const both = flip && flop;
  return {
    rotate: rounded(rotate + (both ? 180 : 0)) % 360,
    flip: flip && !both,
    flop: flop && !both,
    blur: rounded(blur),
    sharpen: rounded(sharpen),
    background: background?.replace(/^(.{6})ff$/, '$1'),
  };
}

/** What the format has a use for. */
function encodingOf(variant: Variant): Partial<Variant> {
  const { output, metadata } = variant;
  const { quality, progressive, animated } = PLAIN;
  if (FACTS.has(output)) return { quality, lossless: false, progressive, animated, metadata: 'none' };
  const isStill = output === 'jpeg' || output === 'png';
  const lossless = variant.lossless && output !== 'jpeg' && output !== 'gif';
  const isExact = lossless && (output === 'png' || output === 'webp' || output === 'avif');
  return {
    metadata,
    lossless,
    quality: isExact ? quality : variant.quality,
    progressive: output === 'webp' || output === 'avif' ? progressive : variant.progressive,
    animated: isStill ? animated : variant.animated,
  };
}

/** To four digits: a ten-thousandth of an image is less than a pixel of any. */
function rounded(value: number): number {
  // Adding zero makes zero of minus zero, which has the same text.
  return Math.round(value * 10_000) / 10_000 + 0;
}
