import type { Fields } from './fields.ts';
import { isToken, splitList, trimOws } from './list.ts';
import { foldAccept, foldAcceptEncoding } from './negotiation.ts';

/**
 * The field names of a Vary field, lower-case, sorted, each once; empty when there is none.
 *
 * A `*` anywhere means `*` (RFC 9111 section 4.1), and so does a member that is not a field name: what the origin
 * varies on is then unknown, and serving the wrong variant is worse than not storing.
 */
export function parseVary(value: string | undefined): string[] | '*' {
  if (value === undefined) return [];
  const names = new Set<string>();
  for (const member of splitList(value)) {
    if (member === '*' || !isToken(member)) return '*';
    names.add(member.toLowerCase());
  }
  return [...names].sort();
}

/**
 * The secondary key: one string that is equal for two requests exactly when every named field selects alike
 * (RFC 9111 section 4.1). Absent differs from empty; values carry their length, so no value can imitate another field.
 *
 * @param names from {@link parseVary}.
 * @param requestFields those that the origin gets: a field that is not forwarded cannot have selected anything.
 */
export function selectingKey(names: readonly string[], requestFields: Fields): string {
  let key = '';
  for (const name of names) {
    const value = canonicalValue(name, requestFields.get(name));
    key += value === undefined ? `${name}=-;` : `${name}=${value.length}:${value};`;
  }
  return key;
}

/**
 * A copy of the request's fields in which those that are folded for the key have their canonical value. The request
 * to the origin is made from it, so that whoever shares the key would have sent the origin the very same selection.
 */
export function canonicalRequestFields(fields: Fields): Fields {
  const canonical = fields.clone();
  for (const name of FOLDED) {
    const raw = fields.get(name);
    const value = canonicalValue(name, raw);
    if (value !== undefined && (value !== raw || fields.count(name) > 1)) canonical.set(name, value);
  }
  return canonical;
}

const FOLDED = [
  'accept',
  'accept-encoding',
  'dpr',
  'sec-ch-dpr',
  'width',
  'sec-ch-width',
  'viewport-width',
  'sec-ch-viewport-width',
  'save-data',
  'accept-language',
] as const;

/** The value that counts for selection; idempotent. `undefined` stays absent unless absence means a known value. */
function canonicalValue(name: string, value: string | undefined): string | undefined {
  if (name === 'accept') return foldAccept(value);
  if (name === 'accept-encoding') return foldAcceptEncoding(value);
  if (value === undefined) return undefined;
  const text = normaliseSpace(value);
  switch (name) {
    case 'dpr':
    case 'sec-ch-dpr':
    case 'width':
    case 'sec-ch-width':
    case 'viewport-width':
    case 'sec-ch-viewport-width':
      return normaliseNumber(text);
    case 'accept-language':
    case 'save-data':
      return text.toLowerCase();
    default:
      return text;
  }
}

/** White space may be added or removed where the syntax allows it (RFC 9111 section 4.1). */
function normaliseSpace(value: string): string {
  if (!/[ \t]/.test(value) && !value.includes(',')) return value;
  if (value.includes('"')) return splitList(value).join(', ');
  return trimOws(value.replace(/[ \t]*,[ \t]*/g, ', ').replace(/[ \t]+/g, ' '));
}

/** `2.0`, `02` and `2` are one number; anything else stays as it is. */
function normaliseNumber(text: string): string {
  const m = /^0*(\d{1,9})(?:\.(\d{0,9}?)0*)?$/.exec(text);
  if (m === null) return text;
  return m[2] ? `${m[1]}.${m[2]}` : m[1]!;
}
