import { z } from 'zod';
import { GRAMMARS, HINTS, OPERATIONS, OUTPUT_FORMATS } from '../image/rules.ts';
import { NAME_EXPECTS, NAME_PATTERN, readName } from './names.ts';
import { pathPattern } from './path-pattern.ts';
import { choice, flag, group, integer, lifetime, META, type Refusal, size, text, timeout } from './table.ts';

/** The option table: variants of images. What the node as a whole spends on them, and what each route makes of addresses. */

const orAuto = (about: string, effect: 'live' | 'restart', max: number) =>
  z.union([z.literal('auto'), z.int().min(1).max(max)]).register(META, {
    kind: 'integer',
    about,
    effect,
    expects: `auto or a whole number from 1 to ${max}`,
    min: '1',
    max: `${max}`,
  });

/** `images`: bounds on the making of variants. */
export const IMAGES = group(
  'What making variants of images may cost. They are made in a process of their own, which is started when the first route has images, so that nothing in a picture can harm the node.',
  {
    concurrency: orAuto(
      'Images that are transformed at a time. auto: one more than the processors that the node may use, so that none stands idle. What is stored is served all the while, ahead of them.',
      'restart',
      64,
    ).prefault('auto'),
    memory: size({
      about:
        'How large the process that transforms may become, beside the cache. Above it, it is ended and started again, and the image that it worked on alone is not tried again for a while.',
      effect: 'restart',
      min: '128MiB',
      max: '1TiB',
    }).prefault('1GiB'),
    timeout: timeout({
      about: 'Longest time for one variant: decoding, changing, encoding. Without the wait for its turn.',
      effect: 'restart',
      min: '100ms',
      max: '10m',
    }).prefault('30s'),
    queue: group('Where variants wait while as many are being made as may be.', {
      max: integer({
        about:
          'Most variants that wait; the next one fails at once. Those that no client waits for leave first.',
        effect: 'restart',
        min: 0,
        max: 65_536,
      }).prefault(500),
      timeout: timeout({
        about: 'Longest wait. A queue without end makes everybody late instead of a few.',
        effect: 'restart',
        min: '10ms',
        max: '10m',
      }).prefault('10s'),
      size: size({
        about:
          'Most bytes of originals that are held for variants that are being made or wait. At least maxInput.',
        effect: 'restart',
        min: '1MiB',
        max: '1TiB',
      }).prefault('256MiB'),
    }).prefault({}),
    maxInput: size({
      about: 'Largest original that is transformed, in bytes. Larger ones are served only as they are.',
      effect: 'restart',
      min: '1KiB',
      max: '1GiB',
    }).prefault('64MiB'),
    maxPixels: integer({
      about:
        'Most pixels of an original, all frames together: what a small file unpacks to. Each may take 4 bytes of memory.',
      effect: 'restart',
      min: 10_000,
      max: 10_000_000_000,
    }).prefault(100_000_000),
    maxOutputPixels: integer({
      about: 'Most pixels of a variant, all frames together.',
      effect: 'restart',
      min: 10_000,
      max: 1_000_000_000,
    }).prefault(40_000_000),
    maxFrames: integer({
      about: 'Most frames of an animation.',
      effect: 'restart',
      min: 1,
      max: 10_000,
    }).prefault(300),
  },
);

const listOf = <T extends z.ZodType>(item: T, most: number, about: string, expects: string) =>
  z.array(item).max(most).register(META, { kind: 'list', about, expects, effect: 'live' });

const PRESET = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

function readPresetName(input: string): string | Refusal {
  if (new RegExp(PRESET).test(input)) return input;
  return {
    reason: 'this is not a name for a preset',
    remedy: 'use at most 63 letters, digits, - and _, such as hero or card_small',
  };
}

const OPTION_TEXT = { expects: 'image options in the words of the grammar imgix, such as w=400&fit=crop' };

