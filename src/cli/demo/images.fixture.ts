import type { DemoImage } from './images.ts';

/** An image that exists only by its description. */
export function demoImage(path: string, widthPx: number, heightPx: number): DemoImage {
  const type = path.endsWith('.webp') ? 'image/webp' : 'image/jpeg';
  return { path, file: `/nowhere/${path}`, sizeBytes: 150_000, modifiedAtMs: 0, widthPx, heightPx, type };
}
