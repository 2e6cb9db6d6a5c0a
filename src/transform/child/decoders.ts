import sharp from 'sharp';

/** The decoders that may see what came from outside, by the names that libvips has for them: from memory, and only these. */
const ALLOWED = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadHeifBuffer',
  'VipsForeignLoadTiffBuffer',
  'VipsForeignLoadSvgBuffer',
];

/**
 * Sets the library up for this process: one thread an image, since images are worked on side by side, nothing kept between them, and none
 * of the decoders that are not needed.
 */
export function setUpLibrary(): void {
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ALLOWED });
}
