import { formatSize } from '../../base/units.ts';
import type { SizeCurve } from '../size-curve.ts';
import { linearAxis, sizeAxis } from './axis.ts';
import type { Chart, Mark, Series } from './chart.ts';

/**
 * Hit ratios over the size of the cache: one colour for each curve, objects drawn through, bytes dashed.
 *
 * @param curves at least one, each with at least two sizes.
 * @param marks sizes to point out, in bytes.
 * @param target a hit ratio to point out.
 */
export function chartBySize(curves: readonly SizeCurve[], marks: readonly Mark[], target?: Mark): Chart {
  const series = curves.flatMap((curve, color): Series[] => [
    { name: `${curve.name}, requests`, short: curve.short, color, points: points(curve, 'hitRatio') },
    { name: `${curve.name}, bytes`, short: '', color, dashed: true, points: points(curve, 'byteHitRatio') },
  ]);
  const sizes = curves.flatMap(({ points }) => points.map(({ sizeBytes }) => sizeBytes));
  const ratios = series.flatMap(({ points }) => points.map(({ y }) => y ?? 0));
  const x = sizeAxis('size of the cache', [...sizes, ...marks.map(({ at }) => at)]);
  const sampled = Math.min(...curves.flatMap(({ points }) => points.map(({ report }) => report.rate)));
  const how = sampled < 1 ? `, estimated from ${Number((sampled * 100).toPrecision(2))} % of the keys` : '';
  return {
    title: 'Hit ratio by size',
    about: `What a cache of that size would have served from ${formatSize(x.from)} to ${formatSize(x.to)}${how}.`,
    x,
    y: linearAxis('', 'share', target === undefined ? ratios : [...ratios, target.at]),
    series,
    marks,
    ...(target === undefined ? {} : { level: target }),
  };
}

function points({ points }: SizeCurve, of: 'hitRatio' | 'byteHitRatio'): Series['points'] {
  return points.map((point) => ({ x: point.sizeBytes, y: point[of] }));
}
