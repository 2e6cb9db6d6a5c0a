import { changeText, compare, isWorse, valueText } from '../simulate/comparison.ts';
import { letterOf } from '../simulate/figures.ts';
import { aboutRecord, remarksOn } from '../simulate/remarks.ts';
import type { MinuteSeries, SimulationReport } from '../simulate/report.ts';
import type { TextForm } from './io.ts';
import { type Line, paint, type Span, safe, sparkline } from './live-draw.ts';

const COLUMNS = 80;
/** Numbers and marks are never cut: a line that is too long for a terminal goes on below. */
const UNCUT = Number.POSITIVE_INFINITY;
const LABEL = 32;
const CHANGE = 18;
const GRAPH = 46;

/**
 * Reports side by side, at most 80 columns wide: the first is A, the others are compared with it, and what is worse is marked.
 *
 * @param reports of the same record, at least one.
 * @returns lines, with a line break behind each.
 */
export function simulationText(reports: readonly SimulationReport[], form: TextForm): string {
  const several = reports.length > 1;
  const lines: Line[] = [
    ...wrapped(aboutRecord(reports[0]!)),
    [],
    ...(several ? reports.map((report, at): Line => [`${letterOf(at)}  ${safe(report.name, 74)}`]) : []),
    ...(several ? [[]] : []),
    ...figures(reports),
    ...graphs(reports, form),
    ...notes(reports),
  ];
  const text = lines.map((line) => `${paint(line, UNCUT, form.color).trimEnd()}\n`).join('');
  return form.isTerminal ? text : text.replaceAll('…', '.');
}

