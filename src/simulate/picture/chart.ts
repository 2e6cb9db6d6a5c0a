import { escapeHtml } from '../../base/html.ts';
import { type Axis, placeOn, textOn, ticksOf } from './axis.ts';
import { STYLE_OF_CHARTS } from './style.ts';

/** A line chart: what it shows, and how to say it to somebody who cannot see it. */
export interface Chart {
  /** Also the name of its file, in lower case and with hyphens. */
  readonly title: string;
  /** One or two sentences on what is to be seen. */
  readonly about: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Upright lines at values of x: sizes that are configured, or chosen. */
  readonly marks?: readonly Mark[];
  /** A level line at a value of y: a target. */
  readonly level?: Mark;
}

/** One line. Points are in the order of x; an undefined y leaves a gap. */
export interface Series {
  /** Names it in the legend. */
  readonly name: string;
  /** Stands at its right end: one to three characters. */
  readonly short: string;
  /** Which colour it has; lines of one colour differ by {@link dashed}. */
  readonly color: number;
  readonly dashed?: boolean;
  readonly points: readonly Point[];
}

/** A point of a line, in the units of the axes. */
export interface Point {
  readonly x: number;
  readonly y: number | undefined;
}

export interface Mark {
  readonly at: number;
  /** Short: it stands at the line. */
  readonly text: string;
}

/** Colours that there are; further series begin again. */
const CHART_COLORS = 6;

const WIDTH = 480;
const LEFT = 70;
const RIGHT = 26;
const PLOT_HEIGHT = 190;
const LINE = 17;
const TEXTS_APART = 6;
/** Longer names lose their beginning: that of a file says most at its end. */
const NAME_MAX = 52;

/**
 * A chart as SVG, without script or anything from elsewhere; every text is escaped.
 *
 * @param id tells its title from those of other charts on one page: letters, digits and hyphens.
 * @param alone with its style sheet, for a file of its own; else the page has {@link STYLE_OF_CHARTS}.
 */
