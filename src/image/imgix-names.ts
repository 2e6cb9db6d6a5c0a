/** The options that are offered. `preset`, `animated`, `grey`, `metadata` and `progressive` are not of imgix. */
export const OWN: ReadonlySet<string> = new Set([
  'w',
  'h',
  'fit',
  'crop',
  'fp-x',
  'fp-y',
  'ar',
  'dpr',
  'rect',
  'rot',
  'flip',
  'trim',
  'trim-tol',
  'blur',
  'sharp',
  'sat',
  'grey',
  'bg',
  'fill',
  'fill-color',
  'q',
  'auto',
  'fm',
  'lossless',
  'progressive',
  'animated',
  'frame',
  'metadata',
  'ch',
  'mark',
  'mark-align',
  'mark-scale',
  'mark-pad',
  'mark-alpha',
  'mark-tile',
  'preset',
  's',
  'expires',
]);

/**
 * Options of imgix that change the picture and cannot be had: to leave them out in silence would show another picture. First
 * those that have others named after them, as `txt` has `txt-size`.
 */
const FAMILIES: ReadonlySet<string> = new Set(
  'bg blend border corner duotone face fill fp grid jpg mark mask object-removal pad rot trim txt upscale video gif'.split(
    ' ',
  ),
);
const SINGLE: ReadonlySet<string> = new Set(
  (
    'bri con exp gam high hue hue-shift invert shad sharp-radius usm usmrad vib sepia monochrome htn px nr nrs orient ' +
    'max-w max-h min-w min-h faceindex facepad faces page palette colors prefix chromasub colorquant cs dpi iptc fps ' +
    'loop interval reverse transparency rasterize-bypass dl'
  ).split(' '),
);

/**
 * What a name is called that imgix knows and that is not offered here; also one whose value is in base64 (`w64`). Of a family its
 * first name; undefined for all others.
 */
export function notOffered(name: string): string | undefined {
  const bare = name.endsWith('64') ? name.slice(0, -2) : name;
  if (SINGLE.has(bare) || (bare !== name && OWN.has(bare))) return name;
  for (const family of FAMILIES) if (bare === family || bare.startsWith(`${family}-`)) return family;
  return undefined;
}
