import { formatCount, formatSize } from '../../base/units.ts';
import { figureOf } from './gallery-html.ts';
import { GALLERY_SCRIPT } from './gallery-script.ts';
import { heroOf, showcaseOf } from './gallery-showcase.ts';
import { GALLERY_STYLE } from './gallery-style.ts';
import type { DemoImage } from './images.ts';
import { hasVariants } from './renditions.ts';

/** What the page's header shows; the origin answers it under `/live.json`. */
export interface LiveNumbers {
  readonly requestsPerS: number;
  /** 0 to 1; null while nothing counted. */
  readonly hitRatio: number | null;
  readonly originPerS: number;
  readonly evictionsPerS: number;
  readonly variantsPerS: number;
  readonly usedBytes: number;
  readonly budgetBytes: number;
  readonly p99Ms: number | null;
}

/** The gallery: one self-contained page that shows every image, what became of it on its way, and how it was served. */
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
<div><dt>variants made</dt><dd data-live="variants"></dd></div>
<div><dt>evictions</dt><dd data-live="evictions"></dd></div>
<div><dt>memory</dt><dd data-live="memory"></dd></div>
<div><dt>p99</dt><dd data-live="p99"></dd></div>
</dl>
<p id="status" role="status"></p>
</header>
<main>
${sectionsOf(images).join('\n')}
</main>
<script>${GALLERY_SCRIPT}</script>
</body>
</html>
`;
}

function sectionsOf(images: readonly DemoImage[]): string[] {
  const originals = images.filter(hasVariants);
  const ready = images.filter((image) => !hasVariants(image));
  const chosen = chosenOf(originals);
  const sections: string[] = [];
  if (chosen !== undefined) {
    const lead =
      'Each in the width that your screen needs, by <code>srcset</code> and <code>?w=…&amp;auto=format</code>. <span id="saved"></span>';
    const heading = `${formatCount(originals.length)} originals`;
    const rows = rowsOf(heading, lead, originals, true);
    sections.push(heroOf(chosen.hero), showcaseOf(chosen.showcase), rows);
  }
  if (ready.length > 0) {
    const lead = 'Ready for the web when they came, and passed on byte for byte.';
    sections.push(rowsOf(`${formatCount(ready.length)} images as they are`, lead, ready, false));
  }
  return sections;
}

function rowsOf(heading: string, lead: string, images: readonly DemoImage[], asVariants: boolean): string {
  const figures = images.map((image) => figureOf(image, asVariants));
  return `<section>\n<h2>${heading}</h2>\n<p class="lead">${lead}</p>\n<div class="rows">\n${figures.join('\n')}\n</div>\n</section>`;
}

/** The largest wide picture for the top; and one to make much of, of the painted ones a flower: it has a middle. */
function chosenOf(originals: readonly DemoImage[]): { hero: DemoImage; showcase: DemoImage } | undefined {
  const pixels = ({ widthPx, heightPx }: DemoImage): number => widthPx * heightPx;
  const largest = originals.toSorted((a, b) => pixels(b) - pixels(a));
  const hero = largest.find(({ widthPx, heightPx }) => widthPx > heightPx) ?? largest[0];
  const showcase = largest.find(({ path }) => path.includes('blossom')) ?? largest[1] ?? hero;
  return hero === undefined || showcase === undefined ? undefined : { hero, showcase };
}
