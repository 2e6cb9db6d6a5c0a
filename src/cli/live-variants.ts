import { formatCount } from '../base/units.ts';
import { TRANSFORM_FAILURES } from '../image/failures.ts';
import type { Rates } from '../monitor/rates.ts';
import type { ImagesSnapshot, Snapshot } from '../monitor/snapshot.ts';
import { compact, type Line, type Span } from './live-draw.ts';

const LABEL = 11;
/** Results that cost a decoder and an encoder their time. */
const MADE = ['made', 'original', 'provisional'] as const;

/** Variants made per second, those in a cheaper format first and those that were no smaller than their original included. */
export function variantRate({ transforms, seconds }: Rates): number {
  return seconds > 0 ? madeOf(transforms) / seconds : 0;
}

/**
 * One line of the live view, where the node makes variants: how many, what waits, and what failed.
 *
 * @param last since the snapshot before. @param recent since some more of them: one alone holds too few failures.
 */
export function variantLines({ images }: Snapshot, last: Rates, recent: Rates): Line[] {
  if (images === undefined) return [];
  const made = `made ${compact(variantRate(last))} /s, ${formatCount(madeOf(images.results))} in all`;
  const levels = `   being made ${formatCount(images.active)}   waiting ${formatCount(images.waiting)}   `;
  const failed = failedText(recent.transforms);
  const span: Span = failed === '' ? ['none failed', 'good'] : [`failed: ${failed}`, 'bad'];
  return [[['variants'.padEnd(LABEL), 'dim'], made, levels, span]];
}

/** All that was made since the start, for a summary. */
export function variantText({ results }: ImagesSnapshot): string {
  const first = results.provisional ?? 0;
  const cheap = first === 0 ? '' : `, ${formatCount(first)} of them in a cheaper format at first`;
  const failed = failedText(results);
  return `${formatCount(madeOf(results))} made${cheap}; ${failed === '' ? 'none failed' : `failed: ${failed}`}`;
}

type Results = ImagesSnapshot['results'];

function madeOf(results: Results): number {
  return MADE.reduce((sum, word) => sum + (results[word] ?? 0), 0);
}

function failedText(results: Results): string {
  return TRANSFORM_FAILURES.filter((cause) => results[cause] !== undefined)
    .sort((a, b) => results[b]! - results[a]!)
    .map((cause) => `${cause} ${formatCount(results[cause]!)}`)
    .join(', ');
}
