import { type Draft, Unreadable } from './draft.ts';
import { readSwitch, readWhole, readWord } from './values.ts';

/** The options of the grammar `imgix` that say what comes out: format, quality, frames, metadata. */

const FORMATS: Readonly<Record<string, Exclude<Draft['output'], 'source' | 'negotiated'>>> = {
  jpg: 'jpeg',
  jpeg: 'jpeg',
  pjpg: 'jpeg',
  png: 'png',
  png8: 'png',
  png32: 'png',
  webp: 'webp',
  avif: 'avif',
  gif: 'gif',
  json: 'json',
  thumbhash: 'thumbhash',
  lqip: 'lqip',
};
const AUTO: Readonly<Record<string, 'format' | 'compress'>> = { format: 'format', compress: 'compress' };

/** Which hints count is for the route to say (`hints`); of an address it is read, and changes nothing. */
const HINTS: Readonly<Record<string, true>> = { width: true, dpr: true, 'save-data': true };

/** Changes a draft. @param own the parameters by their names. Throws {@link Unreadable}. */
export function applyOutput(own: ReadonlyMap<string, string>, draft: Draft): void {
  const auto = (own.get('auto') ?? '').split(',').filter((word) => word !== '');
  const wishes = new Set(auto.map((word) => readWord('auto', word, AUTO)));
  for (const hint of own.get('ch')?.split(',') ?? []) readWord('ch', hint.toLowerCase(), HINTS);
  applyFormat(own.get('fm'), wishes.has('format'), draft);
  const q = own.get('q');
  if (q !== undefined) draft.quality = q === 'auto' ? 'auto' : readWhole('q', q, 1, 100);
  else if (wishes.has('compress')) draft.quality = 'auto';
  const [lossless, progressive, animated, frame, metadata] = [
    own.get('lossless'),
    own.get('progressive'),
    own.get('animated'),
    own.get('frame'),
    own.get('metadata'),
  ];
  if (lossless !== undefined) draft.lossless = readSwitch('lossless', lossless);
  if (progressive !== undefined) draft.progressive = readSwitch('progressive', progressive);
  if (animated !== undefined) draft.animated = readSwitch('animated', animated);
  // Of the frames of an animation all can be had, or the first.
  if (frame !== undefined) draft.animated = readWord('frame', frame, { '1': false });
  if (metadata !== undefined)
    draft.metadata = readWord('metadata', metadata, { none: 'none', copyright: 'copyright' } as const);
}

/** `fm` by itself is the format; with `auto=format` beside it, what browsers get that take nothing better. */
function applyFormat(fm: string | undefined, isNegotiated: boolean, draft: Draft): void {
  if (fm === 'blurhash') throw new Unreadable('fm=blurhash is not offered; fm=thumbhash is.');
  const format = fm === undefined ? undefined : readWord('fm', fm, FORMATS);
  const isCommon = format === undefined || format === 'jpeg' || format === 'png' || format === 'gif';
  if (isNegotiated && isCommon) {
    draft.output = 'negotiated';
    draft.fallback = format;
  } else if (format !== undefined) {
    draft.output = format;
    draft.fallback = undefined;
  }
}