/** Plain text in lines of at most 80 columns, after an indent; words that are longer stand alone. */
export function wrapped(text: string, indent = '', first = indent): Line[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  // A number and its unit stay together.
  const words = plain.replace(/(\d) (?=(?:%|[KMGT]?i?B|min|ms|[smhd])(?!\w))/g, '$1\u00a0').split(' ');
  for (const word of words) {
    if (!isEmpty && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].map((each) => [each.replaceAll('\u00a0', ' ')]);
}

/** With two reports the change has a column of its own; with more a worse figure has a mark behind it, and further ones follow below. */
function figures(reports: readonly SimulationReport[]): Line[] {
  const sections = compare(reports);
  const count = reports.length;
  const all = reports.map((_, at) => at);
  if (count <= 2) return block(sections, all, { width: 14, count });
  const lengths = sections.flatMap(({ rows }) =>
    rows.flatMap((row) => all.map((at) => valueText(row, at).length)),
  );
  const most = Math.max(1, Math.floor((COLUMNS - LABEL) / (Math.max(...lengths) + 2)));
  const each = Math.ceil(count / Math.ceil(count / most));
  const width = Math.floor((COLUMNS - LABEL) / each);
  const blocks = Array.from({ length: Math.ceil(count / each) }, (_, at) =>
    all.slice(at * each, (at + 1) * each),
  );
  return blocks.flatMap((shown) => block(sections, shown, { width, count }));
}

/** Some of the reports side by side. @param count how many there are in all. */
function block(
  sections: ReturnType<typeof compare>,
  shown: readonly number[],
  { width, count }: { readonly width: number; readonly count: number },
): Line[] {
  const letters: Span = [shown.map((at) => letterOf(at).padStart(width - 1)).join(' '), 'bold'];
  return sections.flatMap(({ title, rows }, section): Line[] => {
    const heading: Line =
      section === 0 && count > 1 ? [[title.padEnd(LABEL), 'bold'], letters] : [[title, 'bold']];
    return [
      heading,
      ...rows.map((row): Line => {
        const line: Span[] = [`  ${safe(row.label, LABEL - 3)}`.padEnd(LABEL)];
        for (const at of shown) {
          const worse = at > 0 && isWorse(row, at);
          const text = `${valueText(row, at)}${count > 2 && worse ? '!' : ' '}`.padStart(width);
          line.push(worse ? [text, 'bad'] : text);
        }
        if (count === 2) {
          const worse = isWorse(row, 1);
          const text = `${changeText(row, 1).padStart(CHANGE - 5)}${worse ? ' worse' : ''}`;
          line.push(worse ? [text, 'bad'] : [text, 'dim']);
        }
        return line;
      }),
      [],
    ];
  });
}

/** Small pictures over time, one line for each configuration. */
function graphs(reports: readonly SimulationReport[], form: TextForm): Line[] {
  const { minutes } = reports[0]!;
  if (minutes.requests.length < 2) return [];
  const lines: Line[] = [[['Over time', 'bold']]];
  lines.push(graph('requests/s', buckets(minutes, 'requests'), form));
  for (const [at, report] of reports.entries()) {
    const name = reports.length > 1 ? `${letterOf(at)} ` : '';
    lines.push(graph(`${name}hit ratio`, ratios(report.minutes), form, 1));
    lines.push(graph(`${name}origin requests/s`, buckets(report.minutes, 'originRequests'), form));
    const premature = buckets(report.minutes, 'prematureEvictions');
    if (premature.some((value) => (value ?? 0) > 0)) lines.push(graph(`${name}premature/s`, premature, form));
  }
  lines.push([]);
  return lines;
}

const ASCII = ' .:-=+*#';

function graph(name: string, values: readonly (number | undefined)[], form: TextForm, max?: number): Line {
  const most = max ?? Math.max(0, ...values.map((value) => value ?? 0));
  const drawn = form.isTerminal
    ? sparkline(values, GRAPH, most)
    : values
        .map((value) => ASCII[Math.round(((value ?? 0) / (most || 1)) * (ASCII.length - 1))])
        .join('')
        .padStart(GRAPH);
  const rate = most > 0 && most < 0.001 ? '<0.001' : Number(most.toPrecision(3)).toLocaleString('en');
  const top = max === undefined ? rate : '100 %';
  return [`  ${name.padEnd(LABEL - 10)}${`${top} `.padStart(8)}`, [drawn, 'accent']];
}

/** Rates per second in as many equal parts of the time as a graph has columns. */
function buckets(
  minutes: MinuteSeries,
  column: 'requests' | 'originRequests' | 'prematureEvictions',
): number[] {
  return parts(
    minutes,
    (from, to) => sum(minutes[column], from, to) / (((to - from) * minutes.stepMs) / 1000),
  );
}

function ratios(minutes: MinuteSeries): (number | undefined)[] {
  return parts(minutes, (from, to) => {
    const requests = sum(minutes.requests, from, to);
    return requests > 0 ? sum(minutes.hits, from, to) / requests : undefined;
  });
}

function parts<T>({ requests }: MinuteSeries, read: (from: number, to: number) => T): T[] {
  const edge = (i: number): number => Math.floor((i * requests.length) / GRAPH);
  return Array.from({ length: GRAPH }, (_, i) => read(edge(i), Math.max(edge(i) + 1, edge(i + 1))));
}

function sum(values: Float64Array, from: number, to: number): number {
  return values.subarray(from, to).reduce((total, value) => total + value, 0);
}

function notes(reports: readonly SimulationReport[]): Line[] {
  const several = reports.length > 1;
  const remarks = reports.flatMap((report, at) =>
    remarksOn(report).flatMap((text) => wrapped(text, '   ', several ? `${letterOf(at)}  ` : '-  ')),
  );
  const assumptions = [...new Set(reports.flatMap((report) => report.assumptions))];
  return [
    ...remarks,
    ...(assumptions.length === 0 ? [] : [[...(remarks.length > 0 ? [''] : [])] as Line]),
    ...(assumptions.length === 0 ? [] : [[['Assumed, because the record does not say it', 'bold']] as Line]),
    ...assumptions.flatMap((text) => wrapped(text, '  ')),
  ];
}
