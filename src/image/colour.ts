import { Unreadable } from './draft.ts';

/** Names of colours (CSS Color Module Level 4, section 6.1: the basic ones, and those that backgrounds are commonly given). */
const NAMED: Readonly<Record<string, string>> = {
  aqua: '00ffff',
  beige: 'f5f5dc',
  black: '000000',
  blue: '0000ff',
  brown: 'a52a2a',
  cyan: '00ffff',
  darkblue: '00008b',
  darkgray: 'a9a9a9',
  darkgreen: '006400',
  darkgrey: 'a9a9a9',
  fuchsia: 'ff00ff',
  gold: 'ffd700',
  gray: '808080',
  green: '008000',
  grey: '808080',
  indigo: '4b0082',
  ivory: 'fffff0',
  lightblue: 'add8e6',
  lightgray: 'd3d3d3',
  lightgrey: 'd3d3d3',
  lime: '00ff00',
  magenta: 'ff00ff',
  maroon: '800000',
  navy: '000080',
  olive: '808000',
  orange: 'ffa500',
  pink: 'ffc0cb',
  purple: '800080',
  red: 'ff0000',
  silver: 'c0c0c0',
  teal: '008080',
  tomato: 'ff6347',
  transparent: '00000000',
  violet: 'ee82ee',
  white: 'ffffff',
  whitesmoke: 'f5f5f5',
  yellow: 'ffff00',
};

/**
 * A colour as `rrggbb` or `rrggbbaa`: of 3, 4, 6 or 8 hexadecimal digits with or without `#`, `rgb(r,g,b)`, `rgba(r,g,b,a)` with a
 * from 0 to 1, or one of the common names.
 *
 * @param alpha where the alpha of 4 and 8 digits is: behind (CSS, Cloudflare) or before the others (imgix).
 */
export function readColour(name: string, text: string, alpha: 'behind' | 'before'): string {
  const lower = text.toLowerCase().trim();
  if (Object.hasOwn(NAMED, lower)) return NAMED[lower]!;
  const digits = /^#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/.exec(lower)?.[1];
  if (digits !== undefined) {
    const long = digits.length <= 4 ? digits.replace(/./g, '$&$&') : digits;
    return alpha === 'before' && long.length === 8 ? long.slice(2) + long.slice(0, 2) : long;
  }
  const parts = /^rgba?\(([^()]*)\)$/
    .exec(lower)?.[1]
    ?.split(/[ ,/]+/)
    .filter((part) => part !== '');
  if (parts !== undefined && (parts.length === 3 || parts.length === 4)) {
    const values = parts.map((part, index) =>
      /^[\d.]{1,6}$/.test(part) ? Number(part) * (index === 3 ? 255 : 1) : -1,
    );
    if (values.every((value) => value >= 0 && value <= 255)) return values.map(hex).join('');
  }
  throw new Unreadable(`${name} is not a colour; write it in hexadecimal, such as ffffff.`);
}

/** Two hexadecimal digits of a value from 0 to 255. */
export function hex(value: number): string {
  return Math.round(value).toString(16).padStart(2, '0');
}
