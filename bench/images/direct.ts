/**
 * The ceiling: sharp called directly in a loop, in a process that lives as long as the servers do, and is run as the one is in which
 * Holdfast transforms: as patient, one thread for each picture, nothing kept from one picture to the next.
 * `bun bench/images/direct.ts PORT FOLDER PARALLEL ENCODERS` has all pictures in memory, and makes what is posted to it, a
 * {@link DirectJob}, so many at a time. The answer, a {@link DirectResult}, comes when all are made. `/ready` answers 200.
 */
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Encoders, Wanted } from './operations.ts';

export interface DirectJob {
  readonly pictures: readonly Wanted[];
}

export interface DirectResult {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly bytes: number;
}

const NICENESS = 10;

const [port, folder, parallel, encoders] = process.argv.slice(2) as [string, string, string, string];
const settings = JSON.parse(encoders) as Encoders;
const originals = new Map<string, Buffer>();

/** Nothing but the operation: no limits, no checks, no request. */
function make({ operation: { format, height, quality }, picture, width }: Wanted): Promise<Buffer> {
  const original = originals.get(picture.name) ?? readFileSync(join(folder, picture.name));
  originals.set(picture.name, original);
  const resized = sharp(original)
    .autoOrient()
    .resize({ width, ...(height === undefined ? { withoutEnlargement: true } : { height, fit: 'cover' }) });
  return resized[format]({ ...settings[format], quality }).toBuffer();
}

async function run({ pictures }: DirectJob): Promise<DirectResult> {
  const latenciesMs: number[] = [];
  let bytes = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < pictures.length) {
      const sinceMs = performance.now();
      bytes += (await make(pictures[next++]!)).length;
      latenciesMs.push(performance.now() - sinceMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: Number(parallel) }, worker));
  return { seconds: (performance.now() - startMs) / 1000, latenciesMs, bytes };
}

setPriority(0, NICENESS);
sharp.cache(false);
sharp.concurrency(1);
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  idleTimeout: 255,
  async fetch(request) {
    if (request.method !== 'POST') return new Response('ready\n');
    const job = (await request.json()) as DirectJob;
    const [only] = job.pictures;
    // One alone is wanted for its bytes.
    if (new URL(request.url).pathname === '/one') return new Response(Uint8Array.from(await make(only!)));
    return Response.json(await run(job));
  },
  error: (error) => new Response(error.message, { status: 500 }),
});
