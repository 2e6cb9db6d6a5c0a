import { hex, readColour } from './colour.ts';
import { type Draft, type Setting, Unreadable } from './draft.ts';
import { type Crop, cropRect, readGravity, readWatermark } from './imgproxy-places.ts';
import { readOverlayPath } from './source.ts';
import { decodePath, readNumber, readSwitch, readTime, readWhole, readWord } from './values.ts';
import type { Fit, Overlay } from './variant.ts';

/** The processing options of the grammar `imgproxy`: `name:argument:argument`. Empty arguments leave things as they are. */

/** What the options of one address say together. */
export interface ImgproxyState {
  readonly draft: Draft;
  readonly setting: Setting;
  zoomX: number;
  zoomY: number;
  /** Of the background: 0 to 1. */
  alpha: number;
  expiresS?: number;
  isRaw?: boolean;
  /** The option is the extension behind the source: in an address of presets it is allowed. */
  isExtension?: boolean;
  /** Relative size and place of `crop`, which waits for `gravity`. */
  crop?: Crop;
  watermark?: Omit<Overlay, 'path'>;
  watermarkPath?: string;
}

const PIXELS_MAX = 65_535;
/** In one option: an address could name the same one a thousand times. */
const PRESETS_MAX = 16;

/** Applies one option. Throws {@link Unreadable}. */
export function applyOption(segment: string, state: ImgproxyState): void {
  const [written = '', ...args] = segment.split(':');
  const name = Object.hasOwn(SHORT, written) ? SHORT[written]! : written;
  if (!Object.hasOwn(OPTIONS, name)) {
    if (NOT_OFFERED.has(name))
      throw new Unreadable(`${name} is an option of imgproxy that is not offered here.`);
    throw new Unreadable(
      `There is an option that is not known; known are: ${Object.keys(OPTIONS).join(', ')}.`,
    );
  }
  if (state.setting.rules.presetsOnly && !FREE.has(name) && state.isExtension !== true)
    throw new Unreadable(`${name} is not allowed here: only presets are.`);
  OPTIONS[name]!(args, state);
}

/** What can only be said when all options are known. */
export function finish({ draft, crop, watermark, watermarkPath, setting, ...state }: ImgproxyState): void {
  if (draft.width !== undefined) draft.width = Math.max(1, Math.round(draft.width * state.zoomX));
  if (draft.height !== undefined) draft.height = Math.max(1, Math.round(draft.height * state.zoomY));
  if (draft.background !== undefined && state.alpha < 1)
    draft.background = draft.background.slice(0, 6) + hex(state.alpha * 255);
  if (crop !== undefined) draft.rect = cropRect(crop, draft.position);
  if (watermark === undefined) return;
  const { overlays } = setting.rules;
  const path = watermarkPath ?? overlays.find((overlay) => !overlay.endsWith('*'));
  if (path === undefined) throw new Unreadable('watermark needs an image: no single one is configured here.');
  draft.overlay = { ...watermark, path };
}

const SHORT: Readonly<Record<string, string>> = {
  rs: 'resize',
  s: 'size',
  rt: 'resizing_type',
  w: 'width',
  h: 'height',
  z: 'zoom',
  el: 'enlarge',
  ex: 'extend',
  g: 'gravity',
  c: 'crop',
  t: 'trim',
  ar: 'auto_rotate',
  rot: 'rotate',
  fl: 'flip',
  bg: 'background',
  bga: 'background_alpha',
  bl: 'blur',
  sh: 'sharpen',
  wm: 'watermark',
  wmu: 'watermark_url',
  pr: 'preset',
  q: 'quality',
  f: 'format',
  ext: 'format',
  sm: 'strip_metadata',
  kcr: 'keep_copyright',
  scp: 'strip_color_profile',
  da: 'disable_animation',
  cb: 'cachebuster',
  fn: 'filename',
  exp: 'expires',
  mw: 'min-width',
  mh: 'min-height',
  min_width: 'min-width',
  min_height: 'min-height',
  pd: 'padding',
  fq: 'format_quality',
  mb: 'max_bytes',
  pix: 'pixelate',
  pg: 'page',
  aq: 'autoquality',
  a: 'adjust',
  br: 'brightness',
  co: 'contrast',
  sa: 'saturation',
  skp: 'skip_processing',
  att: 'return_attachment',
  exar: 'extend_aspect_ratio',
};

