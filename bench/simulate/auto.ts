import type { Cache } from '../../src/cache/cache.ts';
import type { PolicyDecision } from '../../src/monitor/snapshot.ts';
import { FAVOURS, type Favour, POLICY_NAMES, type PolicyName } from '../../src/policy/policy.ts';
import { Tournament } from '../../src/simulate/auto/tournament.ts';
import { type CurveRules, LIVE_RULES } from '../../src/simulate/curves/curve.ts';
import { BatchBuilder, servedKind, UNKNOWN_LIFE } from '../../src/traffic/batch.ts';
import { table } from '../support/markdown.ts';
import {
  allTraces,
  FRACTIONS,
  objectBytesMaxOf,
  recorded,
  replay,
  START_S,
  type TimedTrace,
  uniqueBytes,
} from '../support/policies-live.ts';
import { tracesDir } from '../support/traces.ts';
import type { Section, SectionOptions, SectionResult } from './section.ts';

/** Policy `auto` against every fixed policy: is it as good as the best one would have been? */
export const autoPolicy: Section = { title: 'Policy auto', run };

/** Points that it may be behind the best fixed policy over the whole of a trace; bytes alone depend on too few large images for that. */
const BEHIND_MAX = 1;
/** Rows come in batches, about a second after the requests. */
const BATCH_S = 1;
const BATCH_REQUESTS = 1_000;

const KIND = servedKind('images');

/** What is judged: a share, 0 to 1, of all requests and of those of the second half. */
interface Scores {
  readonly whole: number;
  readonly late: number;
}

interface Fixed extends Scores {
  readonly name: PolicyName;
}

interface Auto extends Scores {
  readonly decisions: readonly PolicyDecision[];
  /** Processor time of the tournament. */
  readonly nsPerRequest: number;
}

interface Row {
  readonly cells: readonly string[];
  /** Points behind the best fixed policy, over the whole and over the second half. */
  readonly behind: number;
  readonly behindLate: number;
  readonly nsPerRequest: number;
}

/** Share of the score that bytes make up, as the tournament has it. */
const BYTE_WEIGHT: Readonly<Record<Favour, number>> = { requests: 0, balanced: 0.5, bytes: 1 };

function scoresOf(result: ReturnType<typeof replay>, favour: Favour): Scores {
  const weight = BYTE_WEIGHT[favour];
  const score = (misses: number, bytes: number): number => 1 - (1 - weight) * misses - weight * bytes;
  return {
    whole: score(result.missShare, result.byteMissShare),
    late: score(result.lateMissShare, result.lateByteMissShare),
  };
}

/** As the live cache charges, with its largest object. */
function rulesOf(budgetBytes: number): CurveRules {
  const objectBytesMax = objectBytesMaxOf(budgetBytes);
  return {
    ...LIVE_RULES,
    chargeOf: (bodyBytes, besideBytes) =>
      bodyBytes > objectBytesMax ? 0 : LIVE_RULES.chargeOf(bodyBytes, besideBytes),
  };
}

/** Begins with the default policy, and does what a node with policy `auto` does. */
function auto(trace: TimedTrace, budgetBytes: number, favour: Favour): Auto {
  const decisions: PolicyDecision[] = [];
  const builder = new BatchBuilder();
  let ns = 0;
  let tournament: Tournament | undefined;
  const before = (cache: Cache, at: number): void => {
    tournament ??= new Tournament({
      budgetBytes,
      variantsShare: 0.5,
      rules: rulesOf(budgetBytes),
      serving: cache.policy,
      favour,
      onDecision: (decision, known) => {
        decisions.push(decision);
        cache.switchPolicy(decision.to, START_S, known);
      },
    });
    const timeS = trace.timesS[at]!;
    const firstS = builder.count === 0 ? timeS : trace.timesS[at - builder.count]!;
    if (builder.count >= BATCH_REQUESTS || timeS - firstS >= BATCH_S) {
      const batch = builder.take();
      const begin = process.cpuUsage().user;
      tournament.onBatch(batch);
      ns += (process.cpuUsage().user - begin) * 1e3;
    }
    builder.add({
      atMs: (START_S + timeS) * 1_000,
      keyLo: trace.keys[at]!,
      keyHi: trace.keys[at]!,
      bodyBytes: trace.sizes[at]!,
      besideBytes: 0,
      originMs: undefined,
      kind: KIND,
      life: UNKNOWN_LIFE,
    });
  };
  const result = replay(trace, POLICY_NAMES[0], budgetBytes, 0, { favour, before });
  return { ...scoresOf(result, favour), decisions, nsPerRequest: ns / trace.keys.length };
}

