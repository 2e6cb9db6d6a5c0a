import { type Clock, epochS } from '../base/clock.ts';
import type { PurgePattern } from '../cache/purge-rules.ts';
import { Fields } from '../http/fields.ts';
import { hostName, normalisePath, type Target } from '../http/target.ts';
import type { Purge } from '../store/memory/purges.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Routes } from './1-route.ts';
import { primaryKey, resourceOf } from './2-key.ts';
import type { Flights } from './flights.ts';
import { askOf } from './variants/ask.ts';

/**
 * What to forget: one URL as clients ask for it, absolute or from its path on, with all its variants; everything whose URL
 * starts like this, on every host where it has none; all of a route; all that the origin tagged so; or everything.
 */
export type PurgeTarget =
  | { readonly url: string }
  | { readonly prefix: string }
  | { readonly route: string }
  | { readonly tag: string }
  | { readonly all: true };

/** Between two slices of the sweep: it takes about a third of the time at most. */
const PAUSE_MS = 4;

export interface PurgerOptions {
  readonly tier: MemoryTier;
  readonly flights: Flights;
  readonly clock: Clock;
  /** Those that are in force. */
  readonly routes: () => Routes;
  /** Told of each purge, before whoever asked for it. */
  readonly onPurge?: () => void;
}

/** Carries out purges: effective at once, swept behind that in slices. */
export class Purger {
  readonly #options: PurgerOptions;
  readonly #waiting: { readonly purge: Purge; readonly resolve: () => void }[] = [];
  #sweeping = false;

  constructor(options: PurgerOptions) {
    this.#options = options;
  }

  /**
   * Whoever asks after this has returned is served nothing that matches and is older. The first slice of the sweep, some
   * 2 ms, is done as well, which is all of it for a small cache.
   *
   * @param soft leaves what matches as stale: validated before its next use, served when the origin fails.
   * @returns undefined when no route serves the target.
   */
  purge(target: PurgeTarget, soft = false): Purge | undefined {
    const { routes, clock } = this.#options;
    const pattern = patternOf(routes(), target, epochS(clock));
    return pattern === undefined ? undefined : this.carryOut(pattern, soft);
  }

  /** The same for what is known by its key. */
  carryOut(pattern: PurgePattern, soft: boolean): Purge {
    const { tier, flights, clock, onPurge } = this.#options;
    onPurge?.();
    const purge = tier.purges.add(pattern, soft, epochS(clock));
    tier.below?.purge(purge.rule);
    flights.purge(purge.rule);
    if (!this.#sweeping) this.#sweep();
    return purge;
  }

  /** Resolves when everything older in memory has been looked at, and the disk will know of it after a restart. */
  async swept(purge: Purge): Promise<void> {
    if (!purge.swept) await new Promise<void>((resolve) => this.#waiting.push({ purge, resolve }));
    await this.#options.tier.below?.purged();
  }

  #sweep(): void {
    const { tier, clock } = this.#options;
    this.#sweeping = tier.purges.sweep();
    if (this.#sweeping) clock.after(PAUSE_MS, () => this.#sweep());
    const done = this.#waiting.filter(({ purge }) => purge.swept);
    if (done.length === 0) return;
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(({ purge }) => !purge.swept));
    for (const { resolve } of done) resolve();
  }
}

function patternOf(routes: Routes, target: PurgeTarget, nowS: number): PurgePattern | undefined {
  if ('url' in target) return urlPattern(routes, target.url, nowS);
  if ('prefix' in target) return prefixPattern(routes, target.prefix);
  if ('tag' in target) return { kind: 'tag', tag: target.tag };
  if ('all' in target) return { kind: 'all' };
  const { route } = target;
  return routes.all.some(({ name }) => name === route) ? { kind: 'route', route } : undefined;
}

/** The address of a variant means its original, with all that is made of it. */
function urlPattern(routes: Routes, text: string, nowS: number): PurgePattern | undefined {
  const url = splitUrl(text);
  if (url === undefined) return undefined;
  const { target } = url;
  const host = url.host ?? 'localhost';
  const route = routes.match(host, target.path);
  if (route === undefined) return undefined;
  const ask = route.images && askOf(route.images, { host, fields: new Fields() }, target, nowS);
  if (ask !== undefined && !('refused' in ask)) return { kind: 'url', key: ask.primary };
  return { kind: 'url', key: primaryKey(route, host, resourceOf(route, target)) };
}

/** A prefix may be served by several routes, in whatever order they match. */
function prefixPattern(routes: Routes, text: string): PurgePattern | undefined {
  const url = splitUrl(text);
  if (url === undefined) return undefined;
  const { host, target } = url;
  const names = routes.on(host).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const path = target.query === '' ? target.path : `${target.path}?${target.query}`;
  return { kind: 'prefix', routes: names, host: host === undefined ? undefined : hostName(host), path };
}

/** `http://user@host:port/path?query#fragment`, or from the path on. */
const HTTP_URL = /^(?:https?:\/\/(?:[^/?#]*@)?([^/?#@]*))?([^?#]*)(\?[^#]*)?(?:#.*)?$/is;

/**
 * Host and target of a URL, and undefined for a host that is not named. Split by hand: `URL` spells some characters in another
 * way than clients send them, `'` in queries and `\\` for two, and the key is made of what clients send.
 */
export function splitUrl(
  text: string,
): { readonly host: string | undefined; readonly target: Target; readonly raw: string } | undefined {
  const parts = HTTP_URL.exec(text.trim());
  if (parts === null) return undefined;
  const [, authority, path = '', query = ''] = parts;
  const written = `${authority !== undefined && path === '' ? '/' : path}${query}`;
  // What people write and browsers encode before they send it.
  const raw = written.toWellFormed().replace(/[ \x80-\u{10ffff}]+/gu, encodeURIComponent);
  const target = normalisePath(raw);
  const host = authority === undefined ? undefined : hostOf(authority);
  if (target === undefined || (authority !== undefined && host === undefined)) return undefined;
  return { host, target, raw };
}

/** An international name counts in the form in which it is sent. */
function hostOf(authority: string): string | undefined {
  const sent = /[^\x00-\x7f]/.test(authority) ? URL.parse(`http://${authority}`)?.host : authority;
  return sent === undefined ? undefined : hostName(sent);
}
