import { Flag } from '../../cache/entries.ts';
import type { AutoSnapshot, PolicyDecision, PolicyStanding } from '../../monitor/snapshot.ts';
import { type Favour, type KnownUses, POLICY_NAMES, type PolicyName } from '../../policy/policy.ts';
import { type ResponseLife, Stated, type TrafficBatch } from '../../traffic/batch.ts';
import { type CurveRules, LIVE_RULES } from '../curves/curve.ts';
import { Contest, type Lead, WINDOWS } from './contest.ts';
import { describeDecision } from './describe.ts';
import { type ShadowRow, Shadows } from './shadows.ts';
import { Tally } from './tally.ts';

/** What a tournament is made of. */
export interface TournamentOptions {
  /** Of the live cache. */
  readonly budgetBytes: number;
  /** Share of the budget that variants are guaranteed, 0 to 1. */
  readonly variantsShare: number;
  /** Who serves. */
  readonly serving: PolicyName;
  /** What policies are judged by, and which misses those avoid that have a choice. */
  readonly favour: Favour;
  /** Told when another policy should serve: from then on it counts as the one that does. */
  readonly onDecision: (decision: PolicyDecision, known: KnownUses | undefined) => void;
  /** Who takes part; all by default. */
  readonly names?: readonly PolicyName[];
  /** Entries of a shadow at the most. Default 16,384. */
  readonly entriesMax?: number;
  /** Default: {@link LIVE_RULES}. */
  readonly rules?: CurveRules;
}

/** What a tournament says of itself. */
type Standings = Omit<AutoSnapshot, 'favour' | 'switches' | 'decisions'>;

const ENTRIES_MAX = 16_384;
/** Share of a score that hit bytes make up; the rest is hits. */
const BYTE_WEIGHT: Readonly<Record<Favour, number>> = { requests: 0, balanced: 0.5, bytes: 1 };
const MEASURE: Readonly<Record<Favour, string>> = {
  requests: 'hit ratio',
  balanced: 'mean of hit ratio and byte hit ratio',
  bytes: 'byte hit ratio',
};
/** A window ends with so many sampled requests, and not before so much time. */
const WINDOW_REQUESTS = 250;
const WINDOW_S = 4;

/**
 * Which policy would serve the traffic of this node best: all of them in miniature ({@link Shadows}), compared window by window
 * ({@link Contest}). A listener of recorded requests; deterministic, without a clock.
 *
 * Cost: as {@link Shadows}; at the end of a window O(policies x windows).
 */
