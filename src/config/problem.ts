import { formatCount } from '../base/units.ts';

/** A place in the configuration: keys and list positions from the top. */
export type Path = readonly (string | number)[];

/** One mistake, or one thing that looks like one, with everything that is needed to mend it. */
export interface Problem {
  /** Errors keep the configuration from being used; warnings do not. */
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** `routes[0].ttl.min`; empty for the file as a whole. */
  readonly path: string;
  /** What is written there, shortened; `(secret)` for secrets; undefined when nothing is. */
  readonly value: string | undefined;
  /** What is wrong, one sentence without a full stop. */
  readonly reason: string;
  /** What to do about it, likewise. */
  readonly remedy: string;
  /** The line of the file with secrets masked, and which part of it is meant (columns from 0, `end` excluded). */
  readonly excerpt: { readonly text: string; readonly start: number; readonly end: number } | undefined;
}

const EXCERPT_CHARS_MAX = 100;
const VALUE_CHARS_MAX = 60;

/** Writes a path the way people write it: `origins.images.url`, `routes[2].match.paths[0]`, `origins["a b"]`. */
export function pathText(path: Path): string {
  let written = '';
  for (const step of path) {
    if (typeof step === 'number') written += `[${step}]`;
    else if (!/^[A-Za-z0-9_-]+$/.test(step)) written += `[${JSON.stringify(printable(step))}]`;
    else written += written === '' ? step : `.${step}`;
  }
  return written;
}

/** A value as it goes into a message: one line, at most 60 characters, nothing that a terminal would obey. */
export function valueText(value: unknown): string {
  const shown = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const line = printable(shown);
  return line.length <= VALUE_CHARS_MAX ? line : `${line.slice(0, VALUE_CHARS_MAX - 1)}…`;
}

/** Replaces control characters and lone surrogates, so that a file cannot drive the terminal that shows it. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '·').toWellFormed();
}

/** Cuts a long line down to a window around what is meant. */
export function excerptOf(line: string, start: number, end: number): Problem['excerpt'] {
  // A tab is one column here and would be up to eight on a terminal: the caret would miss.
  const clean = printable(line.replace(/\t/g, ' '));
  const last = Math.max(start + 1, Math.min(end, clean.length));
  if (clean.length <= EXCERPT_CHARS_MAX) return { text: clean, start, end: last };
  const from = Math.max(0, Math.min(start - 30, clean.length - EXCERPT_CHARS_MAX));
  const text = clean.slice(from, from + EXCERPT_CHARS_MAX);
  return { text, start: start - from, end: Math.max(start - from + 1, Math.min(last - from, text.length)) };
}

/** In the order of the file; errors before warnings on the same spot. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) =>
      a.line - b.line ||
      a.column - b.column ||
      a.severity.localeCompare(b.severity) ||
      a.path.localeCompare(b.path),
  );
}

/**
 * Writes problems for a terminal: place, path, the line with a caret, what is wrong and what to do, and a count.
 * Ends in a line break; empty when there are none.
 */
export function formatProblems(problems: readonly Problem[], options: { readonly color: boolean }): string {
  if (problems.length === 0) return '';
  const paint = (code: string, text: string): string =>
    options.color ? `\x1b[${code}m${text}\x1b[0m` : text;
  const blocks = problems.map((problem) => {
    const label = problem.severity === 'error' ? paint('1;31', 'error') : paint('1;33', 'warning');
    const place = paint('1', `${problem.file}:${problem.line}:${problem.column}`);
    const lines = [`${label}: ${place}${problem.path === '' ? '' : `  ${problem.path}`}`];
    if (problem.excerpt !== undefined) {
      const { text, start, end } = problem.excerpt;
      const gutter = String(problem.line);
      lines.push(paint('2', `  ${gutter} | `) + text);
      const caret = '^'.repeat(Math.max(1, end - start));
      lines.push(paint('2', `  ${' '.repeat(gutter.length)} | `) + ' '.repeat(start) + paint('31', caret));
    }
    lines.push(`  ${sentence(problem.reason)}`, `  ${paint('36', 'Fix:')} ${problem.remedy}`);
    return lines.join('\n');
  });
  return `${blocks.join('\n\n')}\n\n${countText(problems)}\n`;
}

function countText(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  const parts = [];
  if (errors > 0) parts.push(`${formatCount(errors)} ${errors === 1 ? 'error' : 'errors'}`);
  if (warnings > 0) parts.push(`${formatCount(warnings)} ${warnings === 1 ? 'warning' : 'warnings'}`);
  return parts.join(', ');
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
