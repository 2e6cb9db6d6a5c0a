import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { seededRandom } from '../../src/base/random.ts';
import { galleryPage } from '../../src/cli/demo/gallery.ts';
import { type DemoImage, makeImages } from '../../src/cli/demo/images.ts';
import { demoConfig } from '../../src/cli/demo/node.ts';
import { type DemoOrigin, startOrigin } from '../../src/cli/demo/origin.ts';
import type { Node } from '../../src/server/node.ts';
import { findChromium } from '../run/chromium.ts';
import { startTestNode } from '../support/node.ts';
import { realClock } from '../support/real-clock.ts';

/** What people see first: the demo's gallery in a real browser, every image through a real node. */

const IMAGES = 60;
const MIB = 2 ** 20;
const SCREENSHOT = join(import.meta.dir, '../../test-results/gallery.png');
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
  // Whatever else it wants to ask at its start: no name is looked up.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

const executablePath = findChromium();
if (executablePath === undefined)
  console.warn(
    'SKIPPED: the gallery in a browser: no Chromium here; install one, or name it in HOLDFAST_CHROMIUM',
  );

/** In the browser: what each image came to, and what the page says of all of them. */
const SHOWN =
  '[...document.images].map((img) => [img.getAttribute("src"), img.complete && img.naturalWidth > 0])';
const STATUS = 'document.getElementById("status").textContent';

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

/** Scrolls from top to bottom until every image has been asked for and has ended, well or not. */
async function showAll(page: Page): Promise<void> {
  await page.goto(node.url, { waitUntil: 'load' });
  for (let i = 0; i < IMAGES; i += 1) {
    await page.locator('img').nth(i).scrollIntoViewIfNeeded();
    await page.waitForFunction(`document.images[${i}].complete`);
  }
}

test.skipIf(executablePath === undefined)(
  'every image of the gallery is shown whole, the second time from memory',
  async () => {
    const complaints: string[] = [];
    for (const visit of ['first', 'second'] as const) {
      const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => void complaints.push(error.message));
      page.on('requestfailed', (request) => {
        // The page's own look at Cache-Status reads no body: only images count.
        if (request.resourceType() === 'image')
          complaints.push(`${request.url()} ${request.failure()?.errorText}`);
      });
      const before = node.snapshot().requests;
      await showAll(page);
      const shown = (await page.evaluate(SHOWN)) as [src: string, whole: boolean][];
      expect(shown.length).toBe(IMAGES);
      expect(shown.filter(([, whole]) => !whole)).toEqual([]);
      await page.waitForFunction(`${STATUS} === '${IMAGES} of ${IMAGES} loaded'`);
      expect(await page.locator('figure.broken').count()).toBe(0);
      const { requests } = node.snapshot();
      expect(requests.failed).toBe(0);
      if (visit === 'second') expect(requests.hit - before.hit).toBeGreaterThanOrEqual(IMAGES / 2);
      else await screenshot(page);
      await page.close();
    }
    expect(complaints).toEqual([]);
    expect(faults).toEqual([]);
  },
  60_000,
);

async function screenshot(page: Page): Promise<void> {
  mkdirSync(join(SCREENSHOT, '..'), { recursive: true });
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: SCREENSHOT });
}
