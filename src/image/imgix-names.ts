/** The options that are offered. `preset`, `lossless`, `animated`, `grey`, `metadata` and `progressive` are not of imgix. */
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

/** Options of imgix that change the picture and cannot be had: to leave them out in silence would show another picture. */
const NOT_OFFERED: ReadonlySet<string> = new Set(
  (
    'bri con exp gam high hue-shift invert shad sharp-radius usm usmrad vib sepia monochrome duotone duotone-alpha ' +
    'duotone-color htn px nr nrs border border-radius border-radius-inner border-top border-bottom border-left ' +
    'border-right border-bottom-left border-bottom-right pad pad-top pad-bottom pad-left pad-right blend blend-mode ' +
    'blend-alpha blend-color blend-align blend-fit blend-w blend-h blend-x blend-y blend-pad blend-size mask ' +
    'mask-bg corner-radius orient max-w max-h min-w min-h fp-z fp-debug faceindex facepad faces fill-gen-prompt ' +
    'fill-gradient-cs bg-remove bg-replace upscale txt txt-align txt-color txt-font txt-size txt-fit mark-x mark-y ' +
    'mark-w mark-h mark-fit mark-base mark-rot page palette colors prefix trim-color trim-md trim-sd trim-pad ' +
    'chromasub colorquant cs dpi iptc jpg-progressive gif-q fps loop interval reverse transparency rasterize-bypass dl'
  ).split(' '),
);

/** True for names that imgix knows and that are not offered here; also for those whose value is in base64 (`w64`). */
export function isNotOffered(name: string): boolean {
  if (NOT_OFFERED.has(name)) return true;
  const bare = name.endsWith('64') ? name.slice(0, -2) : '';
  return OWN.has(bare) || NOT_OFFERED.has(bare);
}
