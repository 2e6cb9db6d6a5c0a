import { type Parsed, parseSize } from '../../base/units.ts';
import type { SimulationReport } from '../report.ts';
import type { TierSizes } from '../sized.ts';

const GIB = 1024 ** 3;
/** A mean month: 365.25 days by twelve. */
const MONTH_S = 2_629_800;

/** Prices in one currency, whichever it is; undefined where none is given. */
export interface Prices {
  /** For a byte and month. */
  readonly memory: number | undefined;
  readonly disk: number | undefined;
  /** For a byte that an origin sends. */
  readonly egress: number | undefined;
}

/** Whether any price is given. */
export function hasPrices({ memory, disk, egress }: Prices): boolean {
  return memory !== undefined || disk !== undefined || egress !== undefined;
}

/**
 * What a node costs in a month, as far as prices are given.
 *
 * @param whole a replay of the whole record, whose mean origin traffic is taken for that of a month; only for egress.
 */
export function monthlyCost(prices: Prices, sizes: TierSizes, whole: SimulationReport | undefined): number {
  const disk = typeof sizes.diskBytes === 'number' ? sizes.diskBytes : 0;
  const egress = (whole?.origin.bytesPerS.mean ?? 0) * MONTH_S;
  return (prices.memory ?? 0) * sizes.memoryBytes + (prices.disk ?? 0) * disk + (prices.egress ?? 0) * egress;
}

/**
 * Reads `3.5/GiB-month`, `0.08/GiB-month`, `0.05/GiB`: an amount, and for how much of what. Never throws.
 *
 * @param perMonth whether what is priced is held for a month, or sent once.
 * @returns the price of a byte.
 */
export function readPrice(text: string, perMonth: boolean): Parsed<number> {
  const example = perMonth ? '3.5/GiB-month' : '0.05/GiB';
  const fail = (reason: string) => ({ ok: false, reason, remedy: `write it like ${example}` }) as const;
  const [, amount, per = '', month] =
    /^([0-9]*\.?[0-9]+)\s*\/\s*([A-Za-z]+?)(-month)?$/.exec(text.trim()) ?? [];
  if (amount === undefined) return fail(`"${text}" is not a price`);
  const size = parseSize(`1${per}`);
  if (!size.ok) return fail(`"${per}" is not a unit of size`);
  if ((month !== undefined) !== perMonth)
    return fail(
      perMonth ? 'it says no time: what is held costs by the month' : 'what is sent is not held for a month',
    );
  return { ok: true, value: Number(amount) / size.value };
}

/** The price of a GiB, as it was given. */
export function perGib(price: number): string {
  return String(Number((price * GIB).toPrecision(6)));
}

/** An amount of money, without its currency: `3.42`, `1,204`. */
export function moneyText(amount: number): string {
  if (amount > 0 && amount < 0.005) return '<0.01';
  if (amount < 99.995) return amount.toFixed(2);
  return Math.round(amount)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}
