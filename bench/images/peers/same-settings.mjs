/**
 * Loaded before a peer (`node --import`): its sharp encodes with the settings in BENCH_ENCODERS, JSON by format, whatever it
 * asks for. So what is compared is what the servers do around the encoder, and nobody is faster by compressing less.
 * Both builds of sharp are changed, the one for `import` and the one for `require`.
 */
import { createRequire } from 'node:module';
import sharpOfImport from 'sharp';

const encoders = JSON.parse(process.env.BENCH_ENCODERS);
for (const sharp of [sharpOfImport, createRequire(import.meta.url)('sharp')]) {
  for (const [format, settings] of Object.entries(encoders)) {
    const encode = sharp.prototype[format];
    sharp.prototype[format] = function (options) {
      return encode.call(this, { ...options, ...settings });
    };
  }
}