export class Tournament {
  readonly #names: readonly PolicyName[];
  readonly #shadows: Shadows;
  readonly #contest: Contest;
  readonly #tally: Tally;
  readonly #rules: CurveRules;
  readonly #favour: Favour;
  readonly #onDecision: TournamentOptions['onDecision'];
  readonly #row: ShadowRow = {
    keyLo: 0,
    keyHi: 0,
    chargeBytes: 0,
    nowS: 0,
    usableS: 0,
    renewable: false,
    variant: false,
  };
  #windowFromS = Number.NEGATIVE_INFINITY;

  constructor(options: TournamentOptions) {
    const { names = POLICY_NAMES, entriesMax = ENTRIES_MAX, serving } = options;
    this.#names = names;
    this.#shadows = new Shadows({ ...options, names, entriesMax });
    this.#favour = options.favour;
    this.#tally = new Tally(names.length, WINDOWS);
    this.#contest = new Contest(this.#tally, {
      count: names.length,
      incumbent: names.indexOf(serving),
      byteWeight: BYTE_WEIGHT[options.favour],
    });
    this.#rules = options.rules ?? LIVE_RULES;
    this.#onDecision = options.onDecision;
  }

  /** Who serves, as far as it knows. */
  get serving(): PolicyName {
    return this.#names[this.#contest.incumbent]!;
  }

  /** Requests that follow those of earlier batches; some seconds out of order do no harm. */
  onBatch(batch: TrafficBatch): void {
    if (this.#shadows.limit(batch.rate)) this.#forget();
    for (let at = 0; at < batch.count; at += 1) this.#request(batch, at);
  }

  /** The live cache is of another size: all begins anew, but who serves. O(evictions). */
  resize(budgetBytes: number): void {
    this.#shadows.resize(budgetBytes);
    this.#forget();
  }

  /** How all stand now. */
  standings(): Standings {
    const { rate, entries, capacityBytes } = this.#shadows;
    const windows = this.#contest.windows;
    return {
      serving: this.serving,
      rate,
      entries,
      capacityBytes,
      windows,
      requests: this.#tally.requests(windows),
      policies: windows === 0 ? [] : this.#names.map((policy, at) => this.#standing(policy, at)),
    };
  }

  #standing(policy: PolicyName, at: number): PolicyStanding {
    const { windows } = this.#contest;
    const lead = this.#contest.lead(at);
    return {
      policy,
      missRatio: this.#tally.missRatio(at, windows),
      byteMissRatio: this.#tally.byteMissRatio(at, windows),
      lead: lead?.lead ?? 0,
      error: lead?.error ?? 0,
    };
  }

  #request(batch: TrafficBatch, at: number): void {
    const kind = batch.kindTable[batch.kinds[at]!]!;
    const life = batch.lifeTable[batch.lives[at]!]!;
    const bodyBytes = batch.bodyBytes[at]!;
    const row = this.#row;
    row.usableS = this.#rules.usableS(kind, life);
    // What no policy could have stored does not tell them apart, and a HEAD stores nothing.
    if (row.usableS <= 0 || kind.head) return;
    row.chargeBytes = this.#rules.chargeOf(bodyBytes, batch.besideBytes[at]!);
    row.keyLo = batch.keyLo[at]!;
    row.keyHi = batch.keyHi[at]!;
    row.nowS = (batch.baseMs + batch.timeUs[at]! / 1000) / 1000;
    row.renewable = isRenewable(life);
    row.variant = kind.variant;
    const hits = this.#shadows.request(row);
    if (hits === undefined || kind.internal) return;
    this.#tally.add(hits, bodyBytes);
    this.#windowFromS = this.#tally.current === 1 ? row.nowS : this.#windowFromS;
    if (this.#tally.current >= WINDOW_REQUESTS && row.nowS - this.#windowFromS >= WINDOW_S)
      this.#endWindow(row.nowS);
  }

  #endWindow(nowS: number): void {
    const { full } = this.#shadows;
    if (full) {
      this.#tally.end();
      const lead = this.#contest.ended();
      if (lead !== undefined) this.#decide(lead, nowS);
    } else {
      this.#tally.drop();
    }
    if (this.#shadows.fit()) this.#forget();
  }

  #decide({ at, lead, error, windows }: Lead, nowS: number): void {
    const { incumbent } = this.#contest;
    const requests = this.#tally.requests(windows);
    const figures = {
      from: this.#names[incumbent]!,
      to: this.#names[at]!,
      ...{ lead, error, windows, requests, rate: this.#shadows.rate },
    };
    const [to, from] = [this.#mean(at, windows), this.#mean(incumbent, windows)];
    const reason = describeDecision(figures, { measure: MEASURE[this.#favour], to, from });
    const known = this.#shadows.known(at);
    this.#contest.switched(at);
    this.#onDecision({ atMs: nowS * 1000, ...figures, reason }, known);
  }

  /** What is favoured, over so many windows, 0 to 1. */
  #mean(at: number, windows: number): number {
    const weight = BYTE_WEIGHT[this.#favour];
    const missed =
      (1 - weight) * this.#tally.missRatio(at, windows) + weight * this.#tally.byteMissRatio(at, windows);
    return 1 - missed;
  }

  #forget(): void {
    this.#contest.forget();
    this.#tally.drop();
  }
}

function isRenewable(life: ResponseLife): boolean {
  if (life.known === 'unknown') return true;
  const bit = life.known === 'stated' ? Stated.VALIDATOR : Flag.VALIDATOR;
  return (life.flags & bit) !== 0;
}
