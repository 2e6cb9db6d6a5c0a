import type { Fields } from '../http/fields.ts';
import { foldAccept } from '../http/negotiation.ts';

/**
 * What of a request's fields may choose a variant, folded to classes: the key never sees a raw field. Each class costs one copy
 * of each variant that it has a say in, so that there are few.
 */
export interface Client {
  readonly takesAvif: boolean;
  readonly takesWebp: boolean;
  /** Device pixel ratio, one of {@link RATIOS}; 0 when it is not said. */
  readonly dpr: number;
  /** In pixels of the screen, rounded up to a multiple of {@link WIDTH_STEP_PX}; 0 when it is not said. */
  readonly widthPx: number;
  readonly savesData: boolean;
}

/** Which of them an address leaves to the request. */
export interface Says {
  readonly format: boolean;
  readonly dpr: boolean;
  readonly width: boolean;
  readonly saveData: boolean;
}

/** Device pixel ratios that there are variants for; those in between get the next larger one. */
const RATIOS = [1, 1.5, 2, 3, 4, 5] as const;
/** Between the widths of hints, where a route has no list of its own. */
const WIDTH_STEP_PX = 160;

/** The ratio that stands for `dpr`: the next larger one there is, and at most `dprMax`. */
export function foldRatio(dpr: number, dprMax: number): number {
  // Above three, a route has none but its largest.
  const ratio = RATIOS.find((one) => one >= dpr && one <= 3) ?? dprMax;
  return Math.min(ratio, dprMax);
}

/** Reads the fields that may have a say; the others count as if they were not there. */
export function readClient(fields: Fields, says: Says): Client {
  const accept = says.format ? foldAccept(fields.get('accept')) : '';
  return {
    takesAvif: accept.includes('image/avif'),
    takesWebp: accept.includes('image/webp'),
    dpr: says.dpr ? readRatio(fields.get('sec-ch-dpr') ?? fields.get('dpr')) : 0,
    widthPx: says.width ? readWidth(fields.get('sec-ch-width') ?? fields.get('width')) : 0,
    savesData: says.saveData && /^on$/i.test(fields.get('save-data') ?? ''),
  };
}

/** One number for each client that is different. */
export function clientClass({ takesAvif, takesWebp, dpr, widthPx, savesData }: Client): number {
  const flags = (takesAvif ? 1 : 0) + (takesWebp ? 2 : 0) + (savesData ? 4 : 0);
  return flags + 8 * (dpr * 2) + 128 * (widthPx / WIDTH_STEP_PX);
}

/** What a field holds that is not a number is as if it were not there. */
function readRatio(text: string | undefined): number {
  if (text === undefined || !/^\d{1,2}(?:\.\d{1,8})?$/.test(text)) return 0;
  const dpr = Number(text);
  return dpr > 0 ? (RATIOS.find((ratio) => ratio >= dpr) ?? 5) : 0;
}

function readWidth(text: string | undefined): number {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return 0;
  return Math.ceil(Number(text) / WIDTH_STEP_PX) * WIDTH_STEP_PX;
}

/** The fields that had a say, in the spelling in which Vary names them. */
export function varyOf(says: Says): readonly string[] {
  return [
    ...(says.format ? ['Accept'] : []),
    ...(says.dpr ? ['Sec-CH-DPR', 'DPR'] : []),
    ...(says.width ? ['Sec-CH-Width', 'Width'] : []),
    ...(says.saveData ? ['Save-Data'] : []),
  ];
}
