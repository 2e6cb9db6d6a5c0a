import { text } from './table.ts';
import { readPathPattern } from './values.ts';

/** An item of the lists of paths in the option table: an exact path, or a prefix with `*` at its end. */
export const pathPattern = () =>
  text(
    {
      about: 'A path.',
      effect: 'live',
      expects: 'a path, with * only at the end',
      pattern: '^/[^*?#]*\\*?$',
    },
    readPathPattern,
  );