export function chartSvg(given: Chart, id: string, alone: boolean): string {
  const chart = { ...given, series: told(given.series) };
  const { title, about, series } = chart;
  const head = alone ? 26 : 0;
  const legend = legendOf(series, head);
  const longest = Math.max(0, ...series.map(({ short }) => short.length));
  const across = { left: LEFT, width: WIDTH - LEFT - Math.max(RIGHT, 12 + longest * 9) };
  const rows = 1 + Math.max(-1, ...markTexts(chart, across).map(({ row }) => row));
  const top = 10 + legend.height + rows * LINE;
  const height = top + PLOT_HEIGHT + 44;
  const frame = { ...across, top, height: PLOT_HEIGHT };
  const size = alone ? ` width="${WIDTH * 2}" height="${height * 2}"` : '';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${WIDTH} ${height}"${size} role="img" aria-labelledby="${id}-t ${id}-d">`,
    `<title id="${id}-t">${escapeHtml(title)}</title>`,
    `<desc id="${id}-d">${escapeHtml(`${about} ${extremes(chart)}`)}</desc>`,
    alone
      ? `<style>${STYLE_OF_CHARTS}</style><rect class="back" width="${WIDTH}" height="${height}"/><text class="e" x="${LEFT}" y="20">${escapeHtml(title)}</text>`
      : '',
    legend.svg,
    axes(chart, frame),
    ...series.map((one) => lineOf(one, chart, frame)),
    marksOf(chart, frame),
    ends(chart, frame),
    '</svg>',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Lines that cover each other are told as one: `A=B` at its end, and `B b.yaml = A` among the names. */
function told(series: readonly Series[]): Series[] {
  const twinOf = (one: Series): Series =>
    series.find(
      ({ points, dashed }) =>
        Boolean(dashed) === Boolean(one.dashed) &&
        points.length === one.points.length &&
        points.every(({ x, y }, at) => x === one.points[at]!.x && y === one.points[at]!.y),
    )!;
  return series.map((one) => {
    const first = twinOf(one);
    if (first !== one) {
      const named = series.find(({ color, short }) => color === first.color && short !== '') ?? first;
      return { ...one, name: `${one.name} = ${named.short || named.name}`, short: '' };
    }
    const all = series.filter((other) => other.short !== '' && twinOf(other) === one);
    return { ...one, short: all.map(({ short }) => short).join('=') };
  });
}

/** What a screen reader says instead of the lines. */
function extremes({ series, y }: Chart): string {
  const said = series.map(({ name, points }) => {
    const values = points.flatMap((point) => (point.y === undefined ? [] : [point.y]));
    if (values.length === 0) return `${name}: nothing`;
    const [low, high, last] = [Math.min(...values), Math.max(...values), values.at(-1)!];
    return `${name}: ${textOn(y, low)} to ${textOn(y, high)}, ${textOn(y, last)} at the end`;
  });
  return `${said.join('; ')}.`;
}

/** One line is what the title says: it needs no name. */
function legendOf(
  series: readonly Series[],
  head: number,
): { readonly svg: string; readonly height: number } {
  if (series.length < 2) return { svg: '', height: head };
  let x = LEFT;
  let y = head + 14;
  const parts = series.map(({ name: full, color, dashed }) => {
    const name = full.length > NAME_MAX ? `…${full.slice(1 - NAME_MAX)}` : full;
    const width = 30 + name.length * 6.6;
    if (x > LEFT && x + width > WIDTH) [x, y] = [LEFT, y + LINE];
    const part = `<line class="l c${color % CHART_COLORS}${dashed ? ' d' : ''}" x1="${x}" y1="${y - 4}" x2="${x + 20}" y2="${y - 4}"/><text x="${x + 25}" y="${y}">${escapeHtml(name)}</text>`;
    x += width + 8;
    return part;
  });
  return { svg: parts.join('\n'), height: y };
}

function axes({ x, y }: Chart, frame: Frame): string {
  const { left, top, width, height } = frame;
  const bottom = top + height;
  const lines = ticksOf(y, 4).map(({ at, text }) => {
    const place = rounded(yOf(y, at, frame));
    return `<line class="grid" x1="${left}" y1="${place}" x2="${left + width}" y2="${place}"/><text class="n" x="${left - 6}" y="${place + 4}">${escapeHtml(text)}</text>`;
  });
  const below = ticksOf(x, 6).map(({ at, text }) => {
    const place = rounded(xOf(x, at, frame));
    return `<line class="tick" x1="${place}" y1="${bottom}" x2="${place}" y2="${bottom + 4}"/><text class="m" x="${place}" y="${bottom + 17}">${escapeHtml(text)}</text>`;
  });
  return [
    ...lines,
    ...below,
    `<line class="base" x1="${left}" y1="${bottom}" x2="${left + width}" y2="${bottom}"/>`,
    `<text class="m dim" x="${left + width / 2}" y="${bottom + 35}">${escapeHtml(x.label)}</text>`,
  ].join('\n');
}

function lineOf({ points, color, dashed }: Series, { x, y }: Chart, frame: Frame): string {
  let path = '';
  let pen = 'M';
  for (const point of points) {
    if (point.y === undefined || !Number.isFinite(point.y)) {
      pen = 'M';
      continue;
    }
    path += `${pen}${rounded(xOf(x, point.x, frame))} ${rounded(yOf(y, point.y, frame))}`;
    pen = 'L';
  }
  return path === '' ? '' : `<path class="l c${color % CHART_COLORS}${dashed ? ' d' : ''}" d="${path}"/>`;
}

/** Where the names of marks stand: in the lowest row above the frame in which they cover no other one. */
function markTexts(
  { x, marks = [] }: Pick<Chart, 'x' | 'marks'>,
  across: Pick<Frame, 'left' | 'width'>,
): { readonly middle: number; readonly row: number }[] {
  const placed: { readonly middle: number; readonly half: number; readonly row: number }[] = [];
  for (const { at, text } of marks) {
    const half = text.length * 3.8;
    const middle = Math.min(WIDTH - half - 2, Math.max(across.left + half, xOf(x, at, across)));
    const covers = (row: number): boolean =>
      placed.some((one) => one.row === row && Math.abs(one.middle - middle) < one.half + half + TEXTS_APART);
    let row = 0;
    while (covers(row)) row += 1;
    placed.push({ middle, half, row });
  }
  return placed;
}

function marksOf({ x, y, marks = [], level }: Chart, frame: Frame): string {
  const { left, top, width, height } = frame;
  const texts = markTexts({ x, marks }, frame);
  const upright = marks.map(({ at, text }, mark) => {
    const place = rounded(xOf(x, at, frame));
    const { middle, row } = texts[mark]!;
    const over = top - row * LINE;
    return `<line class="mark" x1="${place}" y1="${over}" x2="${place}" y2="${top + height}"/><text class="m" x="${rounded(middle)}" y="${over - 4}">${escapeHtml(text)}</text>`;
  });
  if (level !== undefined) {
    const place = rounded(yOf(y, level.at, frame));
    upright.push(
      `<line class="mark" x1="${left}" y1="${place}" x2="${left + width}" y2="${place}"/><text x="${left + 4}" y="${place - 4}">${escapeHtml(level.text)}</text>`,
    );
  }
  return upright.join('\n');
}

/** The short names at the right ends, moved apart where they would cover each other. */
function ends({ series, x, y }: Chart, frame: Frame): string {
  const { top, height } = frame;
  if (series.length < 2) return '';
  const labels = series.flatMap(({ short, color, points }) => {
    const last = points.findLast((point) => point.y !== undefined);
    return last === undefined
      ? []
      : [{ short, color, at: xOf(x, last.x, frame) + 4, place: yOf(y, last.y!, frame) + 4 }];
  });
  labels.sort((a, b) => a.place - b.place);
  let free = top;
  for (const label of labels) {
    label.place = Math.max(free, label.place);
    free = label.place + 12;
  }
  let floor = top + height + 6;
  for (const label of labels.toReversed()) {
    label.place = Math.min(floor, label.place);
    floor = label.place - 12;
  }
  return labels
    .map(
      ({ short, color, at, place }) =>
        `<text class="e t${color % CHART_COLORS}" x="${rounded(at)}" y="${rounded(place)}">${escapeHtml(short)}</text>`,
    )
    .join('');
}

function xOf(axis: Axis, value: number, { left, width }: Pick<Frame, 'left' | 'width'>): number {
  return left + clamped(placeOn(axis, value)) * width;
}

function yOf(axis: Axis, value: number, { top, height }: Frame): number {
  return top + (1 - clamped(placeOn(axis, value))) * height;
}

function clamped(place: number): number {
  return Math.min(1, Math.max(0, place));
}

function rounded(place: number): number {
  return Math.round(place * 10) / 10;
}
