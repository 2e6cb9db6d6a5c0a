import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** A table of Markdown, its columns padded; every column after the first is aligned to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

/**
 * Puts `body` between the markers `<!-- name:begin -->` and `<!-- name:end -->`; appends both when they are missing.
 *
 * @throws Error when only one marker is there: then a person has to say what was meant.
 */
export function replaceSection(document: string, name: string, body: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  const section = `${begin}\n\n${body.trim()}\n\n${end}`;
  if (from === -1 && to === -1) return `${document.trimEnd()}\n\n${section}\n`;
  if (from === -1 || to < from) throw new Error(`the markers ${begin} and ${end} are not a pair`);
  return document.slice(0, from) + section + document.slice(to + end.length);
}

const TITLE = `# Benchmark results

Each section is written by the command it names, on the machine it names. Figures of different machines, or of a busy
one, do not compare; ratios within one run do.
`;

/** Rewrites one section of a results file, which is made when it is missing. */
export function writeSection(path: string, name: string, body: string): void {
  const document = existsSync(path) ? readFileSync(path, 'utf8') : TITLE;
  writeFileSync(path, replaceSection(document, name, body));
}
