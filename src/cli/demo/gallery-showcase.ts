import { escapeHtml } from '../../base/html.ts';
import { altOf, factsOf, placeholderStyle } from './gallery-html.ts';
import type { DemoImage } from './images.ts';
import { imageTarget, MARK_PATH } from './origin.ts';
import { srcset, variantTarget } from './renditions.ts';

/** The two parts of the page that show what variants are: a wide picture at its top, and one original in many forms. */

/** The shapes that the picture at the top is cut to: for phones, and for all that is wider. */
const SHAPES = [
  { media: ' media="(max-width: 640px)"', options: 'ar=4:5&fit=crop', widths: [480, 960] },
  { media: '', options: 'ar=12:5&fit=crop', widths: [960, 1280, 1920] },
] as const;
const FORMATS = ['avif', 'webp'] as const;

/** `<picture>`: another cut for phones, and for each the best format that the browser has. */
export function heroOf(image: DemoImage): string {
  const sources = SHAPES.flatMap(({ media, options, widths }) => [
    ...FORMATS.map(
      (format) =>
        `<source${media} type="image/${format}" sizes="100vw" srcset="${escapeHtml(srcset(image, `${options}&fm=${format}`, widths))}">`,
    ),
    media === ''
      ? ''
      : `<source${media} sizes="100vw" srcset="${escapeHtml(srcset(image, `${options}&fm=jpg`, widths))}">`,
  ]);
  const { options, widths } = SHAPES[1];
  const fallback = escapeHtml(variantTarget(image, `w=1280&${options}&fm=jpg`));
  return `<figure class="hero">
<picture>
${sources.filter((source) => source !== '').join('\n')}
<img src="${fallback}" srcset="${escapeHtml(srcset(image, `${options}&fm=jpg`, widths))}" sizes="100vw" alt="${escapeHtml(altOf(image))}" width="1920" height="800" fetchpriority="high" style="${escapeHtml(placeholderStyle(image))}">
</picture>
<figcaption><h2>Every size and format, made when it is asked for</h2>
<p>This picture is ${factsOf(image)} at its origin. What you see was cut to your window, in the best format that your browser shows, and is
kept for the next reader.</p>
<small></small> <b></b></figcaption>
</figure>`;
}

interface Card {
  readonly title: string;
  readonly options: string;
}

const CARDS: readonly Card[] = [
  { title: 'What your browser takes best', options: 'w=640&auto=format' },
  { title: 'AVIF', options: 'w=640&fm=avif' },
  { title: 'WebP', options: 'w=640&fm=webp' },
  { title: 'JPEG', options: 'w=640&fm=jpg' },
  {
    title: 'Square, where the eye goes',
    options: 'w=640&h=640&fit=crop&crop=attention',
  },
  { title: 'With a watermark', options: `w=640&mark=${MARK_PATH}&mark-scale=22&mark-pad=24` },
  { title: 'Without colour', options: 'w=640&sat=-100&auto=format' },
  { title: 'A placeholder', options: 'fm=lqip' },
];

/** One original, and some of what can be asked for. The numbers are filled in by the page's script: they are what came. */
export function showcaseOf(image: DemoImage): string {
  const link = (options: string, text: string): string =>
    `<a href="${escapeHtml(variantTarget(image, options))}">${text}</a>`;
  return `<section>
<h2>One original, many variants</h2>
<p class="lead"><a href="${escapeHtml(imageTarget(image))}">The original</a> has ${factsOf(image)}. It is fetched once for all of them; the address says what is made of it.
There are also facts about it ${link('fm=json', 'as JSON')} and ${link('fm=thumbhash', 'a thumbhash')}.</p>
<div class="cards">
${CARDS.map((card) => cardOf(image, card)).join('\n')}
</div>
</section>`;
}

function cardOf(image: DemoImage, { title, options }: Card): string {
  const target = escapeHtml(variantTarget(image, options));
  const alt = escapeHtml(`${altOf(image)}: ${title.toLowerCase()}`);
  return (
    `<figure class="card"><a href="${target}"><img src="${target}" alt="${alt}" width="640" height="427"></a>` +
    `<figcaption><strong>${title}</strong> <code>?${escapeHtml(options)}</code> <small></small> <b></b></figcaption></figure>`
  );
}
