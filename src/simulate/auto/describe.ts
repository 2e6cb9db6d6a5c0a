import { formatCount } from '../../base/units.ts';
import type { AutoSnapshot, PolicyDecision } from '../../monitor/snapshot.ts';

/** A decision in one sentence. */
export function describeDecision(
  { from, to, lead, error, windows, requests, rate }: Omit<PolicyDecision, 'reason' | 'atMs'>,
  /** What is judged, such as `hit ratio`, and what it was of the new one and of the old one, 0 to 1. */
  measured: { readonly measure: string; readonly to: number; readonly from: number },
): string {
  const keys = rate === 1 ? 'all keys' : `${(100 * rate).toPrecision(2)} % of the keys`;
  return (
    `${to} instead of ${from}: its ${measured.measure} was ${percent(measured.to)}, not ${percent(measured.from)}; ` +
    `${points(lead)} points more (standard error ${points(error)}) over ${windows} windows, ${formatCount(requests)} requests for ${keys}`
  );
}

/** A decision takes so many windows; before, figures are noise. */
const WINDOWS_TOLD = 4;

/** Who serves, and how near the next best is, in a line for people. */
export function describeStandings({ serving, favour, windows, policies, switches }: AutoSnapshot): string {
  const others = policies.filter(({ policy }) => policy !== serving);
  const next = others.reduce((best, one) => (one.lead > best.lead ? one : best), others[0]!);
  const stands =
    others.length === 0
      ? 'nobody has had to evict yet'
      : windows < WINDOWS_TOLD
        ? `too early to say who is better, after ${windows} of at least ${WINDOWS_TOLD} windows`
        : `${next.policy} would be ${points(Math.abs(next.lead))} points ${next.lead > 0 ? 'better' : 'worse'}, by ${windows} windows`;
  return `auto (favour: ${favour}), ${serving}; ${stands}; switches ${formatCount(switches)}`;
}

function points(share: number): string {
  return (100 * share).toFixed(2);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
