import { rename, writeFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import sharp, { type Sharp } from 'sharp';
import type { PictureSpec } from './catalogue.ts';
import { paintPicture } from './paint/picture.ts';

/** What the pool sends: one picture to paint, encode and write. */
export interface PictureJob {
  readonly spec: PictureSpec;
  readonly file: string;
}

/** What comes back, once per job. */
export type PictureDone = { readonly ok: true } | { readonly ok: false; readonly reason: string };

sharp.concurrency(1); // as many pictures at a time as there are workers; each on one core
sharp.cache(false);

parentPort?.on('message', (job: PictureJob) => {
  void attempt(job).then((done) => parentPort?.postMessage(done));
});

async function attempt(job: PictureJob): Promise<PictureDone> {
  try {
    await make(job);
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function make({ spec, file }: PictureJob): Promise<void> {
  const { widthPx, heightPx } = spec.picture;
  const raw = { width: widthPx, height: heightPx, channels: 3 } as const;
  const bytes = await encode(sharp(paintPicture(spec.picture), { raw }), spec).toBuffer();
  const partial = `${file}.${process.pid}.part`; // a reader never sees half a picture
  await writeFile(partial, bytes);
  await rename(partial, file);
}

function encode(image: Sharp, { format, quality }: PictureSpec): Sharp {
  switch (format) {
    case 'jpeg':
      return image.jpeg({ quality, progressive: quality < 85 });
    case 'webp':
      return image.webp({ quality, effort: 2 });
    case 'png':
      return image.png({ compressionLevel: 6 });
    case 'avif':
      return image.avif({ quality, effort: 1 });
  }
}
