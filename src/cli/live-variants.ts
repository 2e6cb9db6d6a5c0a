import { formatCount } from '../base/units.ts';
import { TRANSFORM_FAILURES } from '../image/failures.ts';
import type { Rates } from '../monitor/rates.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { compact, type Line, type Span } from './live-draw.ts';

const LABEL = 11;
/** Results that cost a decoder and an encoder their time. */
const MADE = ['made', 'original', 'provisional'] as const;

/** Variants made per second, those in a cheaper format first and those that were no smaller than their original included. */
export function variantRate({ transforms, seconds }: Rates): number {
  return seconds > 0 ? MADE.reduce((sum, word) => sum + (transforms[word] ?? 0), 0) / seconds : 0;
}

/**
 * One line of the live view, where the node makes variants: how many, what waits, and what failed.
 *
 * @param last since the snapshot before. @param recent since some more of them: one alone holds too few failures.
 */
export function variantLines({ images }: Snapshot, last: Rates, recent: Rates): Line[] {
  if (images === undefined) return [];
  const total = MADE.reduce((sum, word) => sum + (images.results[word] ?? 0), 0);
  const made = `made ${compact(variantRate(last))} /s, ${formatCount(total)} in all`;
  const levels = `   being made ${formatCount(images.active)}   waiting ${formatCount(images.waiting)}   `;
  return [[['variants'.padEnd(LABEL), 'dim'], made, levels, failedSpan(recent)]];
}

function failedSpan({ transforms }: Rates): Span {
  const failed = TRANSFORM_FAILURES.filter((cause) => transforms[cause] !== undefined)
    .sort((a, b) => transforms[b]! - transforms[a]!)
    .map((cause) => `${cause} ${formatCount(transforms[cause]!)}`);
  return failed.length === 0 ? ['none failed', 'good'] : [`failed: ${failed.join(', ')}`, 'bad'];
}