/** Options are judged where the whole route is known. */
function readOptions(input: string): string | Refusal {
  if (/^[\x21-\x7e]{0,1024}$/.test(input) && !/[?#]/.test(input)) return input;
  return {
    reason: 'these are not image options',
    remedy: 'write them like w=400&fit=crop&q=70: without ?, # and spaces',
  };
}

/** Secrets are never shown, so that only their length is judged here; a route's grammar says what else they have to be. */
function readSecret(input: string): string | Refusal {
  if (/^[\x21-\x7e]{1,512}$/.test(input)) return input;
  return {
    reason: 'this cannot be a key',
    remedy: 'use visible ASCII characters without spaces, such as the output of: openssl rand -hex 32',
  };
}

const signing = group(
  'Signed addresses, so that nobody but you makes up variants. Without it, anybody can.',
  {
    required: flag({
      about:
        'Whether addresses without a signature are refused. With false, a signature that is there still has to be right.',
      effect: 'live',
    }).prefault(true),
    keys: z
      .array(
        group('One key.', {
          key: text(
            {
              about:
                'What addresses are signed with: HMAC-SHA256. For the grammar imgproxy in hexadecimal, else the bytes of the text. At least 16 bytes. Take it from the environment.',
              effect: 'live',
              secret: true,
              expects: 'at least 16 bytes',
            },
            readSecret,
          ),
          salt: text(
            {
              about: 'Only for the grammar imgproxy: what is put before the path, in hexadecimal.',
              effect: 'live',
              secret: true,
              expects: 'hexadecimal digits',
              defaultNote: 'none',
            },
            readSecret,
          ).optional(),
        }),
      )
      .min(1)
      .max(8)
      .register(META, {
        kind: 'list',
        secret: true,
        about:
          'The first one signs (holdfast sign), any of them verifies: to replace a key put the new one before it, and remove the old one when its addresses are no longer about.',
        expects: 'a list of 1 to 8 keys',
        effect: 'live',
      }),
  },
);

const choosing = {
  grammar: choice(GRAMMARS, {
    about:
      'How addresses speak of variants. imgix: parameters of the query (?w=400&auto=format). cloudflare: /cdn-cgi/image/width=400/photo.jpg. imgproxy: /signature/rs:fit:400/plain/photo.jpg. next: what the Image component of Next.js asks for. See docs/images.md.',
    effect: 'live',
  }).prefault('imgix'),
  originals: text(
    {
      about:
        'Name of the route that originals are fetched through and cached by: with its origin, lifetimes and rules. They are cached once, whatever is made of them.',
      effect: 'live',
      expects: NAME_EXPECTS,
      pattern: NAME_PATTERN,
      defaultNote: 'this route',
    },
    readName,
  ).optional(),
  formats: listOf(
    choice(OUTPUT_FORMATS, { about: 'A format.', effect: 'live' }),
    OUTPUT_FORMATS.length,
    'Formats that addresses may ask for, and that are chosen from where an address leaves it to the browser. jpeg or png has to be among them. An address that says nothing of a format keeps that of the original.',
    'a list of avif, webp, jpeg, png and gif',
  ).prefault([...OUTPUT_FORMATS]),
  defaults: text(
    {
      about:
        'Options that every address has unless it says otherwise, in the words of the grammar imgix: auto=format&q=70. With any, no address of this route is for the original itself.',
      effect: 'live',
      ...OPTION_TEXT,
      defaultNote: 'none',
    },
    readOptions,
  ).optional(),
  presets: z
    .record(
      text(
        { about: 'A name.', effect: 'live', expects: 'a name of letters, digits, - and _', pattern: PRESET },
        readPresetName,
      ),
      text({ about: 'Image options.', effect: 'live', ...OPTION_TEXT }, readOptions),
    )
    .register(META, {
      kind: 'map',
      about:
        'Options by a name of yours, in the words of the grammar imgix: hero: w=1600&h=600&fit=crop. Addresses say preset=hero (imgix) or pr:hero (imgproxy).',
      expects: 'names with image options',
      effect: 'live',
      defaultNote: 'none',
    })
    .prefault({}),
  presetsOnly: flag({
    about: 'Whether addresses may name presets and nothing else: the closest to a fixed list of variants.',
    effect: 'live',
  }).prefault(false),
  operations: listOf(
    choice(OPERATIONS, { about: 'A kind of operation.', effect: 'live' }),
    OPERATIONS.length,
    'What addresses may ask for. Presets and defaults are held to it as well. Overlays also need the option overlays.',
    `a list of ${OPERATIONS.join(', ')}`,
  ).prefault([...OPERATIONS]),
};

const bounding = {
  widths: listOf(
    integer({ about: 'A width in pixels.', effect: 'live', min: 1, max: 16_384 }),
    64,
    'The widths that there are, in pixels, device pixel ratio included: what the srcset of your pages names. With none, every width up to maxSide is another variant.',
    'a list of at most 64 widths from 1 to 16384',
  ).prefault([]),
  otherWidths: choice(['snap', 'refuse'], {
    about:
      'What becomes of a width that is not in widths: the next larger one that is (else the largest), in the same shape; or a refusal.',
    effect: 'live',
  }).prefault('snap'),
  maxSide: integer({
    about:
      'Largest width or height of a variant that may be asked for, in pixels, device pixel ratio included.',
    effect: 'live',
    min: 16,
    max: 16_384,
  }).prefault(4096),
  maxDpr: integer({
    about:
      'Largest device pixel ratio; larger ones are taken for it. Ratios count as 1, 1.5, 2, 3 and this one.',
    effect: 'live',
    min: 1,
    max: 5,
  }).prefault(3),
  quality: orAuto(
    'Quality where an address names none, in the scale of the format. auto: found for each image, so that it looks like the original at the least size.',
    'live',
    100,
  ).prefault('auto'),
  minQuality: integer({
    about: 'Least quality that an address may name.',
    effect: 'live',
    min: 1,
    max: 100,
  }).prefault(1),
  maxQuality: integer({
    about: 'Largest quality that an address may name. Above 90 files grow and nobody sees why.',
    effect: 'live',
    min: 1,
    max: 100,
  }).prefault(100),
  hints: listOf(
    choice(HINTS, { about: 'A hint.', effect: 'live' }),
    HINTS.length,
    'Request fields that may choose a variant besides Accept: dpr (DPR, Sec-CH-DPR), width (Width, Sec-CH-Width), save-data. Each makes further copies in every cache between you and your readers; srcset needs none of them.',
    'a list of dpr, width and save-data',
  ).prefault([]),
};

const failing = {
  signing: signing.optional(),
  overlays: listOf(
    pathPattern(),
    100,
    'Paths on this node, as in match.paths, that watermarks may come from. With none, there are no overlays; never from other servers.',
    'a list of paths',
  ).prefault([]),
  provisional: listOf(
    choice(['avif'], { about: 'A format that takes long to make.', effect: 'live' }),
    1,
    'Formats in whose place a cheaper one is served at first, for provisionalLifetime, while the expensive one is made in the background. With [avif], the first reader of a variant gets WebP at once instead of AVIF after a second.',
    'a list of avif, or an empty one',
  ).prefault([]),
  provisionalLifetime: lifetime({
    about: 'For how long browsers and caches may keep what only stands in for the expensive format.',
    effect: 'live',
    min: '1s',
    max: '1d',
  }).prefault('1m'),
  onFailure: choice(['error', 'original'], {
    about:
      'What is served when a variant cannot be made: the error, or the original as it is, marked, for fallbackLifetime. An original is a picture that is too large; an error is a hole in the page.',
    effect: 'live',
    defaultNote:
      'original; error with signing, presetsOnly or overlays, where originals may not be meant for everybody',
  }).optional(),
  fallbackLifetime: lifetime({
    about: 'For how long browsers and caches may keep what is served in place of a variant that failed.',
    effect: 'live',
    min: '1s',
    max: '1d',
  }).prefault('10s'),
  variants: group('What all variants of one original may take of the cache.', {
    max: integer({
      about:
        'Most variants of one original that are stored; with the next one, the one that was stored first leaves, unless it was asked for again meanwhile. Counts widths, formats and hints together.',
      effect: 'live',
      min: 1,
      max: 100_000,
    }).prefault(100),
    size: size({
      about: 'Most bytes of all variants of one original together.',
      effect: 'live',
      min: '64KiB',
      max: '1TiB',
    }).prefault('64MiB'),
  }).prefault({}),
};

/** `routes[].images`. Without the group, a route serves images as they are. */
export const ROUTE_IMAGES = group(
  'Variants of images: sizes, formats and changes that addresses ask for. The query is then options of images, and key.query is none unless it says otherwise.',
  { ...choosing, ...bounding, ...failing },
);
