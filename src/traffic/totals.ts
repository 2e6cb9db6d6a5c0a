import { type StratumTotal, stratumOf, type TrafficBatch } from './batch.ts';

/** Sums of requests by route and class of size. */
export class StratumTotals {
  readonly #byRoute = new Map<string, { requests: number; bodyBytes: number }[]>();

  add(route: string, stratum: number, requests: number, bodyBytes: number): void {
    let strata = this.#byRoute.get(route);
    if (strata === undefined) {
      strata = Array.from({ length: 33 }, () => ({ requests: 0, bodyBytes: 0 }));
      this.#byRoute.set(route, strata);
    }
    const sum = strata[stratum]!;
    sum.requests += requests;
    sum.bodyBytes += bodyBytes;
  }

  /** What was added since the last time. */
  take(): StratumTotal[] {
    const totals = [...this.#byRoute].flatMap(([route, strata]) =>
      strata.map(({ requests, bodyBytes }, stratum) => ({ route, stratum, requests, bodyBytes })),
    );
    this.#byRoute.clear();
    return totals.filter(({ requests }) => requests > 0);
  }
}

/** Totals of the requests of clients in a batch that has all of them. */
export function totalsOf(batch: TrafficBatch): StratumTotal[] {
  const totals = new StratumTotals();
  for (let i = 0; i < batch.count; i += 1) {
    const { internal, route } = batch.kindTable[batch.kinds[i]!]!;
    const bodyBytes = batch.bodyBytes[i]!;
    if (!internal) totals.add(route, stratumOf(bodyBytes), 1, bodyBytes);
  }
  return totals.take();
}

/**
 * How many requests of all keys a row of a client stands for: by the totals of its batch, where it has them. So what is counted of a
 * sample agrees with the totals, and parts that were recorded at several rates count alike. O(rows).
 */
export function weightOf({ rate, totals, count, kinds, kindTable }: TrafficBatch): number {
  if (rate === 1 || totals.length === 0) return 1 / rate;
  let rows = 0;
  for (let i = 0; i < count; i += 1) if (!kindTable[kinds[i]!]!.internal) rows += 1;
  return totals.reduce((sum, { requests }) => sum + requests, 0) / Math.max(1, rows);
}
