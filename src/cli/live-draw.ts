/** Text for terminals: styled spans, small graphs, numbers of a steady width. Pure. */

export type Style = 'dim' | 'bold' | 'good' | 'warn' | 'bad' | 'accent';
/** A piece of text, plain or with a style. */
export type Span = string | readonly [text: string, style: Style];
export type Line = readonly Span[];

/** SGR parameters (ECMA-48): the 16 basic colours only, so that the user's own palette applies. */
const SGR: Readonly<Record<Style, string>> = {
  dim: '2',
  bold: '1',
  good: '32',
  warn: '33',
  bad: '1;31',
  accent: '36',
};

const LEVELS = '▁▂▃▄▅▆▇█';
/** Left part of a cell, in eighths. */
const EIGHTHS = ' ▏▎▍▌▋▊▉';

/** The line as it is sent, cut at `columns`. Every character takes one column. */
export function paint(line: Line, columns: number, color: boolean): string {
  let room = columns;
  let text = '';
  for (const span of line) {
    if (room <= 0) break;
    const [raw, style] = typeof span === 'string' ? [span, undefined] : span;
    const cut = raw.slice(0, room);
    room -= cut.length;
    text += color && style !== undefined && cut.trim() !== '' ? `\x1b[${SGR[style]}m${cut}\x1b[0m` : cut;
  }
  return color ? text : text.trimEnd();
}

/** How many columns the line takes. */
export function widthOf(line: Line): number {
  let width = 0;
  for (const span of line) width += typeof span === 'string' ? span.length : span[0].length;
  return width;
}

/** Text from outside, made safe for a terminal: what is not printable ASCII becomes `?`, and it is cut at `chars`. */
export function safe(text: string, chars: number): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > chars ? `${plain.slice(0, chars - 1)}…` : plain;
}

/**
 * The last `width` values as a graph one line high; shorter histories are right-aligned, so that now is at the right.
 * Values are scaled from 0 to `max`, by default the largest of those shown. A missing value leaves a gap.
 */
export function sparkline(values: readonly (number | undefined)[], width: number, max?: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const top = max ?? shown.reduce<number>((high, value) => Math.max(high, value ?? 0), 0);
  const cells = shown.map((value) => {
    if (value === undefined) return ' ';
    const share = top > 0 ? Math.min(1, Math.max(0, value / top)) : 0;
    return LEVELS[Math.round(share * (LEVELS.length - 1))]!;
  });
  return cells.join('').padStart(width);
}

/** A horizontal bar for `share` (0 to 1), exact to an eighth of a column; the rest is dotted. */
export function bar(share: number, width: number): readonly [filled: string, empty: string] {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const whole = Math.floor(eighths / 8);
  const part = eighths % 8 === 0 ? '' : EIGHTHS[eighths % 8]!;
  const filled = '█'.repeat(whole) + part;
  return [filled, '·'.repeat(width - filled.length)];
}

/** A rate or count in at most six characters: `0`, `0.3`, `42`, `1,842`, `12.3k`, `1.2M`. */
export function compact(value: number): string {
  if (value <= 0) return '0';
  if (value < 0.05) return '<0.1';
  if (value < 9.95) return value.toFixed(1).replace(/\.0$/, '');
  if (value < 9_999.5) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  for (const [unit, factor] of [
    ['k', 1e3],
    ['M', 1e6],
  ] as const) {
    if (value < factor * 999.5) return `${threeDigits(value / factor)}${unit}`;
  }
  return `${threeDigits(value / 1e9)}G`;
}

/** A latency: `82 µs`, `1.23 ms`, `430 ms`, `2.1 s`; `-` when there is none. */
export function latencyText(ms: number | undefined): string {
  if (ms === undefined) return '-';
  if (ms < 0.9995) return `${threeDigits(ms * 1000)} µs`;
  return ms < 999.5 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

/** A share: `92.4 %`, `100 %`, `<0.1 %`; `-` when there is none. Only what is whole says so. */
export function percent(share: number | undefined): string {
  if (share === undefined) return '-';
  const value = share * 100;
  if (value > 0 && value < 0.1) return '<0.1 %';
  if (value < 100 && value > 99.9) return '>99.9 %';
  return `${value.toFixed(1).replace(/\.0$/, '')} %`;
}

function threeDigits(value: number): string {
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = value.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
