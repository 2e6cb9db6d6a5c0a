import type { CacheControl } from './cache-control.ts';
import { formatHttpDate, parseHttpDate } from './date.ts';
import { Fields } from './fields.ts';
import { responseDirectives } from './targeted.ts';
import { withoutHopByHop } from './wire/framing.ts';

export interface ForwardRules {
  /** Send Cookie on; a response to it is then rarely fit for others. Default false. */
  readonly cookies?: boolean;
  /** Send the client's Cache-Control and Pragma on, where the route obeys them. Default false. */
  readonly cacheDirectives?: boolean;
  /**
   * Keep back what tells of the client's situation and not of the image it wants. Default true, except with `cookies`:
   * what such a request brings is for one client alone.
   */
  readonly neutral?: boolean;
  /** The request goes on with its body, and with the fields that describe it. Default false. */
  readonly body?: boolean;
  /** Of what may be sent at all, what is; names are lower-case. Default: anything. */
  readonly sends?: (name: string) => boolean;
}

/**
 * The fields of a client's request that go to the origin: end-to-end ones, without Host.
 *
 * Left out are
 * - hop-by-hop fields and those that Connection names (RFC 9110 section 7.6.1), and what describes a body, for
 *   one that is not sent on;
 * - conditions and Range: the cache fetches whole responses and sets its own conditions (RFC 9111 section 4.3.1);
 * - Cookie, Cache-Control and Pragma unless told: `only-if-cached`, for one, would make a cache upstream answer 504;
 * - fields by which clients could choose what the origin answers although no key has them (cache poisoning), and
 *   names of anything but letters, digits and hyphens: CGI, WSGI and Rack read `X_Forwarded_Host`, some servers even
 *   `X.Forwarded.Host`, as X-Forwarded-Host;
 * - unless told, the client's situation: Referer, Sec-Fetch-*, prefetch marks and the like. No key has them either, and
 *   origins do look at them, above all hot-link protection: whoever asked first would choose, with a Referer, between
 *   the image and its refusal for all. The origin is asked as by somebody who types the address.
 *
 * This is what may go where the answer is for one client alone. What may be stored is asked for with less, see
 * `selection.ts`.
 */
export function originRequestFields(fields: Fields, rules: ForwardRules = {}): Fields {
  const forwarded = new Fields();
  const neutral = rules.neutral ?? rules.cookies !== true;
  for (const [name, value] of withoutHopByHop(fields)) {
    if (NOT_FORWARDED.has(name) || isPoisonous(name) || !UNAMBIGUOUS.test(name)) continue;
    if (rules.sends?.(name) === false) continue;
    if (rules.body !== true && OF_BODY.has(name)) continue;
    if (neutral && isSituation(name)) continue;
    if (name === 'cookie' && rules.cookies !== true) continue;
    if ((name === 'cache-control' || name === 'pragma') && rules.cacheDirectives !== true) continue;
    forwarded.add(name, value);
  }
  return forwarded;
}

/**
 * The fields of a response that are stored (RFC 9111 section 3.1). Left out are hop-by-hop fields, what `private="..."`
 * and `no-cache="..."` name, Set-Cookie, Alt-Svc (it would lead clients past the cache), and the fields that are
 * made anew for each answer: Age, Content-Length, Connection. A missing or broken Date is set to the time of receipt
 * (RFC 9110 section 6.6.1).
 *
 * @param receivedAtS seconds since the epoch.
 */
export function storedResponseFields(
  fields: Fields,
  receivedAtS: number,
  cc: CacheControl = responseDirectives(fields),
): Fields {
  const stored = new Fields();
  for (const [name, value] of withoutHopByHop(fields)) {
    if (NOT_STORED.has(name) || NOT_PASSED.has(name)) continue;
    if (cc.privateFields.includes(name) || cc.noCacheFields.includes(name)) continue;
    stored.add(name, value);
  }
  if (parseHttpDate(stored.get('date')) === undefined) stored.set('date', formatHttpDate(receivedAtS));
  return stored;
}

/**
 * The fields of a response that passes through unstored, to the one client that asked: all end-to-end ones,
 * Set-Cookie, Age and Content-Length included.
 */
export function passedResponseFields(fields: Fields): Fields {
  const passed = new Fields();
  for (const [name, value] of withoutHopByHop(fields)) {
    if (!NOT_PASSED.has(name)) passed.add(name, value);
  }
  return passed;
}

/**
 * Appends this intermediary to Via (RFC 9110 section 7.6.3); changes `fields`.
 *
 * @param pseudonym name of this cache, a token; stands in for its host name.
 */
export function addVia(fields: Fields, pseudonym: string): void {
  const before = fields.get('via');
  fields.set(
    'via',
    before === undefined || before === '' ? `1.1 ${pseudonym}` : `${before}, 1.1 ${pseudonym}`,
  );
}

/** True when Via says that the message has been here before: a request that goes round in circles. */
export function isLoop(fields: Fields, pseudonym: string): boolean {
  const via = fields.get('via');
  if (via === undefined) return false;
  return via.split(',').some((hop) => hop.trim().split(/[ \t]+/)[1] === pseudonym);
}

const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'expect',
  'http2-settings',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'max-forwards',
  'range',
]);

const OF_BODY: ReadonlySet<string> = new Set(['content-encoding', 'content-language', 'content-type']);

/** Names that every gateway interface spells in one way. */
const UNAMBIGUOUS = /^[a-z0-9-]+$/;

/** Where the client comes from and why it asks. */
const SITUATION: ReadonlySet<string> = new Set([
  'dnt',
  'from',
  'priority',
  'purpose',
  'referer',
  'sec-gpc',
  'sec-purpose',
  'upgrade-insecure-requests',
  'x-moz',
  'x-purpose',
  'x-requested-with',
]);

const NOT_STORED: ReadonlySet<string> = new Set(['age', 'content-length', 'set-cookie']);

const NOT_PASSED: ReadonlySet<string> = new Set(['alt-svc']);

const POISONOUS_PREFIXES = [
  'x-forwarded',
  'x-original-',
  'x-rewrite-',
  'x-middleware-',
  'x-nextjs-',
  'x-holdfast-',
];

/** J. Kettle, "Practical Web Cache Poisoning" (2018), and the advisories on web frameworks since. */
const POISONOUS: ReadonlySet<string> = new Set([
  'base-url',
  'cf-connecting-ip',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'front-end-https',
  'proxy',
  'proxy-host',
  'request-uri',
  'rsc',
  'true-client-ip',
  'x-backend-host',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forward-for',
  'x-host',
  'x-http-destinationurl',
  'x-http-host-override',
  'x-http-method',
  'x-http-method-override',
  'x-invoke-path',
  'x-invoke-query',
  'x-invoke-status',
  'x-method-override',
  'x-now-route-matches',
  'x-proxy-url',
  'x-real-ip',
  'x-scheme',
  'x-server-name',
  'x-timer',
  'x-url-scheme',
  'x-wap-profile',
]);

function isSituation(name: string): boolean {
  return SITUATION.has(name) || name.startsWith('sec-fetch-');
}

function isPoisonous(name: string): boolean {
  return POISONOUS.has(name) || POISONOUS_PREFIXES.some((prefix) => name.startsWith(prefix));
}
