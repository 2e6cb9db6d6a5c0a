import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';
import { madeRecord, naiveReplay, plainNode, uniformRequests } from '../../src/simulate/naive.fixture.ts';
import { chartBySize } from '../../src/simulate/picture/by-size.ts';
import { chartSvg } from '../../src/simulate/picture/chart.ts';
import { chartsOverTime } from '../../src/simulate/picture/over-time.ts';
import { planPage } from '../../src/simulate/picture/plan-page.ts';
import { simulationPage } from '../../src/simulate/picture/simulation-page.ts';
import { plan } from '../../src/simulate/planner/planner.ts';
import { busiest } from '../../src/simulate/planner/window.ts';
import { pointsAt, sizesBetween } from '../../src/simulate/size-curve.ts';
import { withSizes } from '../../src/simulate/sized.ts';
import { CHROMIUM_ARGS, findChromium } from '../run/chromium.ts';

/** Reports of simulations and plans, as a real browser shows them. */

const executablePath = findChromium();
if (executablePath === undefined)
  console.warn(
    'SKIPPED: reports in a browser: no Chromium here; install one, or name it in HOLDFAST_CHROMIUM',
  );

const MIB = 2 ** 20;
const VISITORS = {
  desktop: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
} as const satisfies Record<string, BrowserContextOptions>;

/** In the browser: texts of charts that stick out of their picture. */
const CUT_OFF = `[...document.querySelectorAll('svg')].flatMap((svg) => {
  const { width, height } = svg.viewBox.baseVal;
  return [...svg.querySelectorAll('text')].filter((text) => {
    const box = text.getBBox();
    return box.x < 0 || box.y < 0 || box.x + box.width > width || box.y + box.height > height;
  }).map((text) => text.textContent);
})`;
/** Ratios of contrast of texts and lines against what they lie on (WCAG 2.2), the least first. */
const CONTRASTS = `(() => {
  const rgb = (color) => color.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = (color) => {
    const [r, g, b] = rgb(color).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const back = getComputedStyle(document.querySelector('figure')).backgroundColor;
  const page = getComputedStyle(document.body).backgroundColor;
  const texts = [...document.querySelectorAll('svg text')].map((e) => getComputedStyle(e).fill);
  const lines = [...document.querySelectorAll('svg .l')].map((e) => getComputedStyle(e).stroke);
  const least = (colors, on) => Math.min(...colors.map((color) => ratio(color, on)));
  return { texts: least(texts, back), lines: least(lines, back), body: ratio(getComputedStyle(document.body).color, page) };
})()`;

describe.skipIf(executablePath === undefined)('reports in a browser', () => {
  let browser: Browser;
  let dir: string;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_ARGS });
    dir = mkdtempSync(join(tmpdir(), 'holdfast-pictures-'));
    const perMinute = (minute: number): number => 20 + (minute % 60);
    const record = madeRecord(
      uniformRequests({ objects: 300, bodyBytes: 120_000, minutes: 400, perMinute, seed: 5 }),
    );
    const nodes = [
      plainNode(24 * MIB, 'holdfast.yaml'),
      plainNode(8 * MIB, 'a much longer name of a candidate in some directory far away from here.yaml'),
    ];
    const reports = naiveReplay(record, nodes);
    const curves = nodes.map((node, at) => ({
      name: node.name,
      short: 'AB'[at]!,
      points: pointsAt(
        { record, replay: naiveReplay, node: (memoryBytes) => withSizes(node, { memoryBytes }) },
        sizesBetween(4 * MIB, 40 * MIB, 6),
      ),
    }));
    const charts = [
      chartBySize(curves, [
        { at: 24 * MIB, text: 'A' },
        { at: 40 * MIB, text: 'far right' },
      ]),
      ...chartsOverTime(reports),
    ];
    const answer = plan({
      record,
      node: nodes[1]!,
      targets: [{ name: 'hit', value: 0.9 }],
      window: (demand) => busiest(demand, 3_600_000, 'the busiest hour'),
      policies: ['lru'],
      allPolicies: ['lru'],
      disk: false,
      margin: 0.2,
      prices: { memory: undefined, disk: undefined, egress: undefined },
      searchRowsMax: 1e9,
      exactRowsMax: 1e9,
      replay: naiveReplay,
    })!;
    writeFileSync(join(dir, 'simulation.html'), simulationPage(reports, charts));
    writeFileSync(join(dir, 'plan.html'), planPage(answer));
    writeFileSync(join(dir, 'chart.svg'), chartSvg(charts[0]!, 'c', true));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  for (const [visitor, options] of Object.entries(VISITORS)) {
    for (const name of ['simulation', 'plan']) {
      test(`${name}, ${visitor}: nothing is blocked, cut off or too faint`, async () => {
        const context = await browser.newContext(options);
        const page = await context.newPage();
        const said: string[] = [];
        page.on('console', (message) => said.push(message.text()));
        page.on('request', (request) => {
          if (!request.url().startsWith('file:')) said.push(`asked for ${request.url()}`);
        });
        await page.goto(`file://${join(dir, name)}.html`);
        expect(said).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.viewport.width);
        expect(await page.evaluate(CUT_OFF)).toEqual([]);
        const { texts, lines, body } = (await page.evaluate(CONTRASTS)) as Record<string, number>;
        expect(texts).toBeGreaterThan(3);
        expect(lines).toBeGreaterThan(3);
        expect(body).toBeGreaterThan(7);
        await context.close();
      });
    }
  }

  test('a chart is a picture of its own', async () => {
    const page = await browser.newPage();
    await page.goto(`file://${join(dir, 'chart.svg')}`);
    expect(await page.evaluate('document.documentElement.tagName')).toBe('svg');
    expect(await page.evaluate(CUT_OFF)).toEqual([]);
    await page.close();
  });
});
