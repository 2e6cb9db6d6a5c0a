import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { FITS, GRAVITIES, PLAIN } from '../../image/variant.ts';
import {
  boxOf,
  chain,
  isUpright,
  layoutOf,
  storedBox,
  type Turn,
  turnedSize,
  turnOfOrientation,
  turnOfVariant,
  UPRIGHT,
  type Wish,
} from './geometry.ts';

const TURNS: Turn[] = [false, true].flatMap((flop) => [0, 1, 2, 3].map((quarters) => ({ flop, quarters })));

/** A picture of letters, row by row, turned the slow way. */
function turnLetters(rows: readonly string[], { flop, quarters }: Turn): string[] {
  let now = flop ? rows.map((row) => [...row].reverse().join('')) : [...rows];
  for (let quarter = 0; quarter < quarters; quarter += 1)
    now = [...now[0]!].map((_, x) =>
      now
        .map((row) => row[x])
        .reverse()
        .join(''),
    );
  return now;
}

const LETTERS = ['abc', 'def'];

describe('turns', () => {
  test('one after the other are one', () => {
    for (const first of TURNS) {
      for (const second of TURNS) {
        expect(turnLetters(LETTERS, chain(first, second))).toEqual(
          turnLetters(turnLetters(LETTERS, first), second),
        );
      }
    }
  });

  test('orientations are those of EXIF', () => {
    // How the picture "abc def" is stored, by the orientation that a viewer has to undo.
    const stored: Record<number, string[]> = {
      1: ['abc', 'def'],
      2: ['cba', 'fed'],
      3: ['fed', 'cba'],
      4: ['def', 'abc'],
      5: ['ad', 'be', 'cf'],
      6: ['cf', 'be', 'ad'],
      7: ['fc', 'eb', 'da'],
      8: ['da', 'eb', 'fc'],
    };
    for (const [orientation, rows] of Object.entries(stored))
      expect(turnLetters(rows, turnOfOrientation(Number(orientation)))).toEqual(LETTERS);
    for (const other of [undefined, 0, 9, -1, 1.5]) expect(turnOfOrientation(other)).toEqual(UPRIGHT);
  });

  test('a variant turns first, and flips then', () => {
    const turned = (rotate: number, flip: boolean, flop: boolean) =>
      turnLetters(LETTERS, turnOfVariant({ rotate, flip, flop }));
    expect(turned(90, false, false)).toEqual(['da', 'eb', 'fc']);
    expect(turned(0, true, false)).toEqual(['def', 'abc']);
    expect(turned(0, false, true)).toEqual(['cba', 'fed']);
    expect(turned(90, true, false)).toEqual(['fc', 'eb', 'da']);
    expect(turned(180, true, true)).toEqual(LETTERS);
    expect(turned(45, false, false)).toEqual(LETTERS);
    expect(isUpright(turnOfVariant({ rotate: 180, flip: true, flop: true }))).toBe(true);
  });

  test('a part of the turned picture is found where it is stored', () => {
    const stored = { width: 3, height: 2 };
    for (const turn of TURNS) {
      const shown = turnLetters(LETTERS, turn);
      const size = turnedSize(stored, turn);
      expect([shown[0]!.length, shown.length]).toEqual([size.width, size.height]);
      for (let top = 0; top < size.height; top += 1) {
        for (let left = 0; left < size.width; left += 1) {
          for (let width = 1; left + width <= size.width; width += 1) {
            for (let height = 1; top + height <= size.height; height += 1) {
              const box = storedBox({ left, top, width, height }, stored, turn);
              const cut = LETTERS.slice(box.top, box.top + box.height).map((row) =>
                row.slice(box.left, box.left + box.width),
              );
              const expected = shown.slice(top, top + height).map((row) => row.slice(left, left + width));
              expect(turnLetters(cut, turn)).toEqual(expected);
            }
          }
        }
      }
    }
  });
});

describe('rectangles', () => {
  const size = { width: 100, height: 50 };
  test('are cut to the image, in pixels and in fractions', () => {
    const at = (x: number, y: number, width: number, height: number, relative = false) =>
      boxOf({ x, y, width, height, relative }, size);
    expect(at(10, 20, 30, 10)).toEqual({ left: 10, top: 20, width: 30, height: 10 });
    expect(at(90, 40, 100, 100)).toEqual({ left: 90, top: 40, width: 10, height: 10 });
    expect(at(0.5, 0.5, 0.25, 0.5, true)).toEqual({ left: 50, top: 25, width: 25, height: 25 });
    expect(at(0, 0, 100, 50)).toBeUndefined();
    expect(at(0, 0, 1, 1, true)).toBeUndefined();
  });
  test('that lie outside are as if they were not there', () => {
    expect(boxOf({ x: 100, y: 0, width: 5, height: 5, relative: false }, size)).toBeUndefined();
    expect(boxOf({ x: 0, y: 0.999, width: 0.001, height: 0.001, relative: true }, size)).toBeUndefined();
    expect(boxOf(undefined, size)).toBeUndefined();
  });
});

function wish(changes: Partial<Wish>): Wish {
  return { ...PLAIN, ...changes };
}

