import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { galleryPage } from './gallery.ts';
import type { DemoImage } from './images.ts';
import { type DemoOrigin, type DemoOriginOptions, imageTarget, startOrigin } from './origin.ts';

let folder: string;
let images: DemoImage[];
const running: DemoOrigin[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-origin-'));
  images = await Promise.all(
    ['photos/a b.jpg', 'webcams/ü?.png'].map(async (path, i) => {
      const file = join(folder, String(i));
      const sizeBytes = 1_000 + i;
      await Bun.write(file, new Uint8Array(sizeBytes).fill(i + 1));
      const type = i === 0 ? 'image/jpeg' : 'image/png';
      return { path, file, sizeBytes, modifiedAtMs: 1_700_000_000_000, widthPx: 4, heightPx: 3, type };
    }),
  );
});
afterAll(async () => {
  for (const origin of running) await origin.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Latencies are over when the test says so. */
class HeldClock implements Clock {
  readonly held: (() => void)[] = [];
  nowMs = (): number => 0;
  monotonicMs = (): number => 0;
  after(_: number, fn: () => void): Timer {
    this.held.push(fn);
    return undefined as unknown as Timer;
  }
  cancel(): void {}
}
const instant: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after: (_, fn) => {
    queueMicrotask(fn);
    return undefined as unknown as Timer;
  },
  cancel: () => undefined,
};

function origin(change: Partial<DemoOriginOptions> = {}): DemoOrigin {
  const started = startOrigin({
    images,
    page: galleryPage(images),
    live: () => ({ requestsPerS: 1 }),
    clock: instant,
    random: seededRandom(1),
    latencyMs: { min: 20, max: 60 },
    concurrencyMax: 4,
    ...change,
  });
  running.push(started);
  return started;
}

describe("the demo's origin", () => {
  test('serves every image with its length, type, validators and a lifetime by kind', async () => {
    const { url } = origin();
    for (const [image, maxAge] of [
      [images[0]!, 'public, max-age=3600'],
      [images[1]!, 'public, max-age=5'],
    ] as const) {
      const response = await fetch(url + imageTarget(image));
      expect(response.status).toBe(200);
      expect(response.headers.get('content-length')).toBe(String(image.sizeBytes));
      expect(response.headers.get('content-type')).toBe(image.type);
      expect(response.headers.get('cache-control')).toBe(maxAge);
      expect(response.headers.get('last-modified')).toBe('Tue, 14 Nov 2023 22:13:20 GMT');
      expect(await response.bytes()).toEqual(await Bun.file(image.file).bytes());
    }
  });

  test('confirms what is unchanged with 304, and only that', async () => {
    const { url, counters } = origin();
    const target = url + imageTarget(images[0]!);
    const etag = (await fetch(target)).headers.get('etag')!;
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(target, { headers })).status;
    expect(await status({ 'if-none-match': etag })).toBe(304);
    expect(await status({ 'if-none-match': `"other", W/${etag}` })).toBe(304);
    expect(await status({ 'if-none-match': '"other"' })).toBe(200);
    expect(await status({ 'if-modified-since': 'Tue, 14 Nov 2023 22:13:20 GMT' })).toBe(304);
    expect(
      await status({ 'if-none-match': '"other"', 'if-modified-since': 'Tue, 14 Nov 2023 22:13:20 GMT' }),
    ).toBe(200);
    expect(counters()).toEqual({ requests: 6, notModified: 3, rejected: 0 });
  });

  test('answers HEAD without body, 404 for what it has not, 405 for other methods', async () => {
    const { url } = origin();
    const head = await fetch(url + imageTarget(images[0]!), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1000', '']);
    expect((await fetch(`${url}/images/photos/none.jpg`)).status).toBe(404);
    expect((await fetch(`${url}/images/../../etc/passwd`)).status).toBe(404);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  });

  test('works on a limited number of requests at a time, in their order', async () => {
    const clock = new HeldClock();
    const { url } = origin({ clock, concurrencyMax: 2 });
    const target = url + imageTarget(images[0]!);
    let answered = 0;
    const all = Array.from({ length: 5 }, () => fetch(target).then(() => (answered += 1)));
    while (clock.held.length < 2) await Bun.sleep(1);
    expect(clock.held.length).toBe(2);
    for (let released = 0; released < 5; released += 1) {
      while (clock.held.length <= released) await Bun.sleep(1);
      expect(clock.held.length - released).toBeLessThanOrEqual(2);
      clock.held[released]!();
    }
    await Promise.all(all);
    expect(answered).toBe(5);
  });

  test('the page names every image with its measures, escaped; numbers are not stored', async () => {
    const { url } = origin();
    const response = await fetch(url);
    const html = await response.text();
    expect(response.headers.get('content-type')).toContain('text/html');
    const found = [...html.matchAll(/<img src="([^"]+)"[^>]* width="(\d+)" height="(\d+)"/g)];
    expect(found.map(([, src]) => src)).toEqual(images.map(imageTarget));
    for (const [, src] of found) expect((await fetch(url + src)).status).toBe(200);
    const live = await fetch(`${url}/live.json`);
    expect(live.headers.get('cache-control')).toBe('no-store');
    expect(await live.json()).toEqual({ requestsPerS: 1 });
  });

  test('a name cannot break out of the page', () => {
    const evil = { ...images[0]!, path: '"><script>alert(1)</script>.jpg' };
    expect(galleryPage([evil])).not.toContain('<script>alert');
  });
});
