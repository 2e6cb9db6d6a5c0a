import { formatSize } from '../base/units.ts';
import { answerOf, yamlOf } from '../simulate/planner/answer.ts';
import type { Plan } from '../simulate/planner/planner.ts';
import { type PlanTable, policiesTable, sizesTable } from '../simulate/planner/tables.ts';
import type { TextForm } from './io.ts';
import { bar, type Line, paint, type Span } from './live-draw.ts';
import { wrapped } from './simulate-text.ts';

const COLUMNS = 80;
const MISSED = '  missed';
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
  const text = lines
    .map((line) => `${paint(line, Number.POSITIVE_INFINITY, form.color).trimEnd()}\n`)
    .join('');
  return form.isTerminal ? text : text.replaceAll('…', '.');
}

function tableLines(title: string, { columns, rows }: PlanTable): Line[] {
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map(({ cells }) => cells[at]?.length ?? 0)),
  );
  const room = COLUMNS - '> '.length - (rows.some(({ meets }) => !meets) ? MISSED.length : 0);
  return [
    [[title, 'bold']],
    ...columnsThatFit(widths, room).flatMap((shown, block): Line[] => {
      const line = (cells: readonly string[]): string =>
        shown
          .map((at) => (at === 0 ? cells[0]!.padEnd(widths[0]!) : cells[at]!.padStart(widths[at]!)))
          .join('  ');
      return [
        ...(block > 0 ? [[]] : []),
        [
          ['  ', 'dim'],
          [line(columns), 'dim'],
        ],
        ...rows.map(({ cells, chosen, meets }): Line => {
          const text: Span = chosen ? [line(cells), 'bold'] : line(cells);
          return [chosen ? '> ' : '  ', text, ...(meets ? [] : [[MISSED, 'bad'] as const])];
        }),
      ];
    }),
    [],
  ];
}

/** The columns of each block of a table, the first one in all of them: what does not fit beside others follows below. */
function columnsThatFit(widths: readonly number[], room: number): number[][] {
  const blocks = [[0]];
  let used = widths[0]!;
  for (let at = 1; at < widths.length; at += 1) {
    const width = widths[at]! + 2;
    const now = blocks.at(-1)!;
    if (used + width > room && now.length > 1) {
      blocks.push([0, at]);
      used = widths[0]! + width;
    } else {
      now.push(at);
      used += width;
    }
  }
  return blocks;
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
