import { access, mkdir, readdir, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { extname, join, relative, resolve, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { type PictureSpec, planPictures, SET_VERSION } from './catalogue.ts';
import type { PictureDone, PictureJob } from './picture-worker.ts';

/** An image file that the demo's origin serves. */
export interface DemoImage {
  /** Path below the set's folder, with `/`, not encoded. Unique. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly type: string;
}

/** Content types by file extension: what browsers show. */
const IMAGE_TYPES: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.gif': 'image/gif',
  '.svg': 'image/svg+xml',
};

/** Bounds on a folder given by the user: enough for a demonstration, not enough to fill a machine. */
const IMAGES_MAX = 2_000;
const IMAGE_BYTES_MAX = 32 * 1024 * 1024;
const FOLDERS_MAX = 2_000;
const SEED = 2026;

export interface MakeOptions {
  /** Where sets are kept. */
  readonly folder: string;
  /** 300 in the demo. */
  readonly count: number;
  /** Called after each picture that had to be made. */
  readonly onProgress: (made: number, toMake: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The folder for made images: `$XDG_CACHE_HOME/holdfast/demo`, else below `~/.cache`, else the temporary directory. */
export async function cacheFolder(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const base = env['XDG_CACHE_HOME'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.cache'));
  const candidates = [
    ...(base === undefined ? [] : [join(base, 'holdfast', 'demo')]),
    join(tmpdir(), 'holdfast-demo'),
  ];
  let failure: unknown;
  for (const folder of candidates) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, 2 /* W_OK */);
      return folder;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`no folder to keep the demo's images in: tried ${candidates.join(' and ')}`, {
    cause: failure,
  });
}

/**
 * Makes the demo's own images, or what is missing of them, on all cores; kept for the next time.
 * About 10 s of two cores for 300, nothing the second time.
 *
 * @throws when a picture cannot be written (disk full, permissions), or when the signal aborts.
 */
export async function makeImages(options: MakeOptions): Promise<DemoImage[]> {
  const folder = join(options.folder, `images-v${SET_VERSION}-${options.count}`);
  const specs = planPictures(options.count, SEED);
  for (const name of new Set(specs.map((spec) => spec.path.slice(0, spec.path.indexOf('/'))))) {
    await mkdir(join(folder, name), { recursive: true });
  }
  const missing: PictureSpec[] = [];
  for (const spec of specs) if ((await sizeOf(join(folder, spec.path))) === 0) missing.push(spec);
  await makeAll(folder, missing, options);
  const images: DemoImage[] = [];
  for (const spec of specs) {
    const file = join(folder, spec.path);
    const found = await stat(file);
    const { widthPx, heightPx } = spec.picture;
    images.push({ ...fileFacts(spec.path, file, found.size, found.mtimeMs), widthPx, heightPx });
  }
  return images;
}

/**
 * Finds images below a folder, recursively, in the order of their names. Files that are no readable images,
 * larger than 32 MiB, or beyond the first 2,000 are left out and counted; symbolic links are not followed.
 *
 * @throws when the folder cannot be read.
 */
export async function findImages(folder: string): Promise<{ images: DemoImage[]; leftOut: number }> {
  const root = resolve(folder);
  const files: string[] = [];
  const folders = [root];
  let leftOut = 0;
  for (let i = 0; i < folders.length && i < FOLDERS_MAX; i += 1) {
    for (const entry of await readdir(folders[i]!, { withFileTypes: true })) {
      const path = join(folders[i]!, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() && extname(entry.name).toLowerCase() in IMAGE_TYPES) files.push(path);
    }
  }
  files.sort();
  const images: DemoImage[] = [];
  for (const file of files) {
    const image = images.length < IMAGES_MAX ? await describe(root, file) : undefined;
    if (image === undefined) leftOut += 1;
    else images.push(image);
  }
  return { images, leftOut };
}

async function describe(root: string, file: string): Promise<DemoImage | undefined> {
  try {
    const found = await stat(file);
    if (found.size === 0 || found.size > IMAGE_BYTES_MAX) return undefined;
    const { width, height, orientation } = await sharp(file).metadata();
    const turned = (orientation ?? 1) >= 5; // EXIF: rotated by a quarter
    return {
      ...fileFacts(relative(root, file).split(sep).join('/'), file, found.size, found.mtimeMs),
      widthPx: turned ? height : width,
      heightPx: turned ? width : height,
    };
  } catch {
    return undefined; // not an image, whatever its name says
  }
}

function fileFacts(
  path: string,
  file: string,
  sizeBytes: number,
  modifiedAtMs: number,
): Omit<DemoImage, 'widthPx' | 'heightPx'> {
  return { path, file, sizeBytes, modifiedAtMs, type: IMAGE_TYPES[extname(path).toLowerCase()]! };
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : 0;
  } catch {
    return 0;
  }
}

/** Largest first, so that no worker is left with a long one at the end. */
async function makeAll(folder: string, missing: readonly PictureSpec[], options: MakeOptions): Promise<void> {
  if (missing.length === 0) return;
  const area = (spec: PictureSpec): number => spec.picture.widthPx * spec.picture.heightPx;
  const queue = missing.toSorted((a, b) => area(a) - area(b));
  let made = 0;
  const workers = Math.min(Math.max(1, availableParallelism()), 8, missing.length);
  const run = async (): Promise<void> => {
    const worker = new Worker(new URL('./picture-worker.ts', import.meta.url));
    try {
      for (let spec = queue.pop(); spec !== undefined; spec = queue.pop()) {
        options.signal?.throwIfAborted();
        await makeOne(worker, { spec, file: join(folder, spec.path) });
        made += 1;
        options.onProgress(made, missing.length);
      }
    } catch (error) {
      queue.length = 0;
      throw error;
    } finally {
      await worker.terminate();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: workers }, run));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

function makeOne(worker: Worker, job: PictureJob): Promise<void> {
  return new Promise((done, fail) => {
    const onMessage = (reply: PictureDone): void => {
      worker.off('error', onError);
      if (reply.ok) done();
      else fail(new Error(`cannot make ${job.file}: ${reply.reason}`));
    };
    const onError = (error: Error): void => {
      worker.off('message', onMessage);
      fail(error);
    };
    worker.once('message', onMessage);
    worker.once('error', onError);
    worker.postMessage(job);
  });
}
