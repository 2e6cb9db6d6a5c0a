import type { ValidConfig } from '../config/config.ts';
import type { CurveSnapshot } from '../monitor/snapshot.ts';
import { curveAround } from '../simulate/curves/around.ts';
import type { Curve, CurveRules } from '../simulate/curves/curve.ts';
import { LiveCurve } from '../simulate/curves/live.ts';
import { nodeRules } from '../simulate/curves/node-rules.ts';
import { nodeOf } from '../simulate/node-of.ts';
import type { TrafficBatch } from '../traffic/batch.ts';
import type { TrafficListener } from '../traffic/record.ts';

/** What `GET /api/curve` answers. */
export interface CurveReport extends CurveSnapshot {
  readonly curve: Curve;
}

/** The miss-ratio curve of a running node, by the rules that are in force. About 1.1 MB. */
export class NodeCurve implements TrafficListener {
  #rules: CurveRules;
  readonly #live: LiveCurve;

  constructor(config: ValidConfig) {
    this.#rules = nodeRules(nodeOf('this', config));
    this.#live = new LiveCurve({
      rules: {
        chargeOf: (bodyBytes, besideBytes) => this.#rules.chargeOf(bodyBytes, besideBytes),
        usableS: (kind, life) => this.#rules.usableS(kind, life),
      },
    });
  }

  /** Requests from now on are judged by other rules. */
  configure(config: ValidConfig): void {
    this.#rules = nodeRules(nodeOf('this', config));
  }

  onBatch(batch: TrafficBatch): void {
    this.#live.onBatch(batch);
  }

  /** What it says of a memory tier of that size; undefined before the first request. Some 0.4 ms. */
  snapshot(budgetBytes: number): CurveSnapshot | undefined {
    return curveAround(this.#live, budgetBytes);
  }

  /** All of it. */
  report(budgetBytes: number): CurveReport | undefined {
    const around = this.snapshot(budgetBytes);
    return around && { ...around, curve: this.#live.curve() };
  }
}
