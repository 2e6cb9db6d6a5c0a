/** sRGB, each channel 0 to 1. */
export interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

/** `#rrggbb` as a colour. */
export function hex(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return { r: (value >>> 16) / 255, g: ((value >>> 8) & 255) / 255, b: (value & 255) / 255 };
}

/** The colour between two, channel by channel: `t` = 0 is `a`, 1 is `b`. */
export function blend(a: Colour, b: Colour, t: number): Colour {
  return { r: a.r + (b.r - a.r) * t, g: a.g + (b.g - a.g) * t, b: a.b + (b.b - a.b) * t };
}

/** The pixel under the brush. One object per image, changed in place: painters run millions of times. */
export class Ink {
  r = 0;
  g = 0;
  b = 0;

  set(colour: Colour): void {
    this.r = colour.r;
    this.g = colour.g;
    this.b = colour.b;
  }

  /** Lays `colour` over, `t` = 0 leaves the pixel, 1 covers it. */
  mix(colour: Colour, t: number): void {
    this.r += (colour.r - this.r) * t;
    this.g += (colour.g - this.g) * t;
    this.b += (colour.b - this.b) * t;
  }

  /** Adds light of that colour. */
  glow(colour: Colour, t: number): void {
    this.r += colour.r * t;
    this.g += colour.g * t;
    this.b += colour.b * t;
  }

  /** Multiplies the brightness. */
  scale(factor: number): void {
    this.r *= factor;
    this.g *= factor;
    this.b *= factor;
  }
}

/** A run of colours from 0 to 1, as for heights or agate; ends are held. */
export class Ramp {
  private readonly table: Colour[] = [];

  /** @param stops at least two `[position, colour]`, positions rising from 0 to 1. */
  constructor(stops: readonly (readonly [number, Colour])[]) {
    let stop = 0;
    for (let i = 0; i <= 255; i += 1) {
      const position = i / 255;
      while (stop < stops.length - 2 && position > stops[stop + 1]![0]) stop += 1;
      const [from, a] = stops[stop]!;
      const [to, b] = stops[stop + 1]!;
      this.table.push(blend(a, b, Math.min(1, Math.max(0, (position - from) / (to - from || 1)))));
    }
  }

  at(t: number): Colour {
    return this.table[t <= 0 ? 0 : t >= 1 ? 255 : Math.round(t * 255)]!;
  }
}

/** An even run through the given colours. */
export function ramp(...colours: readonly string[]): Ramp {
  return new Ramp(colours.map((text, i) => [i / (colours.length - 1), hex(text)]));
}
