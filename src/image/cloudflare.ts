import { selectQuery, type Target } from '../http/target.ts';
import { readColour } from './colour.ts';
import { type Draft, type Found, type Setting, Unreadable } from './draft.ts';
import { readSource } from './source.ts';
import { decodeText, readNumber, readPixels, readSwitch, readWhole, readWord, takeExpiry } from './values.ts';
import type { Fit, Position } from './variant.ts';

/**
 * The grammar `cloudflare`: `/cdn-cgi/image/width=400,format=auto/photos/a.jpg` (Cloudflare Images, transform via URL). Whatever is before
 * `/cdn-cgi/image/` plays no part. Sources are paths; those on other servers are refused.
 */

const MARK = '/cdn-cgi/image/';
const PIXELS_MAX = 65_535;

/** Reads an address. Throws {@link Unreadable}. */
export function readCloudflare({ path, query }: Target, setting: Setting): Found {
  const { rules } = setting;
  const { expiresS, rest } = takeExpiry(query);
  const own = selectQuery(rest, rules.originalQuery);
  const at = path.indexOf(MARK);
  if (at < 0) return { original: { path, query: own }, draft: undefined, expiresS };
  const slash = path.indexOf('/', at + MARK.length);
  if (slash < 0) throw new Unreadable('There is no source behind the options.');
  const source = path.slice(slash + 1);
  if (/^https?(?::|%3A)/i.test(source))
    throw new Unreadable('The source names another server; it has to be a path on this one.');
  if (source.includes(MARK.slice(1))) throw new Unreadable('The source is a variant itself.');
  const draft = setting.start();
  applyOptions(path.slice(at + MARK.length, slash), draft);
  const original = readSource('The source', source, rules);
  return { original: { path: original.path, query: own }, draft, expiresS };
}

function applyOptions(text: string, draft: Draft): void {
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const eq = part.indexOf('=');
    const name = eq < 0 ? part : part.slice(0, eq);
    const option = Object.hasOwn(SHORT, name) ? SHORT[name]! : name;
    if (!Object.hasOwn(OPTIONS, option)) {
      if (NOT_OFFERED.has(option) || option.startsWith('trim.'))
        throw new Unreadable(`${option.split('.')[0]} is an option of Cloudflare that is not offered here.`);
      throw new Unreadable(
        `There is an option that is not known; known are: ${Object.keys(OPTIONS).join(', ')}.`,
      );
    }
    if (seen.has(option)) throw new Unreadable(`${option} is there twice.`);
    seen.add(option);
    const value = eq < 0 ? undefined : decodeText(part.slice(eq + 1));
    if (value === undefined) throw new Unreadable(`${option} has no value.`);
    OPTIONS[option]!(value, draft);
  }
}

const SHORT: Readonly<Record<string, string>> = {
  w: 'width',
  h: 'height',
  q: 'quality',
  f: 'format',
  g: 'gravity',
};

const NOT_OFFERED: ReadonlySet<string> = new Set(
  'border brightness contrast gamma draw segment zoom upscale origin-auth'.split(' '),
);

const FITS: Readonly<Record<string, readonly [Fit, enlarge: boolean]>> = {
  'scale-down': ['inside', false],
  contain: ['inside', true],
  cover: ['cover', true],
  crop: ['cover', false],
  pad: ['contain', true],
  squeeze: ['fill', true],
};

/** Quality in words is that of how it looks: what is common for JPEG. */
const QUALITIES: Readonly<Record<string, number>> = {
  high: 85,
  'medium-high': 75,
  'medium-low': 60,
  low: 45,
};

const GRAVITIES: Readonly<Record<string, Position>> = {
  auto: 'attention',
  face: 'attention',
  left: 'west',
  right: 'east',
  top: 'north',
  bottom: 'south',
  center: 'centre',
};

const FORMATS: Readonly<Record<string, Draft['output']>> = {
  auto: 'negotiated',
  avif: 'avif',
  webp: 'webp',
  jpeg: 'jpeg',
  jpg: 'jpeg',
  'baseline-jpeg': 'jpeg',
  png: 'png',
  gif: 'gif',
  json: 'json',
};

/** Every option that is offered. */
const OPTIONS: Readonly<Record<string, (value: string, draft: Draft) => void>> = {
  width: (value, draft) => {
    // What the request says, where the route lets it.
    draft.width = value === 'auto' ? undefined : readPixels('width', value, PIXELS_MAX);
  },
  height: (value, draft) => {
    draft.height = readPixels('height', value, PIXELS_MAX);
  },
  dpr: (value, draft) => {
    draft.dpr = readNumber('dpr', value, 0.1, 10);
  },
  fit: (value, draft) => {
    [draft.fit, draft.enlarge] = readWord('fit', value, FITS);
  },
  gravity: (value, draft) => {
    const [x, y, ...more] = value.split('x');
    const isPoint = y !== undefined && more.length === 0 && /^[\d.]/.test(value);
    draft.position = isPoint
      ? { x: readNumber('gravity', x!, 0, 1), y: readNumber('gravity', y, 0, 1) }
      : readWord('gravity', value, GRAVITIES);
  },
  quality: (value, draft) => {
    draft.quality = /^\d/.test(value)
      ? readWhole('quality', value, 1, 100)
      : readWord('quality', value, QUALITIES);
  },
  format: (value, draft) => {
    draft.output = readWord('format', value, FORMATS);
    draft.progressive = value !== 'baseline-jpeg';
    draft.fallback = undefined;
  },
  anim: (value, draft) => {
    draft.animated = readSwitch('anim', value);
  },
  background: (value, draft) => {
    draft.background = readColour('background', value, 'behind');
  },
  blur: (value, draft) => {
    const radius = readNumber('blur', value, 0, 250);
    draft.blur = radius === 0 ? 0 : Math.min(100, Math.max(0.3, radius / 2));
  },
  sharpen: (value, draft) => {
    const strength = readNumber('sharpen', value, 0, 10);
    draft.sharpen = strength === 0 ? 0 : Math.max(0.3, strength);
  },
  rotate: (value, draft) => {
    draft.rotate = readWord('rotate', value, { '0': 0, '90': 90, '180': 180, '270': 270, '360': 0 });
  },
  flip: (value, draft) => {
    const way = readWord('flip', value, { h: 'h', v: 'v', hv: 'hv', vh: 'hv' });
    draft.flop = way.includes('h');
    draft.flip = way.includes('v');
  },
  trim: (value, draft) => {
    if (/^[\d;.]+$/.test(value)) throw new Unreadable('trim by lengths is not offered here; trim=border is.');
    draft.trim = readWord('trim', value, { border: 10 });
  },
  saturation: (value, draft) => {
    const saturation = readNumber('saturation', value, 0, 100);
    if (saturation !== 0 && saturation !== 1)
      throw new Unreadable(`saturation is ${saturation}; offered are 0, which is grey, and 1.`);
    draft.grey = saturation === 0;
  },
  metadata: (value, draft) => {
    // No more than the copyright is ever kept: places and devices are nobody's business.
    draft.metadata = readWord('metadata', value, {
      none: 'none',
      copyright: 'copyright',
      keep: 'copyright',
    } as const);
  },
  // What is done when an image fails is the route's to say, and how fast it is made is not the address's.
  onerror: (value) => void readWord('onerror', value, { redirect: true }),
  compression: (value) => void readWord('compression', value, { fast: true }),
  'slow-connection-quality': (value) => {
    if (/^\d/.test(value)) readWhole('slow-connection-quality', value, 1, 100);
    else readWord('slow-connection-quality', value, QUALITIES);
  },
};