const NOT_OFFERED: ReadonlySet<string> = new Set(
  (
    'min-width min-height padding format_quality max_bytes pixelate page autoquality adjust brightness contrast saturation ' +
    'skip_processing return_attachment extend_aspect_ratio resizing_algorithm unsharp_masking blur_detections draw_detections ' +
    'crop_aspect_ratio objects_position colorize gradient monochrome duotone style watermark_text watermark_size ' +
    'watermark_rotate watermark_shadow jpeg_options png_options webp_options avif_options gif_options pages dpi ' +
    'video_thumbnail_second fallback_image_url max_src_resolution max_src_file_size max_animation_frames hashsum preserve_hdr'
  ).split(' '),
);

/** What an address of presets may say besides. */
const FREE: ReadonlySet<string> = new Set(['preset', 'expires', 'cachebuster', 'filename']);

const TYPES: Readonly<Record<string, readonly [Fit, enlarge: boolean | undefined]>> = {
  fit: ['inside', undefined],
  fill: ['cover', undefined],
  'fill-down': ['cover', false],
  force: ['fill', undefined],
};

const FORMATS: Readonly<Record<string, Draft['output']>> = {
  jpg: 'jpeg',
  jpeg: 'jpeg',
  png: 'png',
  webp: 'webp',
  avif: 'avif',
  gif: 'gif',
  best: 'negotiated',
};

type Option = (args: readonly string[], state: ImgproxyState) => void;

/** Runs the readers on the arguments that are there. */
function each(args: readonly string[], ...readers: readonly ((arg: string) => void)[]): void {
  if (args.length > readers.length && args.slice(readers.length).some((arg) => arg !== ''))
    throw new Unreadable('An option has more arguments than it knows.');
  for (const [index, read] of readers.entries()) if ((args[index] ?? '') !== '') read(args[index]!);
}

/** 0 is for what follows from the rest. */
function readSide(name: string, arg: string): number | undefined {
  const value = readNumber(name, arg, 0, PIXELS_MAX);
  return value === 0 ? undefined : Math.max(1, Math.round(value));
}

const setType =
  ({ draft }: ImgproxyState) =>
  (arg: string) => {
    const [fit, enlarge] = readWord('resizing_type', arg, TYPES);
    draft.fit = fit;
    draft.enlarge = enlarge ?? draft.enlarge;
  };
const setWidth =
  ({ draft }: ImgproxyState) =>
  (arg: string) => {
    draft.width = readSide('width', arg);
  };
const setHeight =
  ({ draft }: ImgproxyState) =>
  (arg: string) => {
    draft.height = readSide('height', arg);
  };
const setEnlarge =
  ({ draft }: ImgproxyState) =>
  (arg: string) => {
    draft.enlarge = readSwitch('enlarge', arg);
  };
const setExtend =
  ({ draft }: ImgproxyState) =>
  (arg: string) => {
    // Only what fits inside leaves something to extend.
    if (readSwitch('extend', arg) && draft.fit === 'inside') draft.fit = 'contain';
  };

/** What is always so here: asking for it is fine, asking for the contrary is not. */
function always(name: string, value: boolean): Option {
  return (args) =>
    each(args, (arg) => {
      if (readSwitch(name, arg) !== value) throw new Unreadable(`${name} is always ${value} here.`);
    });
}

function sigma(name: string, key: 'blur' | 'sharpen', most: number): Option {
  return (args, { draft }) =>
    each(args, (arg) => {
      const value = readNumber(name, arg, 0, most);
      draft[key] = value === 0 ? 0 : Math.max(0.3, value);
    });
}

