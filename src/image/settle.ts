import { type Client, foldRatio, type Says } from './client.ts';
import { type Draft, Unreadable } from './draft.ts';
import type { ImageRules, Operation } from './rules.ts';
import { sizeOf } from './size.ts';
import { canonical } from './spec.ts';
import { type Output, PLAIN, type Variant } from './variant.ts';

/** From what an address asks for to a variant: the limits of the route, and what the request has a say in. */

/** Results that say something of an image instead of showing it. */
const FACTS: readonly Draft['output'][] = ['json', 'thumbhash', 'lqip'];
/** Quality for those who save data, where the route leaves it to us, and the share of it where it does not. */
const SAVING_QUALITY = 50;
const SAVING_SHARE = 0.7;

/** What of the request has a say in a draft. */
export function saysOf(draft: Draft, rules: ImageRules): Says {
  const { formats, hints } = rules;
  const isPicture = !FACTS.includes(draft.output);
  const hasSize = draft.width !== undefined || draft.height !== undefined;
  const format = draft.output === 'negotiated' && (formats.includes('webp') || formats.includes('avif'));
  const dpr = hints.includes('dpr') && isPicture && hasSize && draft.dpr === undefined;
  const width = hints.includes('width') && isPicture && !hasSize;
  const isOpen = draft.quality === undefined && !draft.lossless;
  return { format, dpr, width, saveData: hints.includes('save-data') && isPicture && (isOpen || dpr) };
}

/** Refuses what the route does not allow, whatever the request says. Throws {@link Unreadable}. */
export function checkDraft(draft: Draft, rules: ImageRules): void {
  for (const operation of operationsOf(draft)) {
    if (!rules.operations.includes(operation))
      throw new Unreadable(`Options for ${operation} are not allowed here.`);
  }
  const { output, quality, ratio, width, height, fit } = draft;
  if (ratio !== undefined && width === undefined && height === undefined)
    throw new Unreadable('A ratio of width to height (ar) needs one of the two.');
  if (ratio !== undefined && fit === 'inside')
    throw new Unreadable('A ratio of width to height (ar) needs a fit that keeps to it, such as crop.');
  const wanted = output === 'negotiated' ? draft.fallback : output;
  const isFormat = wanted !== undefined && wanted !== 'source' && !FACTS.includes(wanted);
  if (isFormat && !(rules.formats as readonly string[]).includes(wanted))
    throw new Unreadable(
      `The format ${wanted} is not allowed here; allowed are: ${rules.formats.join(', ')}.`,
    );
  const { qualityMin, qualityMax } = rules;
  if (typeof quality === 'number' && (quality < qualityMin || quality > qualityMax))
    throw new Unreadable(`The quality is ${quality}; it goes from ${qualityMin} to ${qualityMax} here.`);
}

function operationsOf(draft: Draft): Operation[] {
  const both = (draft.width !== undefined || draft.height !== undefined) && draft.fit === 'cover';
  const used: readonly (readonly [Operation, boolean])[] = [
    ['resize', draft.width !== undefined || draft.height !== undefined],
    ['crop', draft.rect !== undefined || both],
    ['rotate', draft.rotate !== 0],
    ['flip', draft.flip || draft.flop],
    ['trim', draft.trim > 0],
    ['blur', draft.blur > 0],
    ['sharpen', draft.sharpen > 0],
    ['grey', draft.grey],
    ['background', draft.background !== undefined],
    ['quality', draft.quality !== undefined || draft.lossless || draft.progressive !== PLAIN.progressive],
    ['overlay', draft.overlay !== undefined],
    ['metadata', draft.metadata !== 'none'],
    ['placeholder', draft.output === 'thumbhash' || draft.output === 'lqip'],
    ['info', draft.output === 'json'],
  ];
  return used.filter(([, isUsed]) => isUsed).map(([operation]) => operation);
}

/** The variant of a draft for one client. Throws {@link Unreadable} for a size that is not allowed. */
export function settle(draft: Draft, rules: ImageRules, client: Client): Variant {
  const { ratio, dpr, fallback, output, quality, ...rest } = draft;
  const hinted = client.savesData ? Math.min(client.dpr, 1) : client.dpr;
  const factor = foldRatio(dpr ?? (hinted || 1), rules.dprMax);
  const byHint = client.widthPx > 0 ? { width: Math.min(client.widthPx, rules.sideMax), enlarge: false } : {};
  const asked = { ...rest, ...byHint };
  const isSaid = dpr !== undefined || (hinted === 0 && client.widthPx === 0);
  return canonical({
    ...asked,
    ...sizeOf({ width: asked.width, height: asked.height, ratio, dpr: factor }, rules, isSaid),
    quality: quality ?? qualityFor(rules, client),
    output: output === 'negotiated' ? negotiated(fallback, rules, client) : output,
  });
}

function qualityFor({ quality, qualityMin }: ImageRules, { savesData }: Client): number | 'auto' {
  if (!savesData) return quality;
  return quality === 'auto' ? SAVING_QUALITY : Math.max(qualityMin, Math.round(quality * SAVING_SHARE));
}

/** The best class of formats that both sides have. */
function negotiated(fallback: Draft['fallback'], { formats }: ImageRules, client: Client): Output {
  const webp = client.takesWebp && formats.includes('webp');
  const avif = client.takesAvif && formats.includes('avif');
  if (avif && webp) return 'auto-avif';
  if (avif && !formats.includes('webp')) return 'avif';
  return webp ? 'auto-webp' : (fallback ?? 'auto');
}
