import { type Clock, epochS } from '../base/clock.ts';
import { ERRORS } from '../base/errors.ts';
import { Flag, NONE } from '../cache/entries.ts';
import { describePattern } from '../cache/purge-rules.ts';
import { NO_CACHE_CONTROL, parseCacheControl } from '../http/cache-control.ts';
import type { Fields } from '../http/fields.ts';
import { type FreshnessSource, freshness, staleWindows } from '../http/freshness.ts';
import type { Reuse } from '../http/reuse.ts';
import { findKey } from '../store/disk/disk.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route, Routes } from './1-route.ts';
import { primaryKey, resourceOf, upstreamTarget } from './2-key.ts';
import { Mark, marks, plainlyFresh, reuseOf } from './3-lookup.ts';
import { parseFieldLines } from './field-lines.ts';
import type { Flights } from './flights.ts';
import { variantKey, varyNames } from './place.ts';
import { splitUrl } from './purge.ts';
import { askOf } from './variants/ask.ts';
import { explainVariant, type VariantExplanation } from './variants/explained.ts';
import type { Variants } from './variants/variants.ts';

/** What would happen to a request now, and why. Times in seconds since the epoch. Nothing is changed by asking. */
export interface Explanation {
  readonly nowS: number;
  readonly method: string;
  /** As routes and keys see them. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
  /** Every route in the order of the file up to the one that matched, with what kept it from matching. */
  readonly routes: readonly { readonly name: string; readonly why: 'host' | 'path' | 'matched' }[];
  /** How it would be served: a sentence. */
  readonly verdict: string;
  /** The rest is missing when no route matches. */
  readonly key?: KeyExplanation;
  /** What is stored for the key in memory. */
  readonly stored?: StoredExplanation;
  /** What the index of the disk knows of the key; the record itself is read and verified when it is asked for. */
  readonly onDisk?: DiskExplanation;
  /** What happened last to the key and to its resource, the latest first: why nothing is stored, or what was before. */
  readonly history?: readonly HistoryLine[];
  readonly origin?: OriginExplanation;
  /** Of an address that asks for a variant. */
  readonly variant?: VariantExplanation;
}

export interface KeyExplanation {
  readonly route: string;
  /** Which part of the query counts. */
  readonly queryRule: string;
  readonly hostCounts: boolean;
  /** Path and query that make the key. */
  readonly resource: string;
  readonly primary: string;
  /** Request fields that choose the variant, as earlier responses named them. */
  readonly varyBy: readonly string[];
  /** Key of the variant; equal to `primary` without one. */
  readonly key: string;
}

export interface StoredExplanation {
  readonly tier: 'memory';
  readonly status: number;
  readonly bodyBytes: number;
  readonly storedS: number;
  /** When the origin made it: what its age counts from. */
  readonly bornS: number;
  readonly ageS: number;
  readonly lifetimeS: number;
  /** Where the lifetime comes from, under the rules of now. */
  readonly source: FreshnessSource;
  /** What the rules of now would give; differs from `lifetimeS` after a soft purge or a change of the route's rules. */
  readonly lifetimeByRulesS: number;
  readonly freshUntilS: number;
  /** Until when it is served while a new one is fetched, and when the origin fails; at most `freshUntilS` when not at all. */
  readonly revalidateUntilS: number;
  readonly errorUntilS: number;
  /** The windows under the rules of now. */
  readonly windows: { readonly whileRevalidateS: number; readonly ifErrorS: number };
  /** `no-cache`: validated before each use, however fresh. */
  readonly alwaysValidate: boolean;
  readonly hasValidator: boolean;
  readonly beingRead: number;
  /** A purge that is about to take it out, or to make it stale. */
  readonly purge: string | undefined;
}

/** A response on disk. Times in seconds since the epoch. */
export interface DiskExplanation {
  readonly status: number;
  readonly bodyBytes: number;
  readonly storedS: number;
  readonly freshUntilS: number;
  readonly errorUntilS: number;
}

/** One thing that happened to a key. */
export interface HistoryLine {
  readonly what: string;
  readonly atS: number;
  readonly detail: string;
}

export interface OriginExplanation {
  readonly name: string;
  /** What it would be asked for. */
  readonly target: string;
  readonly exchanges: number;
  readonly connections: number;
  /** A fetch for this very key is under way. */
  readonly fetching: boolean;
  /** It failed at this key within the last 30 seconds: stale copies are served without waiting for it. */
  readonly inTrouble: boolean;
}

/** What a question is answered from. */
export interface ExplainParts {
  readonly routes: Routes;
  readonly tier: MemoryTier;
  readonly flights: Flights;
  readonly variants: Variants;
  readonly clock: Clock;
}

/** The request that is asked about. */
export interface Question {
  /** Absolute, or from the path on. */
  readonly url: string;
  readonly method: string;
  readonly fields: Fields;
}