/** Every option that is offered. */
const OPTIONS: Readonly<Record<string, Option>> = {
  resize: (args, state) => {
    each(
      args.slice(0, 5),
      setType(state),
      setWidth(state),
      setHeight(state),
      setEnlarge(state),
      setExtend(state),
    );
    if (args.length > 5) extendGravity(args.slice(5), state);
  },
  size: (args, state) => {
    each(args.slice(0, 4), setWidth(state), setHeight(state), setEnlarge(state), setExtend(state));
    if (args.length > 4) extendGravity(args.slice(4), state);
  },
  resizing_type: (args, state) => each(args, setType(state)),
  width: (args, state) => each(args, setWidth(state)),
  height: (args, state) => each(args, setHeight(state)),
  zoom: ([x = '', y = x], state) => {
    state.zoomX = readNumber('zoom', x, 0.01, 10);
    state.zoomY = readNumber('zoom', y, 0.01, 10);
  },
  dpr: (args, { draft }) =>
    each(args, (arg) => {
      draft.dpr = readNumber('dpr', arg, 0.1, 10);
    }),
  enlarge: (args, state) => each(args, setEnlarge(state)),
  extend: (args, state) => {
    each(args.slice(0, 1), setExtend(state));
    if (args.length > 1) extendGravity(args.slice(1), state);
  },
  gravity: (args, { draft }) => {
    draft.position = readGravity('gravity', args, true);
  },
  crop: ([w = '0', h = '0', ...gravity], state) => {
    const [width, height] = [w, h].map((arg) => readNumber('crop', arg === '' ? '0' : arg, 0, 1_000_000));
    state.crop = { width: width!, height: height!, gravity };
  },
  trim: ([threshold = '', ...others], { draft }) => {
    if (others.some((arg) => arg !== '')) throw new Unreadable('trim takes a threshold only.');
    draft.trim = Math.max(1, Math.round(readNumber('trim', threshold, 0, 255)));
  },
  auto_rotate: always('auto_rotate', true),
  rotate: (args, { draft }) =>
    each(args, (arg) => {
      const angle = readWhole('rotate', arg, 0, 360);
      if (angle % 90 !== 0) throw new Unreadable(`rotate is ${angle}; it is a multiple of 90.`);
      draft.rotate = angle % 360;
    }),
  flip: (args, { draft }) =>
    each(
      args,
      (arg) => {
        draft.flop = readSwitch('flip', arg);
      },
      (arg) => {
        draft.flip = readSwitch('flip', arg);
      },
    ),
  background: (args, { draft }) => {
    if (args.length === 3)
      draft.background = args.map((arg) => hex(readWhole('background', arg, 0, 255))).join('');
    else if (args.length === 1)
      draft.background = args[0] === '' ? undefined : readColour('background', args[0]!, 'behind');
    else throw new Unreadable('background is one colour, or red, green and blue.');
  },
  background_alpha: (args, state) =>
    each(args, (arg) => {
      state.alpha = readNumber('background_alpha', arg, 0, 1);
    }),
  blur: sigma('blur', 'blur', 100),
  sharpen: sigma('sharpen', 'sharpen', 10),
  watermark: (args, state) => {
    state.watermark = readWatermark(args);
  },
  watermark_url: ([encoded = ''], state) => {
    state.watermarkPath = readOverlayPath(
      'watermark_url',
      decodePath('watermark_url', encoded),
      state.setting.rules,
    );
  },
  preset: (args, { draft, setting }) => {
    if (args.length > PRESETS_MAX) throw new Unreadable(`preset names more than ${PRESETS_MAX}.`);
    for (const name of args) setting.applyPreset(name, draft);
  },
  quality: (args, { draft }) =>
    each(args, (arg) => {
      const quality = readWhole('quality', arg, 0, 100);
      draft.quality = quality === 0 ? undefined : quality;
    }),
  format: (args, { draft }) =>
    each(args, (arg) => {
      draft.output = readWord('format', arg, FORMATS);
      draft.fallback = undefined;
    }),
  strip_metadata: always('strip_metadata', true),
  strip_color_profile: always('strip_color_profile', true),
  keep_copyright: (args, { draft }) =>
    each(args, (arg) => {
      draft.metadata = readSwitch('keep_copyright', arg) ? 'copyright' : 'none';
    }),
  disable_animation: (args, { draft }) =>
    each(args, (arg) => {
      draft.animated = !readSwitch('disable_animation', arg);
    }),
  // Neither changes the image: the one makes another address of it, the other names it for downloads.
  cachebuster: () => {},
  filename: () => {},
  expires: (args, state) =>
    each(args, (arg) => {
      state.expiresS = readTime('expires', arg);
    }),
  raw: (args, state) =>
    each(args, (arg) => {
      state.isRaw = readSwitch('raw', arg);
    }),
};

function extendGravity(args: readonly string[], { draft }: ImgproxyState): void {
  if (args.every((arg) => arg === '')) return;
  const position = readGravity('extend', args, false);
  if (draft.fit === 'contain') draft.position = position;
}
