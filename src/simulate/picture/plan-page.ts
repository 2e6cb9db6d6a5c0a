import { formatSize } from '../../base/units.ts';
import { answerOf, windowText, yamlOf } from '../planner/answer.ts';
import type { Plan } from '../planner/planner.ts';
import { type PlanTable, policiesTable, sizesTable } from '../planner/tables.ts';
import { targetText } from '../planner/targets.ts';
import { chartBySize } from './by-size.ts';
import type { Chart, Mark } from './chart.ts';
import { chartsOverTime } from './over-time.ts';
import { type Cell, charts, heading, list, page, sentences, table, verbatim } from './page.ts';

/** A plan as one page that needs nothing else. */
export function planPage(plan: Plan): string {
  const { targets, window, unmet, chosen } = plan;
  return page(`Plan for ${targets.map(targetText).join(' and ')}`, [
    sentences([`For ${windowText(window)} of ${chosen.report.record.name}.`], 'dim'),
    sentences(answerOf(plan), unmet.length > 0 ? 'answer no' : 'answer'),
    heading('To write into the configuration'),
    verbatim(yamlOf(plan)),
    heading('What other sizes would do'),
    tableOf(sizesTable(plan)),
    heading('What other policies would do at the chosen size'),
    tableOf(policiesTable(plan)),
    heading('Pictures'),
    charts(chartsOfPlan(plan)),
    heading('Assumed, because the record does not say it'),
    list(chosen.report.assumptions),
  ]);
}

/** The curve over the size of the tier that decides, and the chosen sizes over time up to the end of the window. */
export function chartsOfPlan({ points, policy, tier, chosen, needed, targets }: Plan): Chart[] {
  const chosenBytes = tier === 'memory' ? chosen.sizes.memoryBytes : chosen.sizes.diskBytes;
  const neededBytes = tier === 'memory' ? needed.memoryBytes : needed.diskBytes;
  const marks = [mark(neededBytes, 'needed'), mark(chosenBytes, 'chosen')].flatMap((one) => one ?? []);
  const ratio = targets.find(({ name }) => name === 'hit' || name === 'byte-hit');
  const level = ratio && { at: ratio.value, text: `target ${Number((ratio.value * 100).toFixed(2))} %` };
  const curve =
    points.length < 2 ? [] : [chartBySize([{ name: `${tier}, ${policy}`, short: '', points }], marks, level)];
  return [...curve, ...chartsOverTime([chosen.report])];
}

function mark(bytes: number | 'none' | undefined, text: string): Mark | undefined {
  return typeof bytes === 'number' ? { at: bytes, text: `${text} ${formatSize(bytes)}` } : undefined;
}

function tableOf({ columns, rows }: PlanTable): string {
  const head = columns.map((name) => (name === 'premature' ? 'premature evictions' : name));
  return table(
    [...head, 'targets'],
    rows.map(({ cells, chosen, meets }) => {
      const verdict: Cell = meets ? { text: 'met', mood: 'good' } : { text: 'missed', mood: 'bad' };
      return { cells: [...cells, verdict], on: chosen };
    }),
  );
}
