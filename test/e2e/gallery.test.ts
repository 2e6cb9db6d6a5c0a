import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { seededRandom } from '../../src/base/random.ts';
import { galleryPage } from '../../src/cli/demo/gallery.ts';
import { type DemoImage, makeImages } from '../../src/cli/demo/images.ts';
import { demoConfig } from '../../src/cli/demo/node.ts';
import { type DemoOrigin, startOrigin } from '../../src/cli/demo/origin.ts';
import type { Node } from '../../src/server/node.ts';
import { CHROMIUM_ARGS, findChromium } from '../run/chromium.ts';
import { startTestNode } from '../support/node.ts';
import { realClock } from '../support/real-clock.ts';

/** What people see first: the demo's gallery in a real browser, every image and every variant through a real node. */

const IMAGES = 60;
const MIB = 2 ** 20;
const SCREENSHOTS = join(import.meta.dir, '../../test-results');
/** Whose second visit looks at what is stored by then. */
const DESKTOP = { viewport: { width: 1280, height: 860 }, deviceScaleFactor: 1 };
const VISITORS = {
  desktop: DESKTOP,
  'the same again': DESKTOP,
  'sharp desktop': { viewport: { width: 1280, height: 860 }, deviceScaleFactor: 2 },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
} as const satisfies Record<string, BrowserContextOptions>;
type Visitor = keyof typeof VISITORS;

const executablePath = findChromium();
if (executablePath === undefined)
  console.warn(
    'SKIPPED: the gallery in a browser: no Chromium here; install one, or name it in HOLDFAST_CHROMIUM',
  );

/** In the browser: what each image came to. */
interface Shown {
  readonly src: string;
  readonly currentSrc: string;
  readonly whole: boolean;
  readonly alt: string;
  readonly layoutPx: number;
  /** Widths that `srcset`, or the chosen source of a `picture`, offers. */
  readonly widthsPx: readonly number[];
}
const SHOWN = `[...document.images].map((img) => {
  const sets = [img, ...img.parentElement.querySelectorAll('source')].map((one) => one.srcset || '');
  const set = sets.find((one) => one.includes(img.currentSrc.replace(location.origin, ''))) ?? '';
  return {
    src: img.getAttribute('src'),
    currentSrc: img.currentSrc,
    whole: img.complete && img.naturalWidth > 0,
    alt: img.alt,
    layoutPx: img.clientWidth,
    widthsPx: [...set.matchAll(/ (\\d+)w/g)].map(([, width]) => Number(width)),
  };
})`;
const STATUS = 'document.getElementById("status").textContent';
/** What has the focus, after pressing the tabulator: its name as a screen reader would say it. */
const FOCUSED =
  'document.activeElement.innerText.trim() || document.activeElement.querySelector("img")?.alt || ""';

/** What came for an address, as the browser saw it. */
interface Came {
  readonly type: string;
  /** In pixels; 0 where it is no variant. */
  readonly widthPx: number;
}

let folder: string;
let images: DemoImage[];
let origin: DemoOrigin;
let node: Node;
let browser: Browser;
const faults: string[] = [];

beforeAll(async () => {
  if (executablePath === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'holdfast-gallery-'));
  images = await makeImages({ folder, count: IMAGES, onProgress: () => undefined });
  origin = startOrigin({
    images,
    page: galleryPage(images),
    live: () => null,
    clock: realClock,
    random: seededRandom(1),
    latencyMs: { min: 1, max: 20 },
    concurrencyMax: 32,
  });
  const ports = { port: 0, adminPort: 0 };
  const config = demoConfig({
    originUrl: origin.url,
    ...ports,
    memoryBytes: 64 * MIB,
    policy: 's3-fifo',
    transforms: 2,
    images,
  });
  node = startTestNode(config, faults);
  browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await node?.stop(0);
  await origin?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Visit {
  readonly shown: readonly Shown[];
  readonly came: ReadonlyMap<string, Came>;
  readonly complaints: readonly string[];
  /** Names of what the tabulator leads to, one press after the other. */
  readonly focused: readonly string[];
}

/** Looks at everything, as a person does: from top to bottom, until each image has been asked for and has ended, well or not. */
async function visit(visitor: Visitor): Promise<Visit> {
  const context = await browser.newContext(VISITORS[visitor]);
  const page = await context.newPage();
  const complaints: string[] = [];
  const came = new Map<string, Came>();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => void complaints.push(error.message));
  page.on('request', (request) => {
    const { protocol, origin: from } = new URL(request.url());
    if (protocol !== 'data:' && from !== node.url) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  page.on(
    'requestfailed',
    (request) => void complaints.push(`${request.url()} ${request.failure()?.errorText}`),
  );
  page.on('response', (response) => {
    const { 'content-type': type = '', 'holdfast-image': said = '' } = response.headers();
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
    came.set(response.url(), { type, widthPx: Number(/\bwidth=(\d+)/.exec(said)?.[1] ?? 0) });
  });
  await page.goto(node.url, { waitUntil: 'load' });
  const focused = await focusing(page, 6);
  const count = (await page.evaluate('document.images.length')) as number;
  for (let i = 0; i < count; i += 1) {
    await page.locator('img').nth(i).scrollIntoViewIfNeeded();
    await page.waitForFunction(`document.images[${i}].complete`);
  }
  await page.waitForFunction(`${STATUS} === '${count} of ${count} loaded'`);
  const shown = (await page.evaluate(SHOWN)) as Shown[];
  await screenshot(page, visitor);
  await context.close();
  return { shown, came, complaints, focused };
}

async function focusing(page: Page, presses: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < presses; i += 1) {
    await page.keyboard.press('Tab');
    names.push((await page.evaluate(FOCUSED)) as string);
  }
  return names;
}

async function screenshot(page: Page, visitor: Visitor): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: join(SCREENSHOTS, `gallery-${visitor.replaceAll(' ', '-')}.png`) });
}

