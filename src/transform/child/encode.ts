import type { Sharp } from 'sharp';
import type { Format } from './format.ts';

/** How a picture is encoded. */
export interface Encoding {
  readonly format: Format;
  /** 1 to 100 in the scale of the format; PNG and GIF have none. */
  readonly quality: number;
  readonly lossless: boolean;
  readonly progressive: boolean;
  /** Colours as finely as brightness: for graphics, whose coloured edges would bleed. */
  readonly isGraphic: boolean;
  /** A palette holds them all. */
  readonly hasFewColours: boolean;
  /** Of an animation: milliseconds for each frame, and how often it runs (0: for ever). */
  readonly delaysMs: readonly number[] | undefined;
  readonly loop: number | undefined;
}

/**
 * Efforts, measured on photographs of 800 pixels: a step further costs several times the time for a few percent of the bytes.
 * AVIF 2: 106 ms; 3: 192 ms for 3 % less; 4: 815 ms for 4 % less. WebP 4: 36 ms; 2: 16 ms for 3 % more; 6: 84 ms for 3 % less.
 * JPEG with the trellis of mozjpeg: 34 ms instead of 7 for 14 % less. Of 400 pixels: GIF 1 to 3: 46 ms; 4: 58 ms for 1 % less, and 7 % of an
 * animation; 7: 271 ms for 4 % less. PNG 4: 6.7 ms; 6: 9.7 ms for 1 % less, both filtered.
 */
const AVIF_EFFORT = 2;
const WEBP_EFFORT = 4;
const GIF_EFFORT = 4;
const PNG_LEVEL = 4;

/** A pipeline with its last step. Metadata are left behind unless the pipeline was told to keep some. */
export function encoded(pipeline: Sharp, encoding: Encoding): Sharp {
  const { format, quality, lossless, isGraphic } = encoding;
  switch (format) {
    case 'jpeg':
      return pipeline.jpeg({
        quality,
        progressive: encoding.progressive,
        chromaSubsampling: isGraphic || quality > 90 ? '4:4:4' : '4:2:0',
      });
    case 'png':
      return pipeline.png(
        // A filter helps where neighbours are alike, as in photographs (8 to 30 % of their bytes), and harms a palette.
        encoding.hasFewColours
          ? { palette: true, quality: 100, dither: 0, effort: 7 }
          : { compressionLevel: PNG_LEVEL, adaptiveFiltering: true },
      );
    case 'webp':
      return pipeline.webp({
        quality,
        lossless,
        effort: WEBP_EFFORT,
        alphaQuality: 90,
        ...animation(encoding),
      });
    case 'avif':
      return pipeline.avif({
        quality,
        lossless,
        effort: AVIF_EFFORT,
        chromaSubsampling: lossless || isGraphic || quality > 85 ? '4:4:4' : '4:2:0',
      });
    case 'gif':
      return pipeline.gif({ effort: GIF_EFFORT, ...animation(encoding) });
  }
}

function animation({ delaysMs, loop }: Encoding): { delay?: number[]; loop?: number } {
  return {
    ...(delaysMs === undefined ? {} : { delay: [...delaysMs] }),
    ...(loop === undefined ? {} : { loop }),
  };
}