/** Follows a request through the steps of the request path, by the same functions. Undefined for what is no URL. */
export function explain(parts: ExplainParts, question: Question): Explanation | undefined {
  const split = splitUrl(question.url);
  if (split === undefined) return undefined;
  const { path, query } = split.target;
  const host = split.host ?? 'localhost';
  const nowS = epochS(parts.clock);
  const objections = parts.routes.objections(host, path);
  const at = objections.findIndex(({ why }) => why === undefined);
  const routes = (at < 0 ? objections : objections.slice(0, at + 1)).map(({ route, why }) => ({
    name: route.name,
    why: why ?? ('matched' as const),
  }));
  const asked = { nowS, method: question.method, host, path, query, routes };
  const matched = objections[at]?.route;
  if (matched === undefined) return { ...asked, verdict: 'answered 404: no route matches host and path' };
  const ask = matched.images && askOf(matched.images, { host, fields: question.fields }, split.target, nowS);
  if (ask !== undefined && 'refused' in ask)
    return { ...asked, verdict: `answered ${ERRORS[ask.refused].status}, ${ask.refused}: ${ask.why}` };
  const wanted = ask?.variant === undefined ? undefined : { ...ask, variant: ask.variant };
  const route = wanted === undefined ? (ask?.originals ?? matched) : matched;
  const resource = ask?.resource ?? resourceOf(route, split.target);
  const primary = wanted?.variant.key ?? ask?.primary ?? primaryKey(route, host, resource);
  const key = keyOf(parts.tier, route, primary, resource, question.fields);
  const slot = peek(parts.tier, key.key);
  const { active, connections } = route.origin.gauges();
  const inTrouble = parts.flights.inTrouble(key.key);
  const origin = {
    name: route.origin.name,
    target: upstreamTarget(route, resource),
    exchanges: active,
    connections,
    fetching: parts.flights.joinable(key.key, primary) !== undefined,
    inTrouble,
  };
  const onDisk = diskOf(parts.tier, key.key);
  const found = { ...origin, onDisk: onDisk !== undefined };
  const variant = wanted && explainVariant(parts.tier, parts.variants, wanted);
  const verdict = verdictOf(parts.tier, route, question, slot, nowS, found, variant);
  const rest = {
    ...asked,
    verdict,
    key,
    history: historyOf(parts.tier, key),
    origin,
    ...(onDisk === undefined ? {} : { onDisk }),
    ...(variant === undefined ? {} : { variant }),
  };
  return slot === NONE ? rest : { ...rest, stored: storedOf(parts.tier, route, slot, nowS) };
}

/** The visible entry of a key, without carrying out what a purge says of it. */
function peek(tier: MemoryTier, key: string): number {
  return tier.cache.find(tier.key.set(key));
}

function keyOf(
  tier: MemoryTier,
  route: Route,
  primary: string,
  resource: string,
  fields: Fields,
): KeyExplanation {
  const { query } = route;
  const queryRule = typeof query === 'string' ? query : `only ${query.allow.join(', ')}`;
  const rest = { route: route.name, queryRule, hostCounts: route.keyHost, resource, primary };
  const slot = peek(tier, primary);
  const varies = slot !== NONE && (tier.cache.entries.flags(slot) & Flag.VARY) !== 0;
  const varyBy = varies ? varyNames(tier, slot) : [];
  return { ...rest, varyBy, key: varies ? variantKey(primary, varyBy, fields) : primary };
}

function diskOf({ below, key }: MemoryTier, text: string): DiskExplanation | undefined {
  if (below === undefined) return undefined;
  const { bytes, length } = key.set(text);
  const slot = findKey(below, bytes, length);
  if (slot === NONE) return undefined;
  const { status, bodyBytes, storedS, freshUntilS, errorUntilS } = below.facts(slot);
  return { status, bodyBytes, storedS, freshUntilS, errorUntilS };
}

/** What is not stored, and would be made. */
function missOf({ originalIn, failure }: VariantExplanation): string {
  if (failure !== undefined)
    return `not made again for a moment: it failed just now with ${failure.code}; its original or an error is served`;
  const from =
    originalIn === 'nowhere' ? 'fetched first' : `in ${originalIn === 'disk' ? 'the disk tier' : 'memory'}`;
  return `a miss: it is made of its original, which is ${from}`;
}

