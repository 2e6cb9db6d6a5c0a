import { changeText, compare, isWorse, valueText } from '../comparison.ts';
import { letterOf } from '../figures.ts';
import { aboutRecord, remarksOn } from '../remarks.ts';
import type { SimulationReport } from '../report.ts';
import type { Chart } from './chart.ts';
import { type Cell, charts, heading, list, page, sentences, type TableRow, table } from './page.ts';

/**
 * Reports side by side as one page that needs nothing else.
 *
 * @param reports of the same record, at least one.
 * @param pictures what is drawn of them.
 */
export function simulationPage(reports: readonly SimulationReport[], pictures: readonly Chart[]): string {
  const names = reports.map((report, at) =>
    reports.length > 1 ? `${letterOf(at)} ${report.name}` : report.name,
  );
  const said = reports.flatMap((report, at) =>
    remarksOn(report).map((text) => (reports.length > 1 ? `${letterOf(at)}: ${text}` : text)),
  );
  return page(`Simulation of ${names.join(', ')}`, [
    sentences([aboutRecord(reports[0]!)], 'dim'),
    sentences(said, said.length > 0 ? 'answer no' : ''),
    heading('Figures'),
    comparisonTable(reports, names),
    heading('Pictures'),
    charts(pictures),
    heading('Assumed, because the record does not say it'),
    list([...new Set(reports.flatMap(({ assumptions }) => assumptions))]),
  ]);
}

function comparisonTable(reports: readonly SimulationReport[], names: readonly string[]): string {
  const [, ...others] = reports;
  const columns = ['', ...names, ...others.map((_, at) => `A to ${letterOf(at + 1)}`)];
  const rows = compare(reports).flatMap(({ title, rows }): TableRow[] => [
    { heading: title },
    ...rows.map((row) => ({
      cells: [
        row.label,
        ...reports.map((_, at) => valueText(row, at)),
        ...others.map(
          (_, at): Cell => ({
            text: changeText(row, at + 1) + (isWorse(row, at + 1) ? ' worse' : ''),
            mood: isWorse(row, at + 1) ? 'bad' : '',
          }),
        ),
      ],
    })),
  ]);
  return table(columns, rows);
}
