import { afterEach, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { photo, ROOMY } from '../../test/support/pictures.ts';
import { realClock } from '../../test/support/real-clock.ts';
import { PLAIN, type Variant } from '../image/variant.ts';
import { startWorker } from './process.ts';
import type { Transformer, TransformResult } from './transform.ts';
import { createTransformer, type TransformerOptions } from './transformer.ts';

/** With the real process. */

const open: Transformer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

interface Bench {
  readonly transformer: Transformer;
  readonly log: string[];
  ask(original: Uint8Array, variant?: Partial<Variant>): Promise<TransformResult>;
}

function bench(changes: Partial<TransformerOptions> = {}): Bench {
  const log: string[] = [];
  const note = (message: string): void => void log.push(message);
  const transformer = createTransformer({
    limits: ROOMY,
    concurrency: 2,
    queue: { max: 100, timeoutMs: 60_000, sizeBytes: 100_000_000 },
    clock: realClock,
    log: { info: note, warn: note, error: note },
    start: startWorker,
    ...changes,
  });
  open.push(transformer);
  return {
    transformer,
    log,
    ask: (original, variant = {}) =>
      new Promise((resolve) => {
        const job = { original, overlay: undefined, background: false, provisional: false };
        transformer.transform({ ...job, variant: { ...PLAIN, ...variant } }, resolve);
      }),
  };
}

/** The processes that this one has started and that are alive. */
function children(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await Bun.sleep(2);
}

describe('the process that transforms', () => {
  test('makes pictures, many at a time, each its own', async () => {
    const it = bench();
    const original = await (await photo(400, 300)).jpeg().toBuffer();
    const widths = Array.from({ length: 24 }, (_, index) => 20 + index * 10);
    const results = await Promise.all(widths.map((width) => it.ask(original, { output: 'webp', width })));
    for (const [index, result] of results.entries()) {
      if (!result.ok) throw new Error(result.failure.detail);
      expect(result).toMatchObject({
        contentType: 'image/webp',
        width: widths[index]!,
        frames: 1,
        isOriginal: false,
      });
      expect((await sharp(result.body).metadata()).width).toBe(widths[index]!);
      expect(result.durationMs).toBeGreaterThan(0);
    }
    expect(it.transformer.gauges()).toMatchObject({ active: 0, waiting: 0, restarts: 0 });
    expect(it.transformer.gauges().residentBytes).toBeGreaterThan(10_000_000);
  });

  test('names what is wrong, and goes on', async () => {
    const it = bench();
    const jpeg = await (await photo(200, 100)).jpeg().toBuffer();
    const results = await Promise.all([
      it.ask(new TextEncoder().encode('<html>Log in</html>')),
      it.ask(jpeg.subarray(0, 2000), { width: 50 }),
      it.ask(jpeg, { width: 50 }),
    ]);
    expect(results.map((result) => (result.ok ? 'ok' : result.failure.cause))).toEqual([
      'not-image',
      'truncated',
      'ok',
    ]);
    expect(it.log).toEqual([]);
  });

  test('hands the original back without sending it', async () => {
    const it = bench();
    const original = await (await photo(200, 100)).webp({ quality: 5 }).toBuffer();
    const result = await it.ask(original, { output: 'auto-webp', quality: 95 });
    expect(result).toMatchObject({ ok: true, isOriginal: true, contentType: 'image/webp' });
    expect(result.ok && result.body).toBe(original);
  });

  test.skipIf(process.platform !== 'linux')('is poor, patient and expendable', async () => {
    const before = new Set(children());
    const it = bench();
    process.env['HOLDFAST_SECRET_OF_A_TEST'] = 'secret';
    await it.ask(await (await photo(600, 400)).jpeg().toBuffer(), { output: 'avif', width: 300 });
    const pid = children().find((each) => !before.has(each))!;
    const names = readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .filter(Boolean)
      .map((each) => each.split('=')[0]!);
    expect(names.sort()).toEqual(['MALLOC_ARENA_MAX', 'UV_THREADPOOL_SIZE']);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1').trim()).toBe('800');
    // The 19th field of stat; names of threads may have spaces in them.
    const niceness = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      return /Pool|libvips/.test(stat) ? [Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])] : [];
    });
    expect(niceness.length).toBeGreaterThan(0);
    expect(new Set(niceness)).toEqual(new Set([19]));
  });

  test.skipIf(process.platform !== 'linux')(
    'killed in the middle, it is started again and all is made',
    async () => {
      const before = new Set(children());
      const it = bench();
      const original = await (await photo(1200, 900)).jpeg().toBuffer();
      const asked = Array.from({ length: 8 }, (_, index) =>
        it.ask(original, { output: 'avif', width: 500 + index }),
      );
      await until(() => children().some((pid) => !before.has(pid)) && it.transformer.gauges().active === 2);
      process.kill(children().find((each) => !before.has(each))!, 'SIGKILL');
      const results = await Promise.all(asked);
      expect(results.map((result) => result.ok && result.width)).toEqual([
        500, 501, 502, 503, 504, 505, 506, 507,
      ]);
      expect(it.transformer.gauges().restarts).toBe(1);
      expect(it.log).toEqual(['the process that transforms images has ended']);
    },
  );

  test.skipIf(process.platform !== 'linux')(
    'above its memory it is ended, and the image is named',
    async () => {
      const it = bench({
        limits: { ...ROOMY, pixels: 100_000_000, outputPixels: 100_000_000, memoryBytes: 150_000_000 },
      });
      const small = await (await photo(300, 200)).jpeg().toBuffer();
      // Turned by an angle, all of it has to be in memory.
      const large = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: '#888' } })
        .png()
        .toBuffer();
      const [first, second, third] = await Promise.all([
        it.ask(small, { width: 100 }),
        it.ask(large, { output: 'webp', rotate: 10, width: 100 }),
        it.ask(small, { width: 50 }),
      ]);
      expect(second).toMatchObject({ ok: false, failure: { cause: 'memory' } });
      expect([first.ok, third.ok]).toEqual([true, true]);
      expect((await it.ask(small, { width: 70 })).ok).toBe(true);
    },
  );

  test('what takes too long is answered in time', async () => {
    const it = bench({ limits: { ...ROOMY, timeoutMs: 1 } });
    const original = await (await photo(2000, 1500)).jpeg().toBuffer();
    expect(await it.ask(original, { output: 'avif' })).toMatchObject({
      ok: false,
      failure: { cause: 'timeout' },
    });
  });

  test('what never ends is ended with the process, and whoever was beside it is made all the same', async () => {
    const it = bench({ limits: { ...ROOMY, timeoutMs: 1000 } });
    const groups = Array.from(
      { length: 14 },
      (_, level) => `<g id="a${level + 1}">${`<use href="#a${level}"/>`.repeat(10)}</g>`,
    );
    const endless = new TextEncoder().encode(
      `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><defs><g id="a0"><rect width="1" height="1"/></g>${groups.join('')}</defs><use href="#a14"/></svg>`,
    );
    expect(await it.ask(endless)).toMatchObject({ ok: false, failure: { cause: 'timeout' } });
    // The process still works on it, and goes on to be of use until it is ended.
    const original = await (await photo(60, 40)).jpeg().toBuffer();
    while (it.transformer.gauges().restarts === 0)
      expect((await it.ask(original, { output: 'png', width: 30 })).ok).toBe(true);
    expect(it.transformer.gauges().active).toBe(0);
    expect(it.log).toEqual(['the process that transforms images has ended']);
  });

  test.skipIf(process.platform !== 'linux')(
    'it ends when whoever started it is gone, whatever it is doing',
    async () => {
      const code = `
      import { startWorker } from ${JSON.stringify(`${import.meta.dir}/process.ts`)};
      const worker = startWorker({ onReport: (report) => { if (report.kind === 'ready') console.log('ready'); }, onEnd() {} }, 2);
      setInterval(() => undefined, 1000);`;
      const parent = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe', env: {} });
      await parent.stdout.getReader().read();
      const [child] = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'latin1')
        .trim()
        .split(' ')
        .map(Number);
      expect(child).toBeGreaterThan(0);
      parent.kill('SIGKILL');
      await parent.exited;
      await until(() => isGone(child!));
    },
  );

  test('closed, it is gone', async () => {
    const it = bench();
    const original = await (await photo(1200, 900)).jpeg().toBuffer();
    const asked = it.ask(original, { output: 'avif' });
    await until(() => it.transformer.gauges().active === 1 && it.transformer.gauges().residentBytes > 0);
    await it.transformer.close();
    expect(await asked).toMatchObject({ ok: false, failure: { cause: 'unavailable' } });
    expect(it.transformer.gauges().residentBytes).toBe(0);
    expect(await it.ask(original)).toMatchObject({ ok: false, failure: { cause: 'unavailable' } });
  });
});

function isGone(pid: number): boolean {
  try {
    // A zombie is gone too, only nobody has taken note.
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}