describe('layouts', () => {
  const wide = { width: 400, height: 200 };
  const sizes = (changes: Partial<Wish>, source = wide) => {
    const { scaled, result } = layoutOf(source, wish(changes));
    return [scaled, result].map(({ width, height }) => `${width}x${height}`).join(' ');
  };

  test('inside and outside keep the shape', () => {
    expect(sizes({ width: 100 })).toBe('100x50 100x50');
    expect(sizes({ height: 100 })).toBe('200x100 200x100');
    expect(sizes({ width: 100, height: 100 })).toBe('100x50 100x50');
    expect(sizes({ width: 100, height: 100, fit: 'outside' })).toBe('200x100 200x100');
    expect(sizes({})).toBe('400x200 400x200');
    expect(sizes({ width: 133 }, { width: 1000, height: 1 })).toBe('133x1 133x1');
  });

  test('nothing becomes larger unless it may', () => {
    expect(sizes({ width: 800 })).toBe('400x200 400x200');
    expect(sizes({ width: 800, enlarge: true })).toBe('800x400 800x400');
    expect(sizes({ width: 500, height: 500, fit: 'outside' })).toBe('400x200 400x200');
    expect(sizes({ width: 500, height: 500, fit: 'contain' })).toBe('400x200 500x500');
    expect(sizes({ width: 500, height: 500, fit: 'contain', enlarge: true })).toBe('500x250 500x500');
  });

  test('cover and fill keep the shape that was asked for where they cannot have the size', () => {
    expect(sizes({ width: 800, height: 800, fit: 'cover' })).toBe('400x200 200x200');
    expect(sizes({ width: 800, height: 200, fit: 'cover' })).toBe('400x200 400x100');
    expect(sizes({ width: 800, height: 800, fit: 'fill' })).toBe('200x200 200x200');
    expect(sizes({ width: 800, height: 800, fit: 'cover', enlarge: true })).toBe('1600x800 800x800');
    expect(sizes({ width: 100, height: 100, fit: 'fill' })).toBe('100x100 100x100');
  });

  test('cover keeps the edge, the corner or the point', () => {
    const crop = (position: Wish['position'], source = wide) => {
      const { crop } = layoutOf(source, wish({ width: 100, height: 100, fit: 'cover', position }));
      return crop && [crop.left, crop.top];
    };
    const tall = { width: 200, height: 400 };
    expect(crop('centre')).toEqual([50, 0]);
    expect(crop('west')).toEqual([0, 0]);
    expect(crop('northeast')).toEqual([100, 0]);
    expect(crop('south', tall)).toEqual([0, 100]);
    expect(crop('northwest', tall)).toEqual([0, 0]);
    // The point is in the middle, until the image ends.
    expect(crop({ x: 0.5, y: 0.1 })).toEqual([50, 0]);
    expect(crop({ x: 0.4, y: 0.1 })).toEqual([30, 0]);
    expect(crop({ x: 0, y: 0 })).toEqual([0, 0]);
    expect(crop({ x: 0.99, y: 0.5 })).toEqual([100, 0]);
    expect(crop({ x: 0.5, y: 0.75 }, tall)).toEqual([0, 100]);
    expect(crop({ x: 7, y: -1 }, tall)).toEqual([0, 0]);
  });

  test('contain puts the image where it is to be', () => {
    const put = (position: Wish['position']) => {
      const { canvas } = layoutOf(wide, wish({ width: 100, height: 100, fit: 'contain', position }));
      return canvas && [canvas.left, canvas.top];
    };
    expect(put('centre')).toEqual([0, 25]);
    expect(put('north')).toEqual([0, 0]);
    expect(put('southeast')).toEqual([0, 50]);
    expect(layoutOf(wide, wish({ width: 100, height: 50, fit: 'contain' })).canvas).toBeUndefined();
  });

  test('for any wish: the result is what was asked for, and what is cut out of is there', () => {
    const random = seededRandom(4);
    const length = (most: number): number => 1 + (random.u32() % most);
    for (let round = 0; round < 5000; round += 1) {
      const source = { width: length(3000), height: length(3000) };
      const asked = wish({
        width: random.u32() % 5 === 0 ? undefined : length(4000),
        height: random.u32() % 5 === 0 ? undefined : length(4000),
        fit: FITS[random.u32() % FITS.length]!,
        enlarge: random.u32() % 2 === 0,
        position:
          random.u32() % 2 === 0 ? GRAVITIES[random.u32() % 9]! : { x: random.next(), y: random.next() },
      });
      const { scaled, crop, canvas, result } = layoutOf(source, asked);
      const kept = crop ?? scaled;
      for (const size of [scaled, result, kept]) {
        expect(Number.isInteger(size.width) && Number.isInteger(size.height)).toBe(true);
        expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(1);
      }
      if (crop !== undefined) {
        expect(Math.min(crop.left, crop.top)).toBeGreaterThanOrEqual(0);
        expect(crop.left + crop.width).toBeLessThanOrEqual(scaled.width);
        expect(crop.top + crop.height).toBeLessThanOrEqual(scaled.height);
      }
      if (canvas === undefined) expect(result).toEqual({ width: kept.width, height: kept.height });
      else {
        expect(canvas.left + kept.width).toBeLessThanOrEqual(canvas.width);
        expect(canvas.top + kept.height).toBeLessThanOrEqual(canvas.height);
      }
      const isExact = asked.width !== undefined && asked.height !== undefined && asked.enlarge;
      if (isExact && ['cover', 'contain', 'fill'].includes(asked.fit))
        expect(result).toEqual({ width: asked.width!, height: asked.height! });
      if (!asked.enlarge && asked.fit !== 'contain') {
        expect(result.width).toBeLessThanOrEqual(source.width);
        expect(result.height).toBeLessThanOrEqual(source.height);
      }
    }
  });
});