/** The branching of `request.ts`, in words. */
function verdictOf(
  tier: MemoryTier,
  route: Route,
  { method, fields }: Question,
  slot: number,
  nowS: number,
  origin: Pick<OriginExplanation, 'fetching' | 'inTrouble'> & { readonly onDisk: boolean },
  variant: VariantExplanation | undefined,
): string {
  if (method !== 'GET' && method !== 'HEAD') return 'answered 405: only GET and HEAD are served';
  const found = marks(fields);
  if (!route.caches) return 'passed to the origin: the route says cache: false';
  // Variants are made of what everybody may see.
  if ((found & Mark.CREDENTIALS) !== 0 && variant === undefined)
    return 'passed to the origin: the request has an Authorization field';
  const rule = slot === NONE ? undefined : tier.purges.ruleOf(slot);
  if (slot === NONE || rule?.soft === false) {
    return origin.fetching
      ? 'a miss that shares a fetch: one for this image is under way'
      : !origin.onDisk
        ? variant === undefined
          ? 'a miss: nothing is stored, the origin is asked'
          : missOf(variant)
        : 'read from the disk first, and then answered as what is there says';
  }
  if (rule === undefined && plainlyFresh(tier, slot, nowS, found)) return 'a hit: stored and fresh';
  const named = (found & Mark.DIRECTIVES) !== 0;
  const cc = named ? parseCacheControl(fields.get('cache-control')) : NO_CACHE_CONTROL;
  const pragmaNoCache = named && !fields.has('cache-control') && /no-cache/i.test(fields.get('pragma') ?? '');
  const decision: Reuse =
    rule === undefined
      ? reuseOf(tier, slot, route, { cc, pragmaNoCache }, nowS)
      : { use: 'validate', mayServeStaleOnError: nowS < tier.cache.entries.errorUntilS(slot) };
  return sentence(decision, origin.inTrouble);
}

function sentence(decision: Reuse, inTrouble: boolean): string {
  switch (decision.use) {
    case 'fresh':
      return 'a hit: stored and fresh';
    case 'stale-while-revalidate':
      return 'served stale at once, inside its while-revalidate window, and renewed in the background';
    case 'gateway-timeout':
      return 'answered 504: the request says only-if-cached, and what is stored may not be used unasked';
    case 'validate':
      if (!decision.mayServeStaleOnError)
        return 'validated with the origin first; an error if that fails, for no stale window is left';
      return inTrouble
        ? 'served stale at once: the origin failed at this image a moment ago; it is tried again behind it'
        : 'validated with the origin first; served stale if that fails';
  }
}

function storedOf(tier: MemoryTier, route: Route, slot: number, nowS: number): StoredExplanation {
  const { entries } = tier.cache;
  const fields = parseFieldLines(tier.head(slot));
  const status = entries.status(slot);
  const cc = parseCacheControl(fields.get('cache-control'));
  // As at admission (5-admit.ts): the same functions, over what is stored.
  const { lifetimeS, source } = freshness(status, fields, route, entries.storedS(slot), cc);
  const windows = staleWindows(status, cc, route);
  const bornS = entries.bornS(slot);
  const flags = entries.flags(slot);
  const rule = tier.purges.ruleOf(slot);
  return {
    tier: 'memory',
    status,
    bodyBytes: tier.bodyBytes(slot),
    storedS: entries.storedS(slot),
    bornS,
    ageS: Math.max(0, nowS - bornS),
    lifetimeS: entries.freshUntilS(slot) - bornS,
    source,
    lifetimeByRulesS: lifetimeS,
    freshUntilS: entries.freshUntilS(slot),
    revalidateUntilS: entries.revalidateUntilS(slot),
    errorUntilS: entries.errorUntilS(slot),
    windows: { whileRevalidateS: windows.staleWhileRevalidateS, ifErrorS: windows.staleIfErrorS },
    alwaysValidate: (flags & Flag.VALIDATE) !== 0,
    hasValidator: (flags & Flag.VALIDATOR) !== 0,
    beingRead: entries.pins(slot),
    purge:
      rule === undefined
        ? undefined
        : `${rule.soft ? 'soft ' : ''}purge ${rule.id}: ${describePattern(rule.pattern)}`,
  };
}

const HISTORY_MAX = 5;

function historyOf(tier: MemoryTier, { primary, key }: KeyExplanation): HistoryLine[] {
  const keys = primary === key ? [key] : [key, primary];
  const events = keys.flatMap((one) => tier.cache.departures.of(tier.key.set(one), HISTORY_MAX));
  return events
    .sort((a, b) => b.atS - a.atS)
    .slice(0, HISTORY_MAX)
    .map(({ kind, atS, storedS, usableUntilS, purge }) => {
      const residentS = Math.max(0, atS - storedS);
      const usable = usableUntilS > atS ? `still usable for ${usableUntilS - atS} s` : 'no longer usable';
      switch (kind) {
        case 'room':
          return { what: 'evicted for room', atS, detail: `after ${residentS} s, ${usable}` };
        case 'premature':
          return { what: 'asked for again too early: the eviction was premature', atS, detail: usable };
        case 'purged':
          return { what: 'purged', atS, detail: `after ${residentS} s, by ${purgeText(tier, purge)}` };
        case 'expired':
        case 'invalidated':
        case 'replaced':
        case 'tainted':
          return { what: kind, atS, detail: `after ${residentS} s` };
        case 'crowded':
          return {
            what: kind,
            atS,
            detail: `after ${residentS} s: its original had more variants than it may`,
          };
        default:
          return { what: 'not stored', atS, detail: kind };
      }
    });
}

function purgeText(tier: MemoryTier, id: number): string {
  const rule = tier.purges.recent.find((purge) => purge.rule.id === id)?.rule;
  return rule === undefined ? `purge ${id}` : `purge ${id} (${describePattern(rule.pattern)})`;
}