/** The widths that are no waste on this screen, and look sharp: the next larger one, or one that is hardly too small. */
function fittingWidths({ layoutPx, widthsPx }: Shown, dpr: number): number[] {
  const neededPx = layoutPx * dpr;
  const next = widthsPx.find((widthPx) => widthPx >= neededPx) ?? Math.max(...widthsPx);
  return widthsPx.filter((widthPx) => widthPx === next || (widthPx < neededPx && widthPx >= 0.8 * neededPx));
}

/** A whole gallery, with nothing to complain about. */
function expectWhole({ shown, complaints }: Visit): void {
  expect(complaints).toEqual([]);
  expect(shown.filter(({ whole }) => !whole)).toEqual([]);
  expect(shown.length).toBeGreaterThan(IMAGES);
  expect(node.snapshot().requests.failed).toBe(0);
  expect(faults).toEqual([]);
}

/** Whoever has a choice of widths gets one that fits the screen, and the picture really has it. */
function expectFitting({ shown, came }: Visit, dpr: number): void {
  const chosen = shown.filter(({ widthsPx }) => widthsPx.length > 0);
  expect(chosen.length).toBeGreaterThan(IMAGES / 3);
  for (const image of chosen) {
    const widthPx = Number(/[?&]w=(\d+)/.exec(image.currentSrc)![1]);
    const about = `${image.currentSrc} laid out ${image.layoutPx} px wide, at ${dpr}`;
    expect([about, fittingWidths(image, dpr).includes(widthPx)]).toEqual([about, true]);
    expect([about, came.get(image.currentSrc)?.widthPx]).toEqual([about, widthPx]);
  }
}

const browsing = test.skipIf(executablePath === undefined);

browsing(
  'every image of the gallery is shown whole, in widths that fit; the second time out of memory',
  async () => {
    const first = await visit('desktop');
    expectWhole(first);
    expectFitting(first, 1);
    const chosen = first.shown.filter(({ widthsPx }) => widthsPx.length > 0);
    for (const { currentSrc } of chosen)
      expect(first.came.get(currentSrc.replace(/\?.*$/, '?fm=lqip'))?.type).toBe('image/webp');
    const before = node.snapshot().requests;
    const second = await visit('the same again');
    expectWhole(second);
    expectFitting(second, 1);
    const after = node.snapshot().requests;
    // Variants that were only for now have been replaced by then, or are.
    expect(after.hit - before.hit).toBeGreaterThanOrEqual(IMAGES / 2);
    expect(after.miss - before.miss).toBeLessThan(IMAGES / 4);
  },
  120_000,
);

browsing(
  'a screen with twice the pixels gets larger variants, a phone another cut, in the best format of the browser',
  async () => {
    const sharp = await visit('sharp desktop');
    expectWhole(sharp);
    expectFitting(sharp, 2);
    const phone = await visit('phone');
    expectWhole(phone);
    expectFitting(phone, 2);
    for (const { shown, came } of [sharp, phone]) {
      const hero = shown[0]!;
      expect(hero.currentSrc).toContain('fm=avif');
      expect(came.get(hero.currentSrc)?.type).toBe('image/avif');
      for (const { currentSrc } of shown.filter((image) => image.currentSrc.includes('auto=format')))
        expect(['image/avif', 'image/webp']).toContain(came.get(currentSrc)!.type);
    }
    expect(sharp.shown[0]!.currentSrc).toContain('ar=12:5');
    expect(phone.shown[0]!.currentSrc).toContain('ar=4:5');
  },
  120_000,
);

browsing(
  'its pictures have names, and the keyboard leads to them',
  async () => {
    const { shown, focused } = await visit('desktop');
    for (const { alt } of shown) expect(alt).toMatch(/^[a-z]+ \d{3}/);
    expect(focused.slice(0, 3)).toEqual(['The original', 'as JSON', 'a thumbhash']);
    for (const name of focused) expect(name).not.toBe('');
  },
  60_000,
);
