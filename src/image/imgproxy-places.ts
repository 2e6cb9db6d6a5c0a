import { Unreadable } from './draft.ts';
import { readNumber, readWhole, readWord } from './values.ts';
import type { Gravity, Overlay, Position, Rect } from './variant.ts';

/** Places in an image, as the grammar `imgproxy` says them: gravity, what is cut out, and where a watermark is. */

/** What `crop` says: below 1 is a share of the image, 0 all of it; `gravity` as it was written. */
export interface Crop {
  readonly width: number;
  readonly height: number;
  readonly gravity: readonly string[];
}

const GRAVITIES: Readonly<Record<string, Exclude<Gravity, 'attention' | 'entropy'>>> = {
  ce: 'centre',
  no: 'north',
  so: 'south',
  ea: 'east',
  we: 'west',
  noea: 'northeast',
  nowe: 'northwest',
  soea: 'southeast',
  sowe: 'southwest',
};

/** `ce`, `fp:0.5:0.3`, `sm`: where. Offsets other than 0 cannot be had. */
export function readGravity(name: string, args: readonly string[], isSmartAllowed: boolean): Position {
  const [type = '', x = '', y = '', ...more] = args;
  if (more.length > 0) throw new Unreadable(`${name} has more arguments than it knows.`);
  if (type === 'fp') return { x: readNumber(name, x, 0, 1), y: readNumber(name, y, 0, 1) };
  if (type === 'sm' && isSmartAllowed) return 'attention';
  const gravity = readWord(name, type, GRAVITIES);
  for (const offset of [x, y]) {
    if (offset !== '' && Number(offset) !== 0)
      throw new Unreadable(`${name} with an offset is not offered here.`);
  }
  return gravity;
}

/** Absolute sizes are only known to begin somewhere in the corner; relative ones anywhere. */
export function cropRect(crop: Crop, position: Position): Rect {
  const { width, height, gravity } = crop;
  const isAbsolute = width >= 1 || height >= 1;
  if (isAbsolute && gravity[0] === 'nowe' && width >= 1 && height >= 1) {
    const [x, y] = [gravity[1], gravity[2]].map((arg) =>
      arg === undefined || arg === '' ? 0 : readWhole('crop', arg, 0, 1_000_000),
    );
    return { x: x!, y: y!, width: Math.round(width), height: Math.round(height), relative: false };
  }
  if (isAbsolute) throw new Unreadable('crop in pixels is offered from the corner only: crop:w:h:nowe:x:y.');
  const where = gravity.length > 0 ? readGravity('crop', gravity, false) : position;
  const [across, down] = [width || 1, height || 1];
  const { x, y } = pointOf(where);
  // A focal point is the middle of what is cut out, as far as there is something around it.
  const place = (at: number, side: number): number =>
    typeof where === 'string' ? at * (1 - side) : Math.min(1 - side, Math.max(0, at - side / 2));
  return { x: place(x, across), y: place(y, down), width: across, height: down, relative: true };
}

function pointOf(where: Position): { readonly x: number; readonly y: number } {
  if (typeof where !== 'string') return where;
  if (where === 'attention' || where === 'entropy')
    throw new Unreadable('crop before the resize cannot look for what draws the eye.');
  const x = where.endsWith('west') ? 0 : where.endsWith('east') ? 1 : 0.5;
  const y = where.startsWith('north') ? 0 : where.startsWith('south') ? 1 : 0.5;
  return { x, y };
}

/** `opacity:position:x:y:scale`; the same offset from both edges, which is the margin. */
export function readWatermark(args: readonly string[]): Omit<Overlay, 'path'> {
  const [opacity = '', position = '', x = '', y = '', scale = ''] = args;
  if (args.length > 5) throw new Unreadable('watermark has more arguments than it knows.');
  const [left, top] = [x, y].map((arg) => (arg === '' ? 0 : readWhole('watermark', arg, 0, 10_000)));
  if (left !== top && x !== '' && y !== '')
    throw new Unreadable('watermark with two different offsets is not offered here.');
  const share = scale === '' ? 0 : readNumber('watermark', scale, 0, 1);
  const tile = position === 're';
  return {
    opacity: opacity === '' ? 1 : readNumber('watermark', opacity, 0.01, 1),
    gravity: tile || position === '' ? 'centre' : readWord('watermark', position, GRAVITIES),
    margin: Math.max(left!, top!),
    scale: share === 0 ? undefined : share,
    tile,
  };
}
