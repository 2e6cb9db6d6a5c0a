import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Target } from '../http/target.ts';
import { Unreadable } from './draft.ts';
import type { ImageRules, SigningRules } from './rules.ts';
import { decodeText } from './values.ts';

/**
 * Signed addresses: HMAC-SHA256 in base64url without padding, always whole (43 characters).
 *
 * In the grammars `imgix`, `cloudflare` and `next` it is of the path and the query exactly as they are sent, and is put behind them as
 * the last parameter, `s`. Every other place or spelling of it is refused, so that two programs cannot read two different
 * addresses in one. In the grammar `imgproxy` it is of salt and path, and is the first segment of the path.
 */

const SIGNED = /^(?:(.*)&)?s=([A-Za-z0-9_-]{43})$/s;

/**
 * Takes the signature off an address, when it is right. Throws {@link Unreadable} for one that is not, or is missing where the route
 * wants one.
 */
export function verifyQuery(target: Target, signing: SigningRules): Target {
  const match = SIGNED.exec(target.query);
  const rest = match === null ? target.query : (match[1] ?? '');
  if (hasSignature(rest))
    throw refusal('There is a signature in another place, or in another spelling, than s at the end.');
  if (match === null) {
    if (signing.required) throw refusal('The signature is missing: the parameter s, at the end.');
    return target;
  }
  // `?&s=` is another address than `?s=`.
  const signed = match[1] === undefined ? target.path : `${target.path}?${rest}`;
  if (!signing.keys.some(({ key }) => isSame(macOf(key, signed), match[2]!)))
    throw refusal('The signature is not that of this address.');
  return { path: target.path, query: rest };
}

/** Whether any parameter of a query could be taken for a signature. */
function hasSignature(query: string): boolean {
  if (!/s|%[57]3/i.test(query)) return false;
  return query.split('&').some((raw) => {
    const eq = raw.indexOf('=');
    const name = decodeText(eq < 0 ? raw : raw.slice(0, eq));
    return name !== undefined && /^[ \0]*s[ \0]*(?:\[.*)?$/i.test(name);
  });
}

/** A path of imgproxy and its signature, which is refused unless it is right. @param rest what follows it, from its slash on. */
export function verifyImgproxy(signature: string, rest: string, signing: SigningRules | undefined): void {
  if (signing === undefined) return;
  if (!signing.required && (signature === 'unsafe' || signature === 'insecure')) return;
  const isRight = signing.keys.some((each) => isSame(imgproxyMac(each, rest), signature));
  if (!isRight) throw refusal('The signature is not that of this address.');
}

/**
 * Signs an address with the first key of the route.
 *
 * @param target as it will be sent, normalised and without a signature. Of the grammar imgproxy, what follows the signature.
 * @param expiresS when it ends to be valid, in seconds since the epoch.
 * @param prefix what is before that which the grammar reads; only for imgproxy.
 * @returns path and query to be sent; undefined where the route has no keys.
 */
export function sign(rules: ImageRules, target: Target, expiresS?: number, prefix = ''): string | undefined {
  const key = rules.signing?.keys[0];
  if (key === undefined) return undefined;
  if (rules.grammar === 'imgproxy') {
    const rest = expiresS === undefined ? target.path : `/exp:${expiresS}${target.path}`;
    return `${prefix}/${imgproxyMac(key, rest)}${rest}`;
  }
  const expires = expiresS === undefined ? '' : `expires=${expiresS}`;
  const query = [target.query, expires].filter((part) => part !== '').join('&');
  const text = textOf({ path: target.path, query });
  return `${text}${query === '' ? '?' : '&'}s=${macOf(key.key, text)}`;
}

function textOf({ path, query }: Target): string {
  return query === '' ? path : `${path}?${query}`;
}

/** Targets have one character per byte. */
function macOf(key: string, text: string): string {
  return createHmac('sha256', key).update(text, 'latin1').digest('base64url');
}

function imgproxyMac({ key, salt }: SigningRules['keys'][number], rest: string): string {
  const hmac = createHmac('sha256', Buffer.from(key, 'hex'));
  return hmac
    .update(Buffer.from(salt ?? '', 'hex'))
    .update(rest, 'latin1')
    .digest('base64url');
}

/** In a time that says nothing of where they differ. */
function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected, 'latin1'), Buffer.from(given, 'latin1')];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refusal(why: string): Unreadable {
  return new Unreadable(why, 'image-signature');
}
