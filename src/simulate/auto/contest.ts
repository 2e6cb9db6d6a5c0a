import type { Tally } from './tally.ts';

/** When a lead is significant and lasting. Scores are shares, 0 to 1: 0.005 is half a point. */
const RULE = {
  /** Spans of the latest windows over which a challenger is compared with who serves. */
  spans: [4, 8, 16, 32, 64, 128],
  /** Least mean lead. */
  leadMin: 0.005,
  /** Least mean lead in standard errors of that mean. */
  errorsMin: 4,
  /** Windows after a switch in which there is no other. */
  residence: 16,
} as const;

/** Windows that are compared at the most. */
export const WINDOWS = Math.max(...RULE.spans);

/** How one policy stands against the one that serves, over a span of windows. */
export interface Lead {
  /** Which policy, by its place. */
  readonly at: number;
  readonly windows: number;
  /** Mean of the differences of their scores, above 0 when it is better than the one that serves; and the standard error of that mean. */
  readonly lead: number;
  readonly error: number;
}

/** What a contest is made of. */
export interface ContestOptions {
  /** How many compete. */
  readonly count: number;
  /** Who serves. */
  readonly incumbent: number;
  /** Share of a score that hit bytes make up, 0 to 1; the rest is hits. */
  readonly byteWeight: number;
}

/**
 * Who should serve, by the scores of all in one window of requests after the other.
 *
 * A challenger is compared with the incumbent window by window, so that whatever makes a window good or bad for both cancels out
 * (paired differences). The error of their mean is what the windows show, or what chance alone would make of the requests on
 * which the two differ, whichever is more. The challenger takes over when over one span of {@link RULE} its mean lead is large
 * enough and far enough above that error, and when it was ahead over all other spans and in the latest window too. Among several
 * the one with the largest lead does.
 */
export class Contest {
  readonly #tally: Tally;
  readonly #count: number;
  readonly #byteWeight: number;
  #windows = 0;
  /** Windows at the latest switch. */
  #since = Number.NEGATIVE_INFINITY;
  #incumbent: number;

  constructor(tally: Tally, { count, incumbent, byteWeight }: ContestOptions) {
    this.#tally = tally;
    this.#count = count;
    this.#incumbent = incumbent;
    this.#byteWeight = byteWeight;
  }

  get incumbent(): number {
    return this.#incumbent;
  }

  /** Windows that are compared: at most {@link WINDOWS}. */
  get windows(): number {
    return Math.min(this.#windows, WINDOWS);
  }

  /** The tally has ended one more window. @returns who should take over now, if anybody. O(windows x policies). */
  ended(): Lead | undefined {
    this.#windows += 1;
    if (this.#windows - this.#since < RULE.residence) return undefined;
    let best: Lead | undefined;
    for (let at = 0; at < this.#count; at += 1) {
      if (at === this.#incumbent || this.#difference(1, at) <= 0) continue;
      const lead = this.#decisive(at);
      if (lead !== undefined && lead.lead > (best?.lead ?? 0)) best = lead;
    }
    return best;
  }

  /** Another one serves from now on. */
  switched(at: number): void {
    this.#incumbent = at;
    this.#since = this.#windows;
  }

  /** What was measured so far does not hold any more: caches are of another size. */
  forget(): void {
    this.#windows = 0;
    this.#since = Number.NEGATIVE_INFINITY;
  }

  /** How one of them stands over so many of the latest windows, or all there are; undefined with less than two. */
  lead(at: number, span: number = WINDOWS): Lead | undefined {
    const windows = Math.min(span, this.windows);
    if (windows < 2) return undefined;
    let sum = 0;
    for (let back = 1; back <= windows; back += 1) sum += this.#difference(back, at);
    const lead = sum / windows;
    let squares = 0;
    for (let back = 1; back <= windows; back += 1) squares += (this.#difference(back, at) - lead) ** 2;
    const shown = Math.sqrt(squares / (windows - 1) / windows);
    const chance = this.#tally.chance(at, this.#incumbent, windows, this.#byteWeight);
    return { at, windows, lead, error: Math.max(shown, chance) };
  }

  /** The shortest span that decides for it, where it was ahead over all. */
  #decisive(at: number): Lead | undefined {
    let found: Lead | undefined;
    for (const span of RULE.spans) {
      const lead = this.lead(at, span);
      if (lead === undefined || lead.windows < RULE.spans[0] || lead.lead <= 0) return undefined;
      if (decides(lead)) found ??= lead;
      if (lead.windows < span) break;
    }
    return found;
  }

  /** How much better than the incumbent it was, so many windows ago; 1 is the latest. */
  #difference(back: number, at: number): number {
    const weight = this.#byteWeight;
    return this.#tally.score(at, back, weight) - this.#tally.score(this.#incumbent, back, weight);
  }
}

function decides({ lead, error }: Lead): boolean {
  return lead >= RULE.leadMin && lead >= RULE.errorsMin * error;
}
