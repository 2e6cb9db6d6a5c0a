import { formatDuration } from '../../base/units.ts';
import type { CurveSnapshot } from '../../monitor/snapshot.ts';
import { missRatiosAt } from './curve.ts';
import type { LiveCurve } from './live.ts';

/** What one asks first. */
export const SIZE_FACTORS = [0.5, 1, 2] as const;

/** Reads a live curve at the memory's budget and around it; undefined before the first request. O(sizes of the curve). */
export function curveAround(live: LiveCurve, budgetBytes: number): CurveSnapshot | undefined {
  const curve = live.curve();
  if (curve.requests === 0) return undefined;
  return {
    observedS: live.observedS,
    windowS: live.windowS,
    requests: curve.requests,
    sizes: SIZE_FACTORS.map((factor) => {
      const sizeBytes = Math.round(factor * budgetBytes);
      const { object, byte } = missRatiosAt(curve, sizeBytes);
      return { factor, sizeBytes, objectHitRatio: 1 - object, byteHitRatio: 1 - byte };
    }),
  };
}

/** The same in a line for people: what less and more memory would be worth, against what there is. */
export function describeAround({ observedS, windowS, sizes }: CurveSnapshot): string {
  const [half, own, double] = sizes.map(({ objectHitRatio }) => objectHitRatio * 100);
  const against = (percent: number): string => {
    const points = percent - own!;
    return `${percent.toFixed(1)} % (${points < 0 ? '-' : '+'}${Math.abs(points).toFixed(1)})`;
  };
  const soFar = observedS < windowS ? `, of ${formatDuration(observedS * 1000)} so far` : '';
  return `hits with half the memory ${against(half!)}, with twice as much ${against(double!)}${soFar}`;
}
