/** Request targets (RFC 9112 section 3.2) in one canonical spelling, so that one image has one key. */

export interface Target {
  /** Starts with `/`, has no dot segments; percent-encodings are upper-case and only where needed. */
  readonly path: string;
  /** What follows the first `?`, as sent; empty when there is none. For {@link selectQuery}. */
  readonly query: string;
}

/** Which query parameters distinguish one image from another. */
export type QueryRule = 'all' | 'none' | { readonly allow: readonly string[] };

/** Paths that are canonical as they stand: no `%`, no segment that starts with a dot, only path characters. */
const NORMAL_PATH = /^(?:\/(?:[\w\-~!$&'()*+,;=:@][\w\-.~!$&'()*+,;=:@]*)?)+$/;
/** Controls, space, DEL, `#`, and what latin1 cannot have produced: never part of a target. */
const FORBIDDEN = /[\x00-\x20\x7f#]|[^\x00-\xff]/;
const BAD_PERCENT = /%(?![0-9A-Fa-f]{2})/;
/** Two- to four-byte UTF-8 sequences longer than their character needs: a way to hide `/` or `.` from a check. */
const OVERLONG = /%C[01]%[89AB][0-9A-F]|%E0%[89][0-9A-F]%[89AB]|%F0%8[0-9A-F]%[89AB]/;

/**
 * Splits an origin-form target and normalises its path (RFC 3986 section 6.2.2): unreserved characters decoded,
 * other encodings in upper case, dot segments removed (also when written `%2e`), bytes that a path may not contain
 * encoded. Nothing else changes: empty segments stay, `%2F` stays encoded, a backslash becomes `%5C`. Idempotent.
 *
 * @param rawTarget latin1, one character per byte.
 * @returns undefined for what deserves a 400: not origin-form, controls or space, a fragment, a broken or overlong
 *   percent-encoding in the path, `%00`, and `..` in a disguise that other servers see through.
 */
export function normalisePath(rawTarget: string): Target | undefined {
  const mark = rawTarget.indexOf('?');
  const rawPath = mark < 0 ? rawTarget : rawTarget.slice(0, mark);
  const query = mark < 0 ? '' : rawTarget.slice(mark + 1);
  if (query !== '' && FORBIDDEN.test(query)) return undefined;
  if (NORMAL_PATH.test(rawPath)) return { path: rawPath, query };
  if (rawPath.charCodeAt(0) !== SLASH || FORBIDDEN.test(rawPath) || BAD_PERCENT.test(rawPath))
    return undefined;
  const encoded = normaliseEncoding(rawPath, NOT_IN_PATH);
  if (encoded.includes('%00') || OVERLONG.test(encoded)) return undefined;
  const path = removeDotSegments(encoded);
  return climbs(path) ? undefined : { path, query };
}

/**
 * Whether a server that reads more into a path than RFC 3986 does would climb out of what the route matched: one that
 * decodes `%2F` or `%5C` before it splits, decodes twice, or takes `..;x` for `..` (Orange Tsai, "Breaking Parser Logic",
 * 2018).
 */
function climbs(path: string): boolean {
  if (!path.includes('..') && !path.includes('%25')) return false;
  const read = path
    .replace(/%(?:25)+/g, '%')
    .replace(/%2E/gi, '.')
    .replace(/%2F|%5C/gi, '/');
  return /\/\.\.(?:[/;]|%3B|$)/i.test(read);
}

/**
 * The part of a query that counts, and that the origin is sent. With `all`, the query as it is: signatures over it, its
 * order and its spelling may all matter. With a list, canonical: parameters normalised as in the path, sorted by name,
 * those of one name in their order; empty ones dropped. A stray `%` becomes `%25`, for a broken tracking parameter must not cost the
 * image. `a` and `a=` stay different, as do `+` and `%20`. Idempotent.
 *
 * @param query as in {@link Target}: without `?`.
 */
export function selectQuery(query: string, rule: QueryRule): string {
  if (query === '' || rule === 'none') return '';
  if (rule === 'all') return query;
  const parameters: { name: string; text: string }[] = [];
  for (const raw of query.split('&')) {
    if (raw === '') continue;
    const text = normaliseEncoding(raw.replace(STRAY_PERCENT, '%25'), NOT_IN_QUERY);
    const eq = text.indexOf('=');
    const name = eq < 0 ? text : text.slice(0, eq);
    if (isAllowed(name, rule.allow)) parameters.push({ name, text });
  }
  if (parameters.length > 1) parameters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return parameters.map((parameter) => parameter.text).join('&');
}

/**
 * The host of an authority, as it counts for routes and keys: lower-case, without port and without the dot that ends an
 * absolute name. `IMG.test`, `img.test:80` and `img.test.` are one host; an IPv6 address keeps its brackets.
 *
 * @param authority `host[:port]`, as in the Host field (RFC 9110 section 7.2).
 */
export function hostName(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const name = colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority;
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

/** `name` is canonical; the operator's list is as it was written, perhaps `size[w]` or with letters beyond ASCII. */
function isAllowed(name: string, allowed: readonly string[]): boolean {
  if (allowed.includes(name)) return true;
  if (!name.includes('%')) return false;
  return allowed.some((written) => {
    const ascii = written.toWellFormed().replace(/[^\x00-\x7f]+/g, encodeURIComponent);
    return normaliseEncoding(ascii.replace(STRAY_PERCENT, '%25'), NOT_IN_QUERY) === name;
  });
}

const SLASH = 0x2f;
const STRAY_PERCENT = /%(?![0-9A-Fa-f]{2})/g;
/** An encoded byte, or one that must be encoded (RFC 3986 sections 3.3 and 3.4; latin1 bytes above ASCII). */
const NOT_IN_PATH = /%[0-9A-Fa-f]{2}|[^\w\-.~!$&'()*+,;=:@/%]/g;
const NOT_IN_QUERY = /%[0-9A-Fa-f]{2}|[^\w\-.~!$&'()*+,;=:@/?%]/g;
const UNRESERVED = /^[\w\-.~]$/;

function normaliseEncoding(text: string, pattern: RegExp): string {
  return text.replace(pattern, (found) => {
    if (found.length === 1) return `%${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
    const decoded = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    return UNRESERVED.test(decoded) ? decoded : found.toUpperCase();
  });
}

/** RFC 3986 section 5.2.4 for an absolute path. O(n). */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const segments = path.split('/');
  const kept: string[] = [];
  // The first element is what is before the leading slash: nothing.
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!;
    const isLast = i === segments.length - 1;
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if (isLast && (segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
