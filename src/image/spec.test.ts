import { expect, test } from 'bun:test';
import { InternalFault } from '../base/assert.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { canonical, parseSpec, specOf } from './spec.ts';
import { FITS, GRAVITIES, OUTPUTS, PLAIN, type Variant } from './variant.ts';

const variant = (changes: Partial<Variant>): Variant => ({ ...PLAIN, ...changes });

test('only what differs is in the text, in one order', () => {
  expect(specOf(PLAIN)).toBe('~');
  expect(specOf(variant({ output: 'auto-webp', fit: 'cover', height: 300, width: 400 }))).toBe(
    '~w=400,h=300,fit=cover,f=auto-webp',
  );
  const overlay = {
    path: '/logos/a,b~c:d.png?v=1',
    scale: 0.25,
    gravity: 'southeast',
    margin: 8,
    opacity: 0.5,
    tile: false,
  } as const;
  expect(specOf(variant({ overlay, quality: 60, metadata: 'copyright', animated: false }))).toBe(
    '~q=60,still,keep=copyright,mark=southeast:8:0.5:0.25::/logos/a~1b~0c:d.png?v=1',
  );
});

test.each<[what: string, a: Partial<Variant>, b: Partial<Variant>]>([
  ['an edge to keep, where nothing is cut off', { width: 9, position: 'north' }, { width: 9 }],
  ['a fit without a second side', { width: 9, fit: 'cover' }, { width: 9 }],
  ['growth without a size', { enlarge: true }, {}],
  ['the middle as a focal point', cover({ position: { x: 0.5, y: 0.5 } }), cover({})],
  ['a corner as a focal point', cover({ position: { x: 1, y: 0 } }), cover({ position: 'northeast' })],
  ['a hair beside it', cover({ position: { x: 0.3, y: 0.70001 } }), cover({ position: { x: 0.3, y: 0.7 } })],
  ['the whole as a part', { rect: { x: 0, y: 0, width: 1, height: 1, relative: true } }, {}],
  ['mirrored both ways', { flip: true, flop: true, rotate: 270 }, { rotate: 90 }],
  ['an opaque background', { background: 'aabbccff' }, { background: 'aabbcc' }],
  [
    'quality without loss',
    { output: 'webp', lossless: true, quality: 5 },
    { output: 'webp', lossless: true },
  ],
  ['a JPEG without loss', { output: 'jpeg', lossless: true }, { output: 'jpeg' }],
  ['frames of a JPEG', { output: 'jpeg', animated: false }, { output: 'jpeg' }],
  ['an interlaced AVIF', { output: 'avif', progressive: false }, { output: 'avif' }],
  ['facts about the original', { output: 'json', width: 5, blur: 3, quality: 3 }, { output: 'json' }],
  ['the size of a placeholder', { output: 'lqip', width: 5, height: 7 }, { output: 'lqip' }],
])('%s makes no difference', (_, a, b) => {
  expect(specOf(variant(a))).toBe(specOf(variant(b)));
  expect(canonical(variant(a))).toEqual(canonical(variant(b)));
});

function cover(changes: Partial<Variant>): Partial<Variant> {
  return { width: 40, height: 30, fit: 'cover', ...changes };
}

test.each([
  '',
  'w=400',
  '~w=400,',
  '~h=300,w=400',
  '~w=0400',
  '~w=',
  '~wide=4',
  '~w=400,w=400',
  '~flip=1',
  '~fit=inside',
  '~fit=squash',
  '~at=north',
  '~bg=',
  '~rect=1:2:3',
  '~mark=north',
  '~q=auto',
])('a text that is not written so is a fault: %p', (text) => {
  expect(() => parseSpec(text)).toThrow(InternalFault);
});

test('texts are for keys and header fields, and come back as the variant they are of', () => {
  const random = seededRandom(41);
  const seen = new Map<string, Variant>();
  for (let i = 0; i < 20_000; i += 1) {
    const made = anyVariant(random);
    const spec = specOf(made);
    expect(spec).toMatch(/^~[!#-[\]-~]*$/);
    const back = parseSpec(spec);
    expect(back).toEqual(canonical(made));
    expect(specOf(back)).toBe(spec);
    const other = seen.get(spec);
    if (other !== undefined) expect(back).toEqual(other);
    seen.set(spec, back);
  }
  expect(seen.size).toBeGreaterThan(15_000);
});

function anyVariant(random: Random): Variant {
  const one = <T>(values: readonly T[]): T => values[random.u32() % values.length]!;
  const maybe = <T>(value: () => T): T | undefined => (random.u32() % 3 === 0 ? value() : undefined);
  const side = () => 1 + (random.u32() % 4000);
  const share = () => one([0, 0.5, 1, random.next()]);
  const whole = random.u32() % 2 === 0;
  return {
    output: one(OUTPUTS),
    width: maybe(side),
    height: maybe(side),
    fit: one(FITS),
    enlarge: one([true, false]),
    position: one([...GRAVITIES, { x: share(), y: share() }]),
    rect: maybe(() =>
      whole
        ? { x: side(), y: side(), width: side(), height: side(), relative: false }
        : { x: share(), y: share(), width: share(), height: share(), relative: true },
    ),
    rotate: random.u32() % 360,
    flip: one([true, false]),
    flop: one([true, false]),
    trim: random.u32() % 256,
    blur: one([0, random.next() * 100]),
    sharpen: one([0, random.next() * 10]),
    grey: one([true, false]),
    background: maybe(() => one(['ffffff', '00ff0080', '000000ff'])),
    quality: one(['auto', 1 + (random.u32() % 100)] as const),
    lossless: one([true, false]),
    progressive: one([true, false]),
    animated: one([true, false]),
    metadata: one(['none', 'copyright']),
    overlay: maybe(() => ({
      path: one(['/a.png', '/a,b~0~1:%2C.png?x=~1,2', '/~']),
      scale: maybe(share),
      gravity: one(['centre', 'northwest', 'east']),
      margin: side(),
      opacity: share(),
      tile: one([true, false]),
    })),
  };
}
