import { createHash } from 'node:crypto';
import { escapeHtml } from '../../base/html.ts';
import { type Chart, chartSvg } from './chart.ts';
import { STYLE_OF_CHARTS, STYLE_OF_PAGES } from './style.ts';

const STYLE = STYLE_OF_CHARTS + STYLE_OF_PAGES;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * One HTML document with all that it needs in it: no script, and a policy that forbids to load anything from anywhere.
 *
 * @param title plain text.
 * @param body HTML of the other functions here.
 */
export function page(title: string, body: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

/** A heading of the second rank. */
export function heading(text: string): string {
  return `<h2>${escapeHtml(text)}</h2>`;
}

/** Paragraphs of plain text, in a box when they are the answer to what was asked. */
export function sentences(texts: readonly string[], kind: 'answer' | 'answer no' | 'dim' | '' = ''): string {
  if (texts.length === 0) return '';
  const inside = texts.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n');
  return kind === '' ? inside : `<div class="${kind}">\n${inside}\n</div>`;
}

/** A list of plain texts; empty for none. */
export function list(texts: readonly string[]): string {
  return texts.length === 0
    ? ''
    : `<ul>\n${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join('\n')}\n</ul>`;
}

/** Text as it is, such as lines of a file. */
export function verbatim(text: string): string {
  return `<pre>${escapeHtml(text)}</pre>`;
}

/** A cell: its text, and whether it is good or bad news. */
export type Cell = string | { readonly text: string; readonly mood: 'good' | 'bad' | '' };
/** A row of cells, or the heading of those that follow. */
export type TableRow =
  | { readonly cells: readonly Cell[]; readonly on?: boolean }
  | { readonly heading: string };

/** A table with headed columns; the first cell of a row names it. One that is too wide scrolls in its box, by keyboard too. */
export function table(columns: readonly string[], rows: readonly TableRow[]): string {
  const head = columns.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((row) => {
    if ('heading' in row)
      return `<tr><th colspan="${columns.length}" scope="colgroup">${escapeHtml(row.heading)}</th></tr>`;
    const [name, ...rest] = row.cells.map(cellOf);
    const cells = rest.map(
      ({ text, mood }) => `<td${mood === '' ? '' : ` class="${mood}"`}>${escapeHtml(text)}</td>`,
    );
    return `<tr${row.on ? ' class="on"' : ''}><th scope="row">${escapeHtml(name?.text ?? '')}</th>${cells.join('')}</tr>`;
  });
  return `<div class="wide" tabindex="0"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table></div>`;
}

function cellOf(cell: Cell): { readonly text: string; readonly mood: 'good' | 'bad' | '' } {
  return typeof cell === 'string' ? { text: cell, mood: '' } : cell;
}

/** Charts beside each other as far as there is room, each under its title. */
export function charts(all: readonly Chart[]): string {
  const figures = all.map(
    (chart) =>
      `<figure>\n<figcaption>${escapeHtml(chart.title)} <small>${escapeHtml(chart.about)}</small></figcaption>\n${chartSvg(chart, chartId(chart), false)}\n</figure>`,
  );
  return figures.length === 0 ? '' : `<div class="charts">\n${figures.join('\n')}\n</div>`;
}

/** What a chart is called in a page and as a file: its title in lower case, with hyphens. */
export function chartId({ title }: Pick<Chart, 'title'>): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
