import { unreachable } from '../base/assert.ts';
import type { Fields } from '../http/fields.ts';
import type { Target } from '../http/target.ts';
import { clientClass, readClient, type Says, varyOf } from './client.ts';
import { readCloudflare } from './cloudflare.ts';
import { type Draft, emptyDraft, type Found, type GrammarReader, type Setting, Unreadable } from './draft.ts';
import { applyOptions, readImgix } from './imgix.ts';
import { readImgproxy } from './imgproxy.ts';
import { Memo } from './memo.ts';
import { readNext } from './next.ts';
import type { Grammar, ImageRules, Reading } from './rules.ts';
import { checkDraft, saysOf, settle } from './settle.ts';
import { verifyQuery } from './signature.ts';
import { specOf } from './spec.ts';

/** Says what the addresses of one route ask for. */
export interface ImageReader {
  /**
   * Reads one address, for one client. Never throws. Asked on every request, hits too: an address that was read before costs one
   * look-up (below a microsecond), a new one some ten microseconds.
   *
   * @param target normalised.
   * @param nowS seconds since the epoch: signed addresses may have an end.
   */
  read(target: Target, fields: Fields, nowS: number): Reading;
}

/**
 * The reader of one route.
 *
 * @param prefix the start of every path of the route that is not part of the grammar, such as its `stripPrefix`: what imgproxy's
 *   signature and `/_next/image` come after. Without a slash at its end.
 */
export function createReader(rules: ImageRules, prefix = ''): ImageReader {
  return new Reader(rules, prefix);
}

/**
 * Why a text of options is not what addresses of the route could ask for; undefined when it is. For the defaults and presets of a
 * configuration.
 */
export function optionsMistake(text: string, rules: ImageRules): string | undefined {
  const draft = emptyDraft();
  return mistakeOf(() => {
    applyOptions(text, draft, rules);
    // The other part of a shape may come from the address.
    checkDraft({ ...draft, ratio: undefined }, rules);
  })?.message;
}

/** Most readings of one address that are remembered, and of all addresses of a route: about 1 KiB each. */
const READINGS_MAX = 64;
const READINGS_IN_ALL_MAX = 50_000;

/** What is known of an address that was read before. */
interface Known {
  readonly found: Found;
  readonly says: Says | undefined;
  /** By class of client; where nothing of the request has a say, only `only` is used. */
  readonly readings: Map<number, Reading>;
  readonly only: Reading | undefined;
}

class Reader implements ImageReader {
  readonly #rules: ImageRules;
  readonly #setting: Setting;
  readonly #grammar: GrammarReader;
  #memo = new Memo<Known>();
  #readings = 0;

  constructor(rules: ImageRules, prefix: string) {
    this.#rules = rules;
    this.#grammar = grammarOf(rules.grammar);
    this.#setting = {
      rules,
      prefix,
      start: () => {
        const draft = emptyDraft();
        applyOptions(rules.defaults, draft, rules);
        return draft;
      },
      applyPreset: (name, draft) => {
        // Names come from addresses: `constructor` is none of ours.
        if (!Object.hasOwn(rules.presets, name)) throw new Unreadable(unknownPreset(rules));
        applyOptions(rules.presets[name]!, draft, rules);
      },
    };
  }

  read(target: Target, fields: Fields, nowS: number): Reading {
    const text = target.query === '' ? target.path : `${target.path}?${target.query}`;
    let known = this.#memo.get(text);
    if (known === undefined) {
      const made = this.#find(target);
      if ('kind' in made) return made;
      known = made;
      this.#memo.set(text, known);
    }
    const { expiresS } = known.found;
    if (expiresS !== undefined && nowS >= expiresS)
      return { kind: 'refused', code: 'image-expired', why: 'The time for which it was signed is over.' };
    return known.only ?? this.#readingFor(known, fields);
  }

  #readingFor({ found, says, readings }: Known, fields: Fields): Reading {
    const client = readClient(fields, says!);
    const id = clientClass(client);
    const before = readings.get(id);
    if (before !== undefined) return before;
    const reading = this.#settled(found, found.draft!, says!, client);
    // With hints of widths there are many classes, and it is the clients who choose them.
    if (readings.size >= READINGS_MAX) readings.clear();
    readings.set(id, reading);
    this.#readings += 1;
    if (this.#readings >= READINGS_IN_ALL_MAX) {
      this.#memo = new Memo();
      this.#readings = 0;
    }
    return reading;
  }

  /** Reads an address that is not known. */
  #find(target: Target): Known | Reading {
    try {
      const { signing, grammar } = this.#rules;
      const isQuery = signing !== undefined && grammar !== 'imgproxy';
      const found = own(this.#grammar(isQuery ? verifyQuery(target, signing) : target, this.#setting));
      const { original, draft } = found;
      const readings = new Map<number, Reading>();
      if (draft === undefined)
        return { found, says: undefined, readings, only: { kind: 'original', original } };
      checkDraft(draft, this.#rules);
      const says = saysOf(draft, this.#rules);
      if (Object.values(says).some(Boolean)) return { found, says, readings, only: undefined };
      const only = this.#settled(found, draft, says, NOBODY);
      return only.kind === 'refused' ? only : { found, says, readings, only };
    } catch (error) {
      return refusal(error);
    }
  }

  #settled({ original, expiresS }: Found, draft: Draft, says: Says, client: typeof NOBODY): Reading {
    try {
      const variant = settle(draft, this.#rules, client);
      return { kind: 'variant', original, variant, spec: specOf(variant), vary: varyOf(says), expiresS };
    } catch (error) {
      return refusal(error);
    }
  }
}

/** A request that says nothing of itself. */
const NOBODY = { takesAvif: false, takesWebp: false, dpr: 0, widthPx: 0, savesData: false };

function grammarOf(grammar: Grammar): GrammarReader {
  switch (grammar) {
    case 'imgix':
      return readImgix;
    case 'cloudflare':
      return readCloudflare;
    case 'imgproxy':
      return readImgproxy;
    case 'next':
      return readNext;
    default:
      return unreachable(grammar);
  }
}

function unknownPreset({ presets }: ImageRules): string {
  const names = Object.keys(presets);
  return names.length === 0
    ? 'There are no presets here.'
    : `There is no such preset; there are: ${names.join(', ')}.`;
}

function refusal(error: unknown): Reading {
  if (!(error instanceof Unreadable)) throw error;
  return { kind: 'refused', code: error.code, why: error.message };
}

function mistakeOf(run: () => void): Unreadable | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof Unreadable) return error;
    throw error;
  }
}

/** With texts of its own: parts of a request's head would keep all of it. */
function own(found: Found): Found {
  const { path, query } = found.original;
  const { draft } = found;
  if (draft?.overlay !== undefined) draft.overlay = { ...draft.overlay, path: copied(draft.overlay.path) };
  return { ...found, original: { path: copied(path), query: copied(query) } };
}

function copied(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
