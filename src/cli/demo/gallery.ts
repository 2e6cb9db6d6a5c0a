import { formatSize } from '../../base/units.ts';
import { GALLERY_SCRIPT, GALLERY_STYLE } from './gallery-assets.ts';
import type { DemoImage } from './images.ts';
import { imageTarget } from './origin.ts';

/** Images that load at once; the rest waits until it is scrolled to. */
const EAGER = 40;

/** What the page's header shows; the origin answers it under `/live.json`. */
export interface LiveNumbers {
  readonly requestsPerS: number;
  /** 0 to 1; null while nothing counted. */
  readonly hitRatio: number | null;
  readonly originPerS: number;
  readonly evictionsPerS: number;
  readonly usedBytes: number;
  readonly budgetBytes: number;
  readonly p99Ms: number | null;
}

/** The gallery: one self-contained page that shows every image, how large it is and how it was served. */
export function galleryPage(images: readonly DemoImage[]): string {
  const totalBytes = images.reduce((sum, image) => sum + image.sizeBytes, 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Holdfast demo: ${images.length} images</title>
<link rel="icon" href="data:,">
<style>${GALLERY_STYLE}</style>
</head>
<body>
<header>
<h1>Holdfast <small>${images.length} images, ${formatSize(totalBytes)}</small></h1>
<dl id="live" hidden>
<div><dt>requests</dt><dd data-live="requests"></dd></div>
<div><dt>hit ratio</dt><dd data-live="hits"></dd></div>
<div><dt>to the origin</dt><dd data-live="origin"></dd></div>
<div><dt>evictions</dt><dd data-live="evictions"></dd></div>
<div><dt>memory</dt><dd data-live="memory"></dd></div>
<div><dt>p99</dt><dd data-live="p99"></dd></div>
</dl>
<p id="status" role="status"></p>
</header>
<main>
${images.map(figure).join('\n')}
</main>
<script>${GALLERY_SCRIPT}</script>
</body>
</html>
`;
}

function figure(image: DemoImage, index: number): string {
  const { widthPx, heightPx } = image;
  const ratio = (widthPx / heightPx).toFixed(4);
  const src = escapeHtml(imageTarget(image));
  const name = escapeHtml(image.path);
  const loading = index < EAGER ? '' : ' loading="lazy"';
  const format = image.type.replace('image/', '').replace('+xml', '').toUpperCase();
  return (
    `<figure style="--r:${ratio}"><a href="${src}">` +
    `<img src="${src}" alt="${name}" width="${widthPx}" height="${heightPx}" decoding="async"${loading}></a>` +
    `<figcaption><span>${name}</span> <b></b> <small>${widthPx}×${heightPx} ${format} ${formatSize(image.sizeBytes)}</small></figcaption></figure>`
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
