import type { Fields } from './fields.ts';
import { originRequestFields } from './forward.ts';
import { acceptedFormats, foldAccept } from './negotiation.ts';
import { choosesUnsaid } from './unsaid.ts';
import { canonicalRequestFields } from './vary.ts';

/**
 * What a request for a response that may be stored says to the origin beyond its target, and what of that is in the key.
 *
 * A field that the origin gets and that no key has is how caches are poisoned (J. Kettle, "Practical Web Cache Poisoning",
 * 2018; H. V. Nguyen et al., "Your Cache Has Fallen", CCS 2019): whoever asks first chooses for all. So none of those is
 * sent that are known to choose, and no list of them is ever complete: a route can have a list of harmless fields
 * instead. What is sent by its meaning (Accept, Accept-Encoding, Origin) is in the key wherever it can have made a difference.
 */

/** What a route says of the fields that its origin gets for what may be stored. */
export interface SharedFieldRules {
  /** All but those that are known to choose unsaid, instead of only those that are in the key. */
  readonly sendsAllFields: boolean;
  /** Fields that are sent and in the key; lower-case. */
  readonly requestFields: readonly string[];
}

/** A scheme, a host and a port, or `null` (RFC 6454 section 7); nothing that could be too long for an origin. */
const ORIGIN = /^(?:null|[a-z][a-z0-9+.-]{0,20}:\/\/[a-z0-9._~:[\]-]{1,260})$/i;
/** A loop shows at its first turn; a longer one is there to make the origin fail. */
const VIA_LENGTH_MAX = 1024;
/** Of {@link foldAccept}: names a format that clients opt into. */
const OPTED_IN = /^image\/(?:avif|jxl|webp), /;

/**
 * The fields that go to the origin for a response that may be stored: the class of Accept, the codings of
 * Accept-Encoding, Origin (without which there is no answer that a page of another site may read), Via, those that
 * the route names, and others if the route sends them.
 */
export function sharedRequestFields(fields: Fields, rules: SharedFieldRules): Fields {
  const sends = (name: string): boolean => isSharedField(name, rules);
  const sent = canonicalRequestFields(originRequestFields(fields, { sends }));
  if (!OPTED_IN.test(foldAccept(sent.get('accept')))) sent.set('accept', '*/*');
  const origin = sent.get('origin');
  if (origin !== undefined && !ORIGIN.test(origin)) sent.delete('origin');
  if ((sent.get('via')?.length ?? 0) > VIA_LENGTH_MAX) sent.delete('via');
  return sent;
}

function isSharedField(name: string, { sendsAllFields, requestFields }: SharedFieldRules): boolean {
  return SENT.includes(name) || requestFields.includes(name) || (sendsAllFields && !choosesUnsaid(name));
}

/**
 * Of the fields that a response varies by, those that its origin is told: another cannot have selected anything, so its
 * values need no copies of their own.
 *
 * @param names lower-case, from `parseVary`.
 */
export function toldToOrigin(names: readonly string[], rules: SharedFieldRules): string[] {
  return names.filter((name) => isSharedField(name, rules));
}

const SENT: readonly string[] = ['accept', 'accept-encoding', 'origin', 'via'];

/**
 * The request fields that a response was, or may have been, selected by although its `Vary` does not say so.
 *
 * - what the route names: always;
 * - Accept, for a format that clients opt into and this one did, unless the target itself asks for that format;
 * - Accept-Encoding, for a response that has a coding;
 * - Origin, for a response that only one site's pages may read.
 *
 * @param target path and query; @param request as {@link sharedRequestFields} made it from.
 */
export function selectedBy(
  target: string,
  request: Fields,
  response: Fields,
  named: readonly string[],
): readonly string[] {
  const names = [...named];
  const format = /^image\/(avif|jxl|webp)\b/i.exec(response.get('content-type') ?? '')?.[1]?.toLowerCase();
  const optedIn =
    format !== undefined && acceptedFormats(request.get('accept')).some((one) => one === format);
  if (optedIn && !new RegExp(`[.=]${format}(?=$|[?&/;])`, 'i').test(target)) names.push('accept');
  const coding = response.get('content-encoding') ?? '';
  if (coding !== '' && coding.toLowerCase() !== 'identity') names.push('accept-encoding');
  const readers = response.get('access-control-allow-origin') ?? '*';
  if (readers !== '*' && request.has('origin')) names.push('origin');
  return names;
}

/**
 * Whether a response of that type may be stored where a route says which.
 *
 * @param types `image/png` or `image/*`, lower-case.
 */
export function isStoredType(contentType: string | undefined, types: readonly string[]): boolean {
  const type = /^[^;\s]*/.exec((contentType ?? '').trim())![0].toLowerCase();
  return types.some((one) => (one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : type === one));
}
