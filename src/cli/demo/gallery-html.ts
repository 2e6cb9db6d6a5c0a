import { escapeHtml } from '../../base/html.ts';
import { formatSize } from '../../base/units.ts';
import type { DemoImage } from './images.ts';
import { imageTarget } from './origin.ts';
import { srcset, variantTarget } from './renditions.ts';

/** Height of a row of the gallery, in CSS pixels: `sizes` follows from it. */
const ROW_PX = 210;

/** What an image shows, as far as its name says: `originals/001-lake.jpg` is `lake 001`. */
export function altOf({ path }: Pick<DemoImage, 'path'>): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]+$/, '');
  const [, number, words] = /^(\d+)-(.+)$/.exec(name) ?? [];
  return (words === undefined ? name : `${words} ${number}`).replace(/[-_]+/g, ' ').trim() || 'picture';
}

/** `2324×1549 JPEG 1.21 MiB` */
export function factsOf({ widthPx, heightPx, type, sizeBytes }: DemoImage): string {
  const format = type.replace('image/', '').replace('+xml', '').toUpperCase().replace('WEBP', 'WebP');
  return `${widthPx}×${heightPx} ${format} ${formatSize(sizeBytes)}`;
}

/** Shown while a picture loads: a few hundred bytes of it, as the background. */
export function placeholderStyle(image: DemoImage): string {
  return `background-image:url('${variantTarget(image, 'fm=lqip')}')`;
}

/** One image of a row; it loads when it is scrolled to. */
export function figureOf(image: DemoImage, asVariants: boolean): string {
  const { widthPx, heightPx } = image;
  const ratio = (widthPx / heightPx).toFixed(4);
  const target = escapeHtml(imageTarget(image));
  const name = escapeHtml(image.path);
  const source = asVariants ? sourcesOf(image, widthPx / heightPx) : `src="${target}"`;
  const common = `width="${widthPx}" height="${heightPx}" decoding="async" loading="lazy"`;
  return (
    `<figure style="--r:${ratio}"><a href="${target}">` +
    `<img ${source} alt="${escapeHtml(altOf(image))}" ${common}></a>` +
    `<figcaption><span>${name}</span> <b></b> <small>${factsOf(image)}</small></figcaption></figure>`
  );
}

/**
 * `sizes=auto` is as wide as the picture is laid out, in browsers that know it. The others are told about how wide that is: rows
 * grow to fill the page.
 */
function sourcesOf(image: DemoImage, ratio: number): string {
  const aboutPx = Math.round(ratio * ROW_PX * 1.3);
  const sizes = `auto, (max-width: 640px) min(94vw, ${Math.round(ratio * 150)}px), ${aboutPx}px`;
  return (
    `src="${escapeHtml(variantTarget(image, 'w=640&auto=format'))}" ` +
    `srcset="${escapeHtml(srcset(image, 'auto=format'))}" sizes="${sizes}" ` +
    `style="${escapeHtml(placeholderStyle(image))}"`
  );
}