function compared(trace: TimedTrace, fraction: number, favour: Favour): Row {
  const budgetBytes = Math.floor(uniqueBytes(trace) * fraction);
  const fixed = POLICY_NAMES.map(
    (name): Fixed => ({ name, ...scoresOf(replay(trace, name, budgetBytes, 0, { favour }), favour) }),
  );
  const first = fixed[0]!;
  const best = fixed.reduce((most, one) => (one.whole > most.whole ? one : most));
  const bestLate = fixed.reduce((most, one) => (one.late > most.late ? one : most));
  const mine = auto(trace, budgetBytes, favour);
  return {
    cells: [
      `${trace.name}, ${fraction * 100} %`,
      ...[percent(first.whole), `${percent(best.whole)} ${best.name}`, percent(mine.whole)],
      ...[percent(first.late), `${percent(bestLate.late)} ${bestLate.name}`, percent(mine.late)],
      mine.decisions.map(({ to }) => to).join(', ') || '-',
    ],
    behind: 100 * (best.whole - mine.whole),
    behindLate: 100 * (bestLate.late - mine.late),
    nsPerRequest: mine.nsPerRequest,
  };
}

const JUDGED: Readonly<Record<Favour, string>> = {
  requests: 'Favour `requests`: hit ratios',
  balanced: 'Favour `balanced`: means of hit ratio and byte hit ratio',
  bytes: 'Favour `bytes`: byte hit ratios',
};
const HEADER = ['trace, size', 'default', 'best', 'auto', 'late: default', 'best', 'auto', 'switches to'];

function run(options: SectionOptions): SectionResult {
  const dir = tracesDir(options.traces);
  const traces = [recorded(dir, 'calgary_img'), ...allTraces(dir)];
  let passed = true;
  const parts = FAVOURS.flatMap((favour) => {
    const rows = traces.flatMap((trace) => FRACTIONS.map((fraction) => compared(trace, fraction, favour)));
    const late = summary(rows.map(({ behindLate }) => behindLate));
    const whole = summary(rows.map(({ behind }) => behind));
    const costs = summary(rows.map(({ nsPerRequest }) => nsPerRequest));
    if (favour !== 'bytes') passed &&= whole.most <= BEHIND_MAX;
    return [
      `### ${JUDGED[favour]}`,
      table(
        HEADER,
        rows.map(({ cells }) => cells),
      ),
      `Points behind the best fixed policy: over the whole ${whole.text}${favour === 'bytes' ? '' : ` (limit ${BEHIND_MAX})`}; over the second half ${late.text}. The tournament took ${costs.mean.toFixed(0)} ns a request on average, ${costs.most.toFixed(0)} at most.`,
    ];
  });
  return {
    passed,
    markdown: [
      'In percent, through the live cache: with the default policy, with the best fixed one, and with `auto`, which begins with the default; over the whole trace, and over the second half of its requests. Sizes are shares of the bytes of all objects.',
      ...parts,
    ].join('\n\n'),
  };
}

function summary(values: readonly number[]): {
  readonly mean: number;
  readonly most: number;
  readonly text: string;
} {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const most = Math.max(...values);
  return { mean, most, text: `${mean.toFixed(2)} on average, ${most.toFixed(2)} at most` };
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
