import { isDigits, quotedEnd, splitList, unquote } from './list.ts';

/** The largest delta-seconds kept: larger ones count as this (RFC 9111 section 1.2.2), about 68 years. */
export const MAX_DELTA_S = 2 ** 31;

/**
 * The directives of a Cache-Control field, of a request or a response (RFC 9111 section 5.2, RFC 5861, RFC 8246).
 * Times in seconds, 0 to {@link MAX_DELTA_S}; undefined when absent. Unknown directives are not kept.
 */
export interface CacheControl {
  readonly noStore: boolean;
  /** Unqualified `no-cache`. */
  readonly noCache: boolean;
  /** Field names of `no-cache="..."`, lower-case. */
  readonly noCacheFields: readonly string[];
  /** Unqualified `private`. */
  readonly private: boolean;
  /** Field names of `private="..."`, lower-case. */
  readonly privateFields: readonly string[];
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  readonly immutable: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAgeS: number | undefined;
  readonly sMaxageS: number | undefined;
  readonly staleWhileRevalidateS: number | undefined;
  readonly staleIfErrorS: number | undefined;
  /** `max-stale` without a value is {@link MAX_DELTA_S}: any staleness. */
  readonly maxStaleS: number | undefined;
  readonly minFreshS: number | undefined;
  /** From a targeted field (RFC 9213): Expires does not count beside it. */
  readonly targeted: boolean;
}

type Draft = { -readonly [K in keyof CacheControl]: CacheControl[K] };

const NO_NAMES: readonly string[] = Object.freeze([]);

/** No directive at all: for messages without the field, and for requests whose directives are not obeyed. */
export const NO_CACHE_CONTROL: CacheControl = Object.freeze(draft());

/** The form that most image origins send; group 1 is the age, group 2 is there when immutable. */
const COMMON = /^(public, ?)?max-age=(\d{1,9})(, ?immutable)?$/;

/** RFC 9111 section 5.2: a token, perhaps with a token or a quoted string as its argument. */
const WELL_FORMED = /^[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[^"\\]|\\[\s\S])*"))?$/;
const RESTRICTING = /(?<![\w-])(?:no-cache|no-store|private)(?![\w-])/g;

/**
 * Parses the joined value of all Cache-Control lines. Never throws; O(n).
 *
 * A directive given twice counts in its most restrictive value, an invalid `max-age` or `s-maxage` counts as 0 =
 * stale (RFC 9111 section 4.2.1); other invalid numbers grant nothing and are left out. In a member that is no
 * directive at all, as in `max-age=60; private`, the words `no-cache`, `no-store` and `private` count all the same.
 */
export function parseCacheControl(value: string | undefined): CacheControl {
  if (value === undefined || value === '') return NO_CACHE_CONTROL;
  const common = COMMON.exec(value);
  if (common !== null) {
    const cc = draft();
    cc.public = common[1] !== undefined;
    cc.maxAgeS = Number(common[2]);
    cc.immutable = common[3] !== undefined;
    return cc;
  }
  const cc = draft();
  for (const member of splitList(value)) {
    if (!WELL_FORMED.test(member)) restrict(cc, member.toLowerCase());
    const eq = member.indexOf('=');
    if (eq < 0) apply(cc, member.toLowerCase(), undefined);
    else apply(cc, member.slice(0, eq).toLowerCase(), member.slice(eq + 1));
  }
  return cc;
}

/** Takes a malformed member for the restrictions that it mentions: a slip must not make a private image public. */
function restrict(cc: Draft, member: string): void {
  for (const [word] of member.matchAll(RESTRICTING)) {
    if (word === 'private') cc.private = true;
    else if (word === 'no-store') cc.noStore = true;
    else cc.noCache = true;
  }
}

/** Draft with every property in place: one hidden class for all. */
function draft(): Draft {
  return {
    noStore: false,
    noCache: false,
    noCacheFields: NO_NAMES,
    private: false,
    privateFields: NO_NAMES,
    public: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    noTransform: false,
    immutable: false,
    onlyIfCached: false,
    maxAgeS: undefined,
    sMaxageS: undefined,
    staleWhileRevalidateS: undefined,
    staleIfErrorS: undefined,
    maxStaleS: undefined,
    minFreshS: undefined,
    targeted: false,
  };
}

function apply(cc: Draft, rawName: string, argument: string | undefined): void {
  // "max-age =1" is not the directive max-age, but its sender meant it: the name counts, its value is invalid.
  const name = rawName.trimEnd();
  const value = name === rawName ? argument : '';
  switch (name) {
    case 'max-age':
      cc.maxAgeS = smaller(cc.maxAgeS, seconds(value) ?? 0);
      break;
    case 's-maxage':
      cc.sMaxageS = smaller(cc.sMaxageS, seconds(value) ?? 0);
      break;
    case 'stale-while-revalidate':
      cc.staleWhileRevalidateS = smaller(cc.staleWhileRevalidateS, seconds(value));
      break;
    case 'stale-if-error':
      cc.staleIfErrorS = smaller(cc.staleIfErrorS, seconds(value));
      break;
    case 'max-stale':
      cc.maxStaleS = smaller(cc.maxStaleS, argument === undefined ? MAX_DELTA_S : seconds(value));
      break;
    case 'min-fresh': {
      const given = seconds(value);
      if (given !== undefined) cc.minFreshS = Math.max(cc.minFreshS ?? 0, given);
      break;
    }
    case 'no-cache':
      if (!appendFieldNames(cc, 'noCacheFields', argument)) cc.noCache = true;
      break;
    case 'private':
      if (!appendFieldNames(cc, 'privateFields', argument)) cc.private = true;
      break;
    default:
      applyFlag(cc, name);
  }
}

/** Directives without an argument; one that is there all the same has no meaning (RFC 8246 section 2). */
function applyFlag(cc: Draft, name: string): void {
  switch (name) {
    case 'no-store':
      cc.noStore = true;
      break;
    case 'public':
      cc.public = true;
      break;
    case 'must-revalidate':
      cc.mustRevalidate = true;
      break;
    case 'proxy-revalidate':
      cc.proxyRevalidate = true;
      break;
    case 'must-understand':
      cc.mustUnderstand = true;
      break;
    case 'no-transform':
      cc.noTransform = true;
      break;
    case 'immutable':
      cc.immutable = true;
      break;
    case 'only-if-cached':
      cc.onlyIfCached = true;
      break;
  }
}

/** Token or quoted-string form (RFC 9111 section 5.2); undefined when it is not delta-seconds. */
function seconds(argument: string | undefined): number | undefined {
  if (argument === undefined) return undefined;
  const quoted = argument.charCodeAt(0) === 0x22 && quotedEnd(argument, 0) === argument.length;
  const text = quoted ? unquote(argument) : argument;
  if (!isDigits(text)) return undefined;
  return Math.min(Number(text), MAX_DELTA_S);
}

function smaller(current: number | undefined, given: number | undefined): number | undefined {
  if (given === undefined) return current;
  return current === undefined ? given : Math.min(current, given);
}

/** Returns false when there is no list to qualify the directive: then it stands for the whole response. */
function appendFieldNames(
  cc: Draft,
  property: 'noCacheFields' | 'privateFields',
  argument: string | undefined,
): boolean {
  if (argument === undefined) return false;
  const names = splitList(unquote(argument)).map((name) => name.toLowerCase());
  if (names.length === 0) return false;
  cc[property] = [...cc[property], ...names];
  return true;
}
