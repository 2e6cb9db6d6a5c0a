/**
 * Sends every file of a folder through every operation, by the real process, and prints what became of it.
 *
 *   node bin/run.mjs bench/images/corpus.ts <folder with images> [folder for the results]
 *
 * A table on standard output: a row for each file, with the milliseconds and bytes of each operation or the name of the failure. Exit
 * codes: 0 everything was made or refused with a name, 1 the process died, 2 unusable arguments.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLAIN, type Variant } from '../../src/image/variant.ts';
import { startWorker } from '../../src/transform/process.ts';
import type { TransformResult } from '../../src/transform/transform.ts';
import { createTransformer } from '../../src/transform/transformer.ts';
import { realClock } from '../../test/support/real-clock.ts';

const MARK = {
  path: '/mark.svg',
  scale: 0.25,
  gravity: 'southeast',
  margin: 8,
  opacity: 0.7,
  tile: false,
} as const;
const MARK_BYTES = new TextEncoder().encode(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 40"><rect width="100" height="40" rx="9" fill="#c22"/><circle cx="20" cy="20" r="12" fill="#fff"/></svg>',
);
const RECT = { x: 0.25, y: 0.25, width: 0.5, height: 0.5, relative: true } as const;
const BOX = { width: 300, height: 300 } as const;

const OPERATIONS: Readonly<Record<string, Partial<Variant>>> = {
  source: { width: 300 },
  auto: { output: 'auto', width: 300 },
  webp: { output: 'auto-webp', width: 300 },
  avif: { output: 'auto-avif', width: 300 },
  whole: { output: 'auto-webp' },
  lossless: { output: 'webp', lossless: true, width: 300 },
  gif: { output: 'gif', width: 200 },
  cover: { output: 'auto', ...BOX, fit: 'cover' },
  point: { output: 'auto', ...BOX, fit: 'cover', position: { x: 0.2, y: 0.8 } },
  smart: { output: 'auto', ...BOX, fit: 'cover', position: 'attention' },
  entropy: { output: 'auto', ...BOX, fit: 'cover', position: 'entropy' },
  contain: { output: 'webp', ...BOX, fit: 'contain' },
  onBlue: { output: 'auto', ...BOX, fit: 'contain', background: '3366cc' },
  fill: { output: 'auto', ...BOX, fit: 'fill' },
  outside: { output: 'auto', ...BOX, fit: 'outside' },
  enlarge: { output: 'webp', width: 700, height: 700, fit: 'cover', enlarge: true },
  rect: { output: 'auto', rect: RECT, width: 300 },
  turn: { output: 'auto', rotate: 90, width: 300 },
  tilt: { output: 'auto-webp', rotate: 15, width: 300 },
  mirror: { output: 'auto', flip: true, flop: true, width: 300 },
  trim: { output: 'auto', trim: 20, width: 300 },
  blur: { output: 'auto', blur: 5, width: 300 },
  sharpen: { output: 'auto', sharpen: 2, width: 300 },
  grey: { output: 'auto', grey: true, width: 300 },
  mark: { output: 'auto', overlay: MARK, width: 300 },
  tiles: { output: 'auto', overlay: { ...MARK, tile: true }, width: 300 },
  rights: { output: 'jpeg', metadata: 'copyright', width: 300 },
  still: { output: 'auto-webp', animated: false, width: 300 },
  lqip: { output: 'lqip' },
  hash: { output: 'thumbhash' },
  json: { output: 'json' },
};

async function main(folder: string, results: string | undefined): Promise<number> {
  if (results !== undefined) mkdirSync(results, { recursive: true });
  const say = (message: string, facts?: object): void => console.error(message, facts ?? '');
  const transformer = createTransformer({
    limits: {
      inputBytes: 50_000_000,
      pixels: 100_000_000,
      frames: 500,
      outputPixels: 50_000_000,
      timeoutMs: 30_000,
      memoryBytes: 1_500_000_000,
    },
    concurrency: 4,
    queue: { max: 10_000, timeoutMs: 600_000, sizeBytes: 500_000_000 },
    clock: realClock,
    log: { info: say, warn: say, error: say },
    start: startWorker,
  });
  const names = Object.keys(OPERATIONS);
  console.log(`| file | ${names.join(' | ')} |\n|---|${names.map(() => '---|').join('')}`);
  for (const file of readdirSync(folder).sort()) {
    const original = readFileSync(join(folder, file));
    const cells = await Promise.all(
      names.map(async (name) => {
        const result = await new Promise<TransformResult>((resolve) => {
          const variant = { ...PLAIN, ...OPERATIONS[name] };
          const overlay = variant.overlay === undefined ? undefined : MARK_BYTES;
          transformer.transform(
            { original, variant, overlay, background: false, provisional: false },
            resolve,
          );
        });
        if (!result.ok) return `${result.failure.cause}: ${result.failure.detail}`;
        const type = result.contentType.replace(/^.*\//, '');
        if (results !== undefined) writeFileSync(join(results, `${file}.${name}.${type}`), result.body);
        const what = result.isOriginal ? 'original' : `${type} ${result.width}x${result.height}`;
        return `${what} ${result.body.length} ${Math.round(result.durationMs)}ms`;
      }),
    );
    const isOne = new Set(cells).size === 1;
    console.log(`| ${file} | ${isOne ? cells[0] : cells.join(' | ')} |`);
  }
  const { restarts, residentBytes } = transformer.gauges();
  console.log(`\n${restarts} restarts, ${Math.round(residentBytes / 1e6)} MB resident at the end`);
  await transformer.close();
  return restarts === 0 ? 0 : 1;
}

const [folder, results] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: corpus.ts <folder with images> [folder for the results]');
  process.exit(2);
}
process.exit(await main(folder, results));
