import type { Fields } from '../http/fields.ts';
import { acceptedFormats } from '../http/negotiation.ts';
import type { Target } from '../http/target.ts';
import type { ImageRules, Reading } from './rules.ts';
import { specOf } from './spec.ts';
import { PLAIN, type Variant } from './variant.ts';

/** STUB */
export interface ImageReader {
  read(target: Target, fields: Fields, nowS: number): Reading;
}
/** STUB */
export function createReader(rules: ImageRules): ImageReader {
  return {
    read(target, fields) {
      const query = new URLSearchParams(target.query);
      const original = { path: target.path, query: '' };
      const w = query.get('w');
      if (w === null && !query.has('auto') && !query.has('fm')) return { kind: 'original', original };
      if (w !== null && !/^\d+$/.test(w))
        return { kind: 'refused', code: 'image-options', why: 'w: not a number' };
      const accepted = acceptedFormats(fields.get('accept'));
      const output = query.has('auto')
        ? accepted.includes('avif') && rules.formats.includes('avif')
          ? 'auto-avif'
          : accepted.includes('webp')
            ? 'auto-webp'
            : 'auto'
        : ((query.get('fm') ?? 'source') as Variant['output']);
      const mark = query.get('mark');
      const variant: Variant = {
        ...PLAIN,
        output,
        width: w === null ? undefined : Number(w),
        overlay:
          mark === null
            ? undefined
            : { path: mark, scale: undefined, gravity: 'southeast', margin: 0, opacity: 1, tile: false },
      };
      return {
        kind: 'variant',
        original,
        variant,
        spec: specOf(variant),
        vary: query.has('auto') ? ['Accept'] : [],
        expiresS: undefined,
      };
    },
  };
}
