import { formatSize } from '../base/units.ts';
import { answerOf, yamlOf } from '../simulate/planner/answer.ts';
import type { Plan } from '../simulate/planner/planner.ts';
import { type PlanTable, policiesTable, sizesTable } from '../simulate/planner/tables.ts';
import type { TextForm } from './io.ts';
import { bar, type Line, paint, type Span } from './live-draw.ts';
import { wrapped } from './simulate-text.ts';

const COLUMNS = 80;
const BAR = 46;
/** Lines of the curve at the most. */
const CURVE_LINES = 12;

/**
 * The answer of a plan: sentences, the lines to write, and the tables behind them, at most 80 columns wide.
 *
 * @returns lines, with a line break behind each.
 */
export function planText(plan: Plan, form: TextForm): string {
  const [first, ...others] = answerOf(plan);
  const lines: Line[] = [
    ...wrapped(first!).map((line): Line => [[String(line[0]), plan.unmet.length > 0 ? 'bad' : 'bold']]),
    [],
    ...others.flatMap((sentence) => [...wrapped(sentence, '  ', '- ')]),
    [],
    [['To write into the configuration', 'bold']],
    [],
    ...yamlOf(plan)
      .trimEnd()
      .split('\n')
      .map((line): Line => [`  ${line}`]),
    [],
    ...tableLines('Other sizes', sizesTable(plan)),
    ...tableLines('Other policies at the chosen size', policiesTable(plan)),
    ...curve(plan, form),
    ...assumed(plan.chosen.report.assumptions),
  ];
  const text = lines.map((line) => `${paint(line, COLUMNS, form.color).trimEnd()}\n`).join('');
  return form.isTerminal ? text : text.replaceAll('…', '.');
}

function tableLines(title: string, { columns, rows }: PlanTable): Line[] {
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map(({ cells }) => cells[at]?.length ?? 0)),
  );
  const cut = (cells: readonly string[]): string =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!))).join('  ');
  return [
    [[title, 'bold']],
    [
      ['  ', 'dim'],
      [cut(columns), 'dim'],
    ],
    ...rows.map(({ cells, chosen, meets }): Line => {
      const text: Span = chosen ? [cut(cells), 'bold'] : cut(cells);
      return [chosen ? '> ' : '  ', text, ...(meets ? [] : [['  missed', 'bad'] as const])];
    }),
    [],
  ];
}

/** The hit ratio at the sizes that were tried, thinned out. */
function curve({ points, tier }: Plan, form: TextForm): Line[] {
  if (points.length < 3) return [];
  const step = Math.max(1, Math.ceil(points.length / CURVE_LINES));
  const shown = points.filter((_, at) => at % step === 0 || at === points.length - 1);
  return [
    [[`Hit ratio by size of the ${tier}`, 'bold']],
    ...shown.map(({ sizeBytes, hitRatio }): Line => {
      const share = `${(hitRatio * 100).toFixed(2)} %`.padStart(9);
      return [`  ${formatSize(sizeBytes).padStart(9)} ${share} `, [barOf(hitRatio, form), 'accent']];
    }),
    [],
  ];
}

function barOf(share: number, form: TextForm): string {
  return form.isTerminal ? bar(share, BAR)[0] : '#'.repeat(Math.round(share * BAR));
}

function assumed(assumptions: readonly string[]): Line[] {
  if (assumptions.length === 0) return [];
  return [
    [['Assumed, because the record does not say it', 'bold']],
    ...assumptions.flatMap((text) => wrapped(text, '  ', '- ')),
  ];
}
