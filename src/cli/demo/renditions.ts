import type { DemoImage } from './images.ts';
import { imageTarget } from './origin.ts';

/** Widths that the demo's pages name in `srcset`, and its routes allow, in pixels. */
export const WIDTHS = [320, 480, 640, 960, 1280, 1920] as const;

/** Folders whose images are served as they are. */
export const READY_FOLDERS: ReadonlySet<string> = new Set(['thumbs', 'webcams']);

/** Smaller pictures are as small as a page needs them. */
const ORIGINAL_PIXELS_MIN = 600_000;
/** What variants are made of here: others are drawings, or move. */
const ORIGINAL_TYPES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/avif']);

/** The folder that an image lies in, of those directly below the set's; empty for none. */
export function folderOf({ path }: Pick<DemoImage, 'path'>): string {
  return path.slice(0, Math.max(0, path.indexOf('/')));
}

/** Whether the demo asks for variants of an image, and not for the image as it is. */
export function hasVariants(image: DemoImage): boolean {
  const { widthPx, heightPx, type } = image;
  return (
    widthPx * heightPx >= ORIGINAL_PIXELS_MIN &&
    ORIGINAL_TYPES.has(type) &&
    !READY_FOLDERS.has(folderOf(image))
  );
}

/** The address of a variant. @param options in the words of the grammar imgix, such as `w=640&auto=format`. */
export function variantTarget(image: DemoImage, options: string): string {
  return `${imageTarget(image)}?${options}`;
}

/**
 * A value for `srcset`: the image in each width that it is wide enough for, at least in one.
 *
 * @param options of every candidate besides its width; empty for none.
 */
export function srcset(image: DemoImage, options: string, widths: readonly number[] = WIDTHS): string {
  const fitting = widths.filter((widthPx, index) => index === 0 || widthPx <= image.widthPx);
  const rest = options === '' ? '' : `&${options}`;
  return fitting.map((widthPx) => `${variantTarget(image, `w=${widthPx}${rest}`)} ${widthPx}w`).join(', ');
}
