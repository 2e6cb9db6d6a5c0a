import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { madeRecord, naiveReplay, plainNode, START_MS, uniformRequests } from '../naive.fixture.ts';
import { pointsAt, sizesBetween } from '../size-curve.ts';
import { withSizes } from '../sized.ts';
import { type Axis, linearAxis, placeOn, sizeAxis, ticksOf } from './axis.ts';
import { chartBySize } from './by-size.ts';
import { type Chart, chartSvg } from './chart.ts';
import { chartsOverTime } from './over-time.ts';
import { chartId, page, sentences, table } from './page.ts';
import { simulationPage } from './simulation-page.ts';

const HOSTILE = `"><script>alert('x')</script>&\x00\ud800`;

/** Elements that are opened and closed as XML wants it; throws where they are not. */
function wellFormed(xml: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const text = xml.replace(/<!doctype html>|<style>[^<]*<\/style>/g, '');
  const rest = text.replace(
    /<(\/?)([a-z0-9]+)((?: [\w:-]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>/gi,
    (_, end, name, _all, self) => {
      if (end !== '') {
        const last = open.pop();
        if (last !== name) throw new Error(`</${name}> closes <${last}>`);
      } else {
        names.push(name);
        if (self === '' && !['meta'].includes(name)) open.push(name);
      }
      return '';
    },
  );
  if (open.length > 0) throw new Error(`not closed: ${open.join(' ')}`);
  const bare = /<|&(?!#\d+;)|[\x00-\x08]/.exec(rest);
  if (bare !== null) throw new Error(`not escaped: ${rest.slice(bare.index, bare.index + 40)}`);
  return names;
}

const chart: Chart = {
  title: `Title ${HOSTILE}`,
  about: `About ${HOSTILE}`,
  x: sizeAxis('size', [2 ** 20, 2 ** 30]),
  y: linearAxis('', 'share', [0.2, 0.9]),
  series: [
    {
      name: HOSTILE,
      short: 'A',
      color: 0,
      points: [
        { x: 2 ** 20, y: 0.2 },
        { x: 2 ** 30, y: 0.9 },
      ],
    },
    {
      name: 'gap',
      short: 'B',
      color: 7,
      dashed: true,
      points: [
        { x: 2 ** 20, y: 0.2 },
        { x: 2 ** 25, y: undefined },
        { x: 2 ** 30, y: 0.9 },
      ],
    },
  ],
  marks: [{ at: 2 ** 25, text: HOSTILE }],
  level: { at: 0.5, text: HOSTILE },
};

describe('axes', () => {
  test('ticks are round, in order and between the ends', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 500; round += 1) {
      const from = random.next() * 10 ** (random.next() * 9);
      const to = from + (0.001 + random.next()) * 10 ** (random.next() * 9);
      const axes: Axis[] = [
        linearAxis('', 'count', [from, to]),
        linearAxis('', 'size', [from, to], 0),
        sizeAxis('', [from + 1, to * 2 + 2]),
        { label: '', kind: 'time', from: START_MS, to: START_MS + (to - from + 1) * 1000 },
      ];
      for (const axis of axes) {
        const ticks = ticksOf(axis, 5);
        expect(ticks.length).toBeLessThan(13);
        expect(ticks.every(({ at }) => placeOn(axis, at) >= -1e-6 && placeOn(axis, at) <= 1 + 1e-6)).toBe(
          true,
        );
        expect(ticks.map(({ at }) => at)).toEqual(ticks.map(({ at }) => at).toSorted((a, b) => a - b));
      }
    }
  });

  test('shares are in percent, sizes in powers of two, times in UTC', () => {
    expect(ticksOf(linearAxis('', 'share', [0.1, 0.97]), 4).map(({ text }) => text)).toEqual([
      '0 %',
      '25 %',
      '50 %',
      '75 %',
      '100 %',
    ]);
    expect(ticksOf(sizeAxis('', [2 ** 20, 2 ** 24]), 6).map(({ text }) => text)).toEqual([
      '1 MiB',
      '2 MiB',
      '4 MiB',
      '8 MiB',
      '16 MiB',
    ]);
    const axis: Axis = { label: '', kind: 'time', from: START_MS, to: START_MS + 86_400_000 };
    expect(ticksOf(axis, 4).map(({ text }) => text)).toEqual(['12:00', '18:00', '3 Nov', '06:00', '12:00']);
  });

  test('an axis of nothing, or of one value, is one all the same', () => {
    for (const values of [[], [0], [5], [Number.NaN, Number.POSITIVE_INFINITY]]) {
      const axis = linearAxis('', 'per-s', values, 0);
      expect(axis.to).toBeGreaterThan(axis.from);
      expect(ticksOf(axis, 4).length).toBeGreaterThan(0);
    }
  });
});

describe('charts', () => {
  test('are well-formed, with a title and a description, and escape what they are given', () => {
    for (const alone of [true, false]) {
      const svg = chartSvg(chart, 'c', alone);
      const names = wellFormed(svg);
      expect(names).not.toContain('script');
      expect(names.filter((name) => name === 'title' || name === 'desc')).toEqual(['title', 'desc']);
      expect(svg).toContain('role="img" aria-labelledby="c-t c-d"');
      expect(svg).toContain('20 % to 90 %, 90 % at the end');
      expect(svg).not.toMatch(/\b(?:href|src|onload)=|url\(|NaN|Infinity/);
    }
  });

  test('a gap in the values is one in the line', () => {
    const paths = chartSvg(chart, 'c', false).match(/<path[^>]*d="([^"]*)"/g)!;
    expect(paths.map((path) => path.match(/M/g)!.length)).toEqual([1, 2]);
  });

  test('labels at the ends do not cover each other', () => {
    const series = Array.from({ length: 6 }, (_, i) => ({
      name: `n${i}`,
      short: `${i}`,
      color: i,
      points: [
        { x: 2 ** 20, y: 0.9 },
        { x: 2 ** 30, y: 0.9 },
      ],
    }));
    const svg = chartSvg({ ...chart, series }, 'c', false);
    const places = [...svg.matchAll(/<text class="e[^"]*" x="[\d.]+" y="([\d.]+)"/g)]
      .map(([, y]) => Number(y))
      .toSorted((a, b) => a - b);
    expect(places.length).toBe(6);
    for (const [i, place] of places.slice(1).entries())
      expect(place - places[i]!).toBeGreaterThanOrEqual(11.9);
  });
});

describe('pages', () => {
  const requests = uniformRequests({
    objects: 200,
    bodyBytes: 10_000,
    minutes: 700,
    perMinute: (minute) => 3 + (minute % 7),
    seed: 2,
  });
  const record = madeRecord(requests, HOSTILE);
  const reports = naiveReplay(record, [plainNode(2e6, 'a.yaml'), plainNode(1e6, HOSTILE)]).map((report) => ({
    ...report,
    routes: { [HOSTILE]: report.all, other: report.all },
    assumptions: [HOSTILE],
  }));

  test('hold everything in themselves and escape what comes from files and records', () => {
    const node = (memoryBytes: number) => withSizes(plainNode(2e6, HOSTILE), { memoryBytes });
    const points = pointsAt({ record, node, replay: naiveReplay }, sizesBetween(1e5, 4e6, 5));
    const curve = { name: HOSTILE, short: 'A', points };
    const html = simulationPage(reports, [
      chartBySize([curve], [{ at: 2e6, text: HOSTILE }]),
      ...chartsOverTime(reports),
    ]);
    const names = wellFormed(html);
    for (const name of ['script', 'link', 'img', 'iframe']) expect(names).not.toContain(name);
    expect(names.filter((name) => name === 'svg').length).toBeGreaterThan(6);
    expect(html).not.toMatch(/ style="| on\w+="|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(html).toContain("default-src 'none'");
    expect(new Set(html.match(/ id="[^"]+"/g)).size).toBe(html.match(/ id="[^"]+"/g)!.length);
  });

  test('charts over time have no more points than a screen, and leave out what never was', () => {
    const charts = chartsOverTime(reports);
    expect(charts.map(({ title }) => title)).toEqual([
      'Requests',
      'Hit ratio over time',
      'Byte hit ratio over time',
      'Origin requests',
      'Origin bytes',
      'Premature evictions',
      'Evictions',
      'Memory used',
    ]);
    for (const { series } of charts)
      for (const { points } of series) expect(points.length).toBeLessThanOrEqual(240);
    const busiest = Math.max(...reports[0]!.minutes.requests) / 60;
    expect(Math.max(...charts[0]!.series[0]!.points.map(({ y }) => y!))).toBe(busiest);
    expect(chartsOverTime([])).toEqual([]);
  });

  test('tables mark rows and cells; titles become names of files', () => {
    const html = page('t', [
      table(['a', 'b'], [{ heading: 'h' }, { cells: ['x', { text: '1', mood: 'bad' }], on: true }]),
      sentences([]),
    ]);
    expect(html).toContain('<tr class="on"><th scope="row">x</th><td class="bad">1</td></tr>');
    expect(chartId({ title: 'Hit ratio by size (1)' })).toBe('hit-ratio-by-size-1');
  });
});

test('lines that cover each other, and names of marks that would, can be told apart', () => {
  const points = [
    { x: 2 ** 20, y: 0.2 },
    { x: 2 ** 30, y: 0.9 },
  ];
  const lower = points.map(({ x, y }) => ({ x, y: y / 2 }));
  const svg = chartSvg(
    {
      ...chart,
      series: [
        { name: 'A a.yaml', short: 'A', color: 0, points },
        { name: 'B b.yaml', short: 'B', color: 1, points },
        { name: 'C c.yaml', short: 'C', color: 2, points: lower },
      ],
      marks: [
        { at: 2 ** 25, text: 'needed 32 MiB' },
        { at: 2 ** 25 * 1.2, text: 'chosen 38 MiB' },
      ],
    },
    'id',
    true,
  );
  expect(svg).toContain('>A=B</text>');
  expect(svg).toContain('>B b.yaml = A</text>');
  expect(svg).toContain('>C</text>');
  const heights = ['needed', 'chosen'].map((name) => new RegExp(`y="([0-9.]+)">${name} `).exec(svg)?.[1]);
  expect(Number(heights[0]) - Number(heights[1])).toBeGreaterThan(10);
});

test('the axis of sizes reaches as far as what was chosen', () => {
  const record = madeRecord(
    uniformRequests({ objects: 20, bodyBytes: 1000, minutes: 2, perMinute: () => 50, seed: 1 }),
  );
  const trials = { record, replay: naiveReplay, node: (bytes: number) => plainNode(bytes) };
  const curve = { name: 'memory', short: '', points: pointsAt(trials, sizesBetween(2 ** 20, 2 ** 22, 3)) };
  const drawn = chartBySize([curve], [{ at: 2 ** 24, text: 'chosen' }]);
  expect(drawn.marks?.length).toBe(1);
  expect(drawn.x.to).toBeGreaterThanOrEqual(2 ** 24);
});

test('a table that is too wide scrolls in its own box, by keyboard too', () => {
  expect(table(['', 'A'], [{ cells: ['hits', '1'] }])).toStartWith('<div class="wide" tabindex="0"><table>');
});
