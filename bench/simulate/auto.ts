import { POLICY_NAMES } from '../../src/policy/policy.ts';
import { type Decision, Tournament } from '../../src/simulate/auto/tournament.ts';
import { BatchBuilder, type ServedKind, UNKNOWN_LIFE } from '../../src/traffic/batch.ts';
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

/** Points of hit ratio that it may be behind the best fixed policy in the second half. */
const BEHIND_MAX = 1;
/** Rows come in batches, about a second after the requests. */
const BATCH_S = 1;
const BATCH_REQUESTS = 1_000;

const KIND: ServedKind = {
  route: 'images',
  status: 200,
  outcome: 'miss',
  tier: 'none',
  notStored: '',
  variant: false,
  internal: false,
  head: false,
};

/** Misses, as shares of all requests and of those of the second half. */
interface Run {
  readonly whole: number;
  readonly late: number;
}

interface AutoRun extends Run {
  readonly decisions: readonly Decision[];
  /** Processor time of the tournament. */
  readonly nsPerRequest: number;
}

/** Begins with the default policy, and does what a node with policy `auto` does. */
function auto(trace: TimedTrace, budgetBytes: number): AutoRun {
  const decisions: Decision[] = [];
  const builder = new BatchBuilder();
  let ns = 0;
  let tournament: Tournament | undefined;
  const { missShare, lateMissShare } = replay(trace, POLICY_NAMES[0], budgetBytes, 0, (cache, at) => {
    tournament ??= new Tournament({
      budgetBytes,
      variantsShare: 0.5,
      objectBytesMax: objectBytesMaxOf(budgetBytes),
      serving: cache.policy,
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
  });
  return { whole: missShare, late: lateMissShare, decisions, nsPerRequest: ns / trace.keys.length };
}

function run(options: SectionOptions): SectionResult {
  const dir = tracesDir(options.traces);
  const traces = [recorded(dir, 'calgary_img'), ...allTraces(dir)];
  const behind: number[] = [];
  const behindLate: number[] = [];
  const costs: number[] = [];
  const rows = traces.flatMap((trace) =>
    FRACTIONS.map((fraction) => {
      const budgetBytes = Math.floor(uniqueBytes(trace) * fraction);
      const fixed = POLICY_NAMES.map((name): Run & { readonly name: string } => {
        const { missShare, lateMissShare } = replay(trace, name, budgetBytes, 0);
        return { name, whole: missShare, late: lateMissShare };
      });
      const best = fixed.reduce((least, one) => (one.whole < least.whole ? one : least));
      const bestLate = fixed.reduce((least, one) => (one.late < least.late ? one : least));
      const mine = auto(trace, budgetBytes);
      behind.push(100 * (mine.whole - best.whole));
      behindLate.push(100 * (mine.late - bestLate.late));
      costs.push(mine.nsPerRequest);
      return [
        `${trace.name}, ${fraction * 100} %`,
        hits(fixed[0]!.whole),
        `${hits(best.whole)} ${best.name}`,
        hits(mine.whole),
        hits(fixed[0]!.late),
        `${hits(bestLate.late)} ${bestLate.name}`,
        hits(mine.late),
        mine.decisions.map(({ to }) => to).join(', ') || '-',
      ];
    }),
  );
  const late = summary(behindLate);
  return {
    passed: late.most <= BEHIND_MAX,
    markdown: [
      `Hit ratio in percent, through the live cache: with the default policy, with the best fixed one, and with \`auto\`, which begins with the default; over the whole trace, and over the second half of its requests. Sizes are shares of the bytes of all objects.`,
      table(['trace, size', 'default', 'best', 'auto', 'late: default', 'best', 'auto', 'switches to'], rows),
      `Points behind the best fixed policy: over the whole ${summary(behind).text}; over the second half ${late.text} (limit ${BEHIND_MAX}). The tournament took ${summary(costs).mean.toFixed(0)} ns a request on average, ${Math.max(...costs).toFixed(0)} at most.`,
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

function hits(missShare: number): string {
  return (100 * (1 - missShare)).toFixed(1);
}
