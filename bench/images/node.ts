import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, freePort, type Workbench } from '../support/workbench.ts';

/** A node with one route of images, and the origin that its originals come from. */

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface ImageNode {
  readonly child: Child;
  readonly port: number;
}

/** Starts the origin of the originals. @param cores for taskset. @returns its port. */
export async function startPictures(
  bench: Workbench,
  folder: string,
  cores: number | string,
): Promise<number> {
  const port = await freePort();
  const script = join(import.meta.dirname, 'origin.ts');
  const child = bench.start([process.execPath, script, String(port), folder], cores);
  await bench.ready(child, `http://127.0.0.1:${port}/ready.png`);
  return port;
}

/** `holdfast serve`, everything by its default but the size of the cache, which would else be a share of the machine's memory. */
export async function startImageNode(
  bench: Workbench,
  originPort: number,
  options: { readonly cores: string; readonly cacheMib: number },
): Promise<ImageNode> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(bench.subdir(`holdfast-${port}`), 'holdfast.yaml');
  const config = `version: 1
server: { listen: '127.0.0.1:${port}' }
admin: { listen: '127.0.0.1:${adminPort}' }
cache: { memory: { size: ${options.cacheMib}MiB } }
origins: { pictures: { type: http, url: 'http://127.0.0.1:${originPort}' } }
routes:
  - { name: pictures, origin: pictures, images: { grammar: imgix } }
log: { level: warn }
`;
  writeFileSync(file, config);
  const child = bench.start([process.execPath, MAIN, 'serve', '-c', file], options.cores);
  await bench.ready(child, `http://127.0.0.1:${port}/ready.png`);
  return { child, port };
}
