import type { Cache } from '../cache/cache.ts';
import type { ValidConfig } from '../config/config.ts';
import type { Log } from '../monitor/log.ts';
import type { AutoSnapshot, PolicyDecision } from '../monitor/snapshot.ts';
import type { Favour, KnownUses, PolicyName } from '../policy/policy.ts';
import { Tournament } from '../simulate/auto/tournament.ts';
import { nodeRules } from '../simulate/curves/node-rules.ts';
import { nodeOf } from '../simulate/node-of.ts';
import type { TrafficBatch } from '../traffic/batch.ts';
import type { TrafficListener } from '../traffic/record.ts';

/** Decisions that are remembered. */
const DECISIONS_MAX = 20;

/** What the policy of the memory tier is, and why. */
export interface PolicyReport {
  readonly policy: PolicyName;
  /** Absent unless the node chooses by itself. */
  readonly auto?: AutoSnapshot;
}

export interface AutoPolicyOptions {
  readonly config: ValidConfig;
  readonly cache: Pick<Cache, 'policy' | 'budgetBytes' | 'switchPolicy'>;
  readonly log: Log;
  /** Seconds since the epoch. */
  readonly nowS: () => number;
}

/**
 * Policy `auto`: a tournament of all policies on the recorded requests, and what it decides is done, without dropping content.
 * While another policy is configured, or was set by hand, it takes neither time nor memory.
 */
export class AutoPolicy implements TrafficListener {
  readonly #cache: AutoPolicyOptions['cache'];
  readonly #log: Log;
  readonly #nowS: () => number;
  #config: ValidConfig;
  #favour: Favour;
  #tournament: Tournament | undefined;
  /** That the tournament goes by. */
  #budgetBytes = 0;
  #switches = 0;
  readonly #decisions: PolicyDecision[] = [];

  constructor({ config, cache, log, nowS }: AutoPolicyOptions) {
    this.#cache = cache;
    this.#log = log;
    this.#nowS = nowS;
    this.#config = config;
    this.#favour = config.cache.memory.favour;
    this.choose(config.cache.memory.policy === 'auto');
  }

  /** Another configuration is in force. What was set by hand stays, unless that is about the policy. */
  configure(config: ValidConfig): void {
    const [before, next] = [this.#config.cache.memory, config.cache.memory];
    this.#config = config;
    if (next.favour !== before.favour) this.#favour = next.favour;
    const isAuto = next.policy === before.policy ? this.#tournament !== undefined : next.policy === 'auto';
    this.choose(isAuto);
  }

  /** Whether the node chooses by itself from now on. It measures anew. */
  choose(isAuto: boolean): void {
    this.#tournament = isAuto ? this.#begun() : undefined;
  }

  /** What it judges policies by, from now on. It measures anew. */
  favour(side: Favour): void {
    this.#favour = side;
    if (this.#tournament !== undefined) this.choose(true);
  }

  onBatch(batch: TrafficBatch): void {
    const { budgetBytes } = this.#cache;
    if (budgetBytes !== this.#budgetBytes) {
      this.#budgetBytes = budgetBytes;
      this.#tournament?.resize(budgetBytes);
    }
    this.#tournament?.onBatch(batch);
  }

  /** Undefined unless the node chooses by itself. O(policies x windows). */
  snapshot(): AutoSnapshot | undefined {
    const standings = this.#tournament?.standings();
    if (standings === undefined) return undefined;
    const [favour, switches] = [this.#favour, this.#switches];
    return { ...standings, favour, switches, decisions: [...this.#decisions] };
  }

  #begun(): Tournament {
    this.#budgetBytes = this.#cache.budgetBytes;
    const { variantsShare } = this.#config.cache.memory;
    return new Tournament({
      budgetBytes: this.#budgetBytes,
      variantsShare: variantsShare / 100,
      favour: this.#favour,
      serving: this.#cache.policy,
      rules: nodeRules(nodeOf('this', this.#config)),
      onDecision: (decision, known) => this.#decided(decision, known),
    });
  }

  #decided(decision: PolicyDecision, known: KnownUses | undefined): void {
    this.#cache.switchPolicy(decision.to, this.#nowS(), known);
    this.#switches += 1;
    this.#decisions.unshift(decision);
    this.#decisions.length = Math.min(this.#decisions.length, DECISIONS_MAX);
    const { from, to, reason } = decision;
    this.#log.info('the eviction policy was changed', { from, to, reason });
  }
}
