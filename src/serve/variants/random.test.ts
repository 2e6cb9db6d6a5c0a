import { expect, test } from 'bun:test';
import { DiskHarness } from '../../../test/support/disk-harness.ts';
import { type Asking, Harness, type HarnessOptions } from '../../../test/support/harness.ts';
import type { Reader } from '../../../test/support/reader.ts';
import { ScriptedTransformer, type TransformCall } from '../../../test/support/scripted-transformer.ts';
import { awaited, settledClock } from '../../../test/support/simulation/process.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { TRANSFORM_FAILURES } from '../../image/failures.ts';

/**
 * Random lives of variants: originals that change, are purged, written, fail and break off; transforms that fail, come late or
 * provisional; clients that leave; a disk below, and a restart on it. Whatever happens, nobody is served another image than the one asked for, nor one that is older
 * than a purge, and nothing stays held.
 */

const SEEDS = Number(process.env['SEEDS'] ?? 300);
const PATHS = ['/a.jpg', '/b.jpg', '/c.jpg'];
const ROUTES = [
  'images: { onFailure: error, overlays: [/mark.png] }',
  'images: { onFailure: original, provisional: [avif], provisionalLifetime: 5s, overlays: [/mark.png] }',
];

interface Asked {
  readonly reader: Reader;
  readonly path: string;
  readonly width: number | undefined;
  /** Version of the path that a purge had made the oldest that may be served. */
  readonly versionMin: number;
}

class Life {
  readonly random: Random;
  readonly transformer = new ScriptedTransformer();
  h: Harness;
  readonly #options: HarnessOptions;
  readonly asked: Asked[] = [];
  readonly versions = new Map(PATHS.map((path) => [path, 1]));
  readonly purgedAt = new Map(PATHS.map((path) => [path, 0]));

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.#options = {
      seed,
      route: this.#pick(ROUTES),
      memoryBytes: this.#pick([2 ** 19, 2 ** 22]),
      transformer: this.transformer,
      clock: settledClock(),
    };
    this.h = seed % 2 === 0 ? new Harness(this.#options) : DiskHarness.open(this.#options);
    this.#arm();
    // As the real one: never at once. The other seeds have all in one turn.
    if (seed % 3 !== 0)
      this.transformer.later = (tell) => void this.h.clock.after(this.#pick([0, 3, 700]), tell);
    this.transformer.onCall = (call) =>
      void this.h.clock.after(this.#pick([0, 10, 900]), () => this.#finish(call));
  }

  #arm(): void {
    this.h.origin.onCall = (call) => {
      const path = call.request.target.replace(/\?.*/, '');
      const answer = (): void => {
        const version = this.versions.get(path) ?? 0;
        const etag = `"${path}-${version}"`;
        const fields = { 'cache-control': `max-age=${this.#pick([1, 3, 60])}`, 'content-type': 'image/jpeg' };
        const body = Buffer.from(`${path}#${version};`.padEnd(200, '.'));
        const dice = this.random.next();
        if (call.request.method === 'DELETE') call.answer({ status: 204 });
        else if (dice < 0.1) call.fail('reset');
        else if (dice < 0.15) call.answer({ status: 503 }, Buffer.from('busy'));
        else if (dice < 0.2)
          call
            .head({ fields: { ...fields, etag }, bodyBytes: 200 })
            .data(body.subarray(0, 9))
            .fail('truncated');
        else if (call.request.fields.get('if-none-match') === etag)
          call.answer({ status: 304, fields: { ...fields, etag } });
        else call.answer({ fields: dice < 0.3 ? fields : { ...fields, etag } }, body);
      };
      void this.h.clock.after(this.#pick([0, 5, 400]), answer);
    };
  }

  live(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#act();
      this.h.clock.advance(this.#pick([0, 1, 20, 500, 4_000]));
    }
    this.#end();
    if (!(this.h instanceof DiskHarness)) return;
    // The same again, on what the first one left on disk.
    awaited(this.h.clock, this.h.disk.close());
    this.h = DiskHarness.open(this.#options, this.h.files);
    this.#arm();
    for (let step = 0; step < steps; step += 1) {
      this.#act();
      this.h.clock.advance(this.#pick([0, 1, 20, 500, 4_000]));
    }
    this.#end();
  }

  /** Everything under way comes to its end, also what ends set off. */
  #end(): void {
    for (let i = 0; i < 20; i += 1) this.h.clock.advance(2_000);
    for (const asked of this.asked.splice(0)) this.#judge(asked);
    this.h.finish();
    expect(this.transformer.held).toBe(0);
  }

  #act(): void {
    const path = this.#pick(PATHS);
    const dice = this.random.next();
    if (dice < 0.08) this.versions.set(path, this.versions.get(path)! + 1);
    else if (dice < 0.14) {
      this.h.purge({ url: path });
      this.purgedAt.set(path, this.versions.get(path)!);
    } else if (dice < 0.17) this.h.purge({ prefix: '/' }, true);
    else if (dice < 0.2) this.h.ask(path, { method: 'DELETE' });
    else if (dice < 0.22 && this.h instanceof DiskHarness) this.h.emptyMemory();
    else if (dice < 0.25)
      this.transformer.full = this.#pick([undefined, { cause: 'queue-full', detail: 'scripted' } as const]);
    else {
      const width = this.#pick([undefined, 10, 20, 30]);
      const asking: Asking = {
        fields: this.#pick([{}, { accept: 'image/avif,image/webp' }]),
        pace: this.#pick(['eager', 'held']),
      };
      const mark = this.#pick(['', '', '&mark=/mark.png']);
      const target = width === undefined ? path : `${path}?w=${width}&auto=format${mark}`;
      const reader = this.h.ask(target, asking);
      this.asked.push({ reader, path, width, versionMin: this.purgedAt.get(path)! });
      if (dice > 0.95) void this.h.clock.after(7, () => reader.leave());
      else if (asking.pace === 'held') void this.h.clock.after(600, () => reader.pump());
    }
  }

  #finish(call: TransformCall): void {
    if (call.state !== 'running') return;
    const dice = this.random.next();
    const { variant, provisional } = call.job;
    if (dice < 0.2) call.fail(this.#pick([...TRANSFORM_FAILURES]));
    else
      call.make(`${variant.width}:${Buffer.from(call.job.original)}`, {
        provisional: provisional && dice < 0.7,
      });
  }

  #judge({ reader, path, width, versionMin }: Asked): void {
    while (reader.state === 'reading') {
      reader.pump();
      this.h.clock.advance(1);
    }
    if (reader.state !== 'whole' || reader.status !== 200) return;
    const text = reader.body.toString();
    const isFallback = reader.fields.get('holdfast-image')?.startsWith('fallback') === true;
    const made = /^(?:(\d+):)?(\/[a-c]\.jpg)#(\d+);\.+$/.exec(text);
    expect(made?.[2]).toBe(path);
    expect(made?.[1]).toBe(width === undefined || isFallback ? undefined : String(width));
    expect(Number(made?.[3])).toBeGreaterThanOrEqual(versionMin);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.random.u32() % from.length]!;
  }
}

test(
  `in ${SEEDS} lives nobody gets another image than the one asked for`,
  () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      try {
        new Life(seed).live(60);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  },
  10_000 + SEEDS * 40,
);
