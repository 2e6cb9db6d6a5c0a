import { missRatiosAt } from './curve.ts';
import type { LiveCurve } from './live.ts';

/** What other sizes of a running node's memory would come to: what `GET /api/curve`, status line and metrics say. */
export interface CurveAround {
  /** Of traffic seen, in seconds; the curve has settled once this is {@link windowS}. */
  readonly observedS: number;
  readonly windowS: number;
  /** Client requests that it stands for, faded: the latest weigh most. */
  readonly requests: number;
  /** Smaller, as it is, larger. */
  readonly sizes: readonly SizeRatios[];
}

/** Hit ratios of a least-recently-used cache of one size, 0 to 1. */
export interface SizeRatios {
  /** Of the size that the memory has. */
  readonly factor: number;
  readonly sizeBytes: number;
  readonly objectHitRatio: number;
  readonly byteHitRatio: number;
}

/** What one asks first. */
export const SIZE_FACTORS = [0.5, 1, 2] as const;

/** Reads a live curve at the memory's budget and around it; undefined before the first request. O(sizes of the curve). */
export function curveAround(live: LiveCurve, budgetBytes: number): CurveAround | undefined {
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
export function describeAround({ observedS, windowS, sizes }: CurveAround): string {
  const [half, own, double] = sizes.map(({ objectHitRatio }) => objectHitRatio * 100);
  const against = (percent: number): string => {
    const points = percent - own!;
    return `${percent.toFixed(1)} % (${points < 0 ? '-' : '+'}${Math.abs(points).toFixed(1)})`;
  };
  const filling = observedS < windowS ? ', while it is still being filled' : '';
  return `with half the memory ${against(half!)} of the requests would be hits, with twice as much ${against(double!)}${filling}`;
}
