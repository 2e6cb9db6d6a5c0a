import { assert } from '../base/assert.ts';

/** What a purge is about. Keys, routes and paths are in the form of cache keys: see `serve/2-key.ts`. */
export type PurgePattern =
  /** One resource with all its variants: its primary key. */
  | { readonly kind: 'url'; readonly key: string }
  /** Every resource whose path and query start like this, on these routes, and, where the host is in the key, on this host. */
  | {
      readonly kind: 'prefix';
      readonly routes: readonly string[];
      readonly host: string | undefined;
      readonly path: string;
    }
  | { readonly kind: 'route'; readonly route: string }
  /** Every response that named it in `Surrogate-Key` or `Cache-Tag`. */
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'all' };

/** One purge: whatever is older than it and matches is gone, or, if it is soft, stale. */
export interface PurgeRule {
  /** Counts up from 1: a larger one is later. */
  readonly id: number;
  /** When it was made, seconds since the epoch. */
  readonly atS: number;
  /** Leaves what matches as stale: validated before its next use, served when the origin fails. */
  readonly soft: boolean;
  readonly pattern: PurgePattern;
}

/** Rules kept at most, see {@link PurgeRules.add}. */
export const PURGE_RULES_MAX = 10_000;

/** The latest rules of one pattern. A soft one is only kept if it is later than the hard one. */
interface Pair {
  hard?: PurgeRule;
  soft?: PurgeRule;
}

/**
 * The purges that something older than them may still be stored for: a purge takes effect at once as a rule that look-ups
 * ask, and the work of removing what matches is done behind it.
 *
 * Looking up costs a hash look-up for URL, route and each tag, and a comparison for each prefix. Memory is bounded by
 * {@link PURGE_RULES_MAX} rules: of the same pattern only the latest is kept, and beyond the bound the oldest half becomes
 * broader.
 */
export class PurgeRules {
  readonly #pairs = new Map<string, Pair>();
  readonly #prefixes = new Map<string, Pair>();
  #tags = 0;
  #lastId = 0;
  #lastS = 0;

  /** Rules in force. */
  get size(): number {
    let rules = 0;
    for (const pair of this.#pairs.values())
      rules += (pair.hard === undefined ? 0 : 1) + (pair.soft === undefined ? 0 : 1);
    return rules;
  }

  /** Patterns in force: at most {@link size}, and known without counting. */
  get patterns(): number {
    return this.#pairs.size;
  }

  /**
   * Adds a purge.
   *
   * Beyond {@link PURGE_RULES_MAX} patterns the oldest half gives way: URLs and prefixes become prefixes of their folder, then of
   * the folder above, at last whole routes; tags become everything. That purges more than was asked for, and only of what
   * is older than those rules.
   *
   * @returns the rule, whose id is the largest so far.
   */
  add(pattern: PurgePattern, soft: boolean, atS: number): PurgeRule {
    // A clock that went back must not make what is stored look younger than the purge.
    const rule = { id: this.#lastId + 1, atS: Math.max(atS, this.#lastS), soft, pattern };
    this.insert(rule);
    if (this.#pairs.size > PURGE_RULES_MAX) this.#broaden();
    return rule;
  }

  /** Takes over a rule that was made before, under its id: rules of another list, or of an earlier process. */
  insert(rule: PurgeRule): void {
    this.#lastId = Math.max(this.#lastId, rule.id);
    this.#lastS = Math.max(this.#lastS, rule.atS);
    const name = nameOf(rule.pattern);
    let pair = this.#pairs.get(name);
    if (pair === undefined) {
      pair = {};
      this.#pairs.set(name, pair);
      if (rule.pattern.kind === 'prefix') this.#prefixes.set(name, pair);
      if (rule.pattern.kind === 'tag') this.#tags += 1;
    }
    const field = rule.soft ? 'soft' : 'hard';
    if ((pair[field]?.id ?? 0) < rule.id) pair[field] = rule;
    if (pair.hard !== undefined && pair.soft !== undefined && pair.hard.id > pair.soft.id) delete pair.soft;
  }

  /**
   * The rule that a stored response falls under: a hard one before a soft one.
   *
   * @param head the stored field lines; only asked for when there are rules about tags.
   * @param isOlder whether the response is older than the rule.
   */
  find(key: string, head: () => string, isOlder: (rule: PurgeRule) => boolean): PurgeRule | undefined {
    let soft: PurgeRule | undefined;
    for (const pair of this.#candidates(key, head)) {
      if (pair.hard !== undefined && isOlder(pair.hard)) return pair.hard;
      if (pair.soft !== undefined && isOlder(pair.soft)) soft ??= pair.soft;
    }
    return soft;
  }

  /**
   * {@link find} for a store that knows of a response only the second in which it was stored: of those stored in the second of
   * the rule itself it cannot be told which came first, so they are taken for older. Nothing that was purged survives.
   */
  matches(key: string, head: () => string, storedS: number): PurgeRule | undefined {
    return this.find(key, head, (rule) => storedS <= rule.atS);
  }

  /** Forgets the rules for which nothing can be stored any more that is older, by the oldest that is stored. */
  retire(oldestStoredS: number): void {
    this.#drop((rule) => rule.atS < oldestStoredS);
  }

  /** Forgets the rules up to this id: everything older has been looked at. */
  retireUpTo(id: number): void {
    this.#drop((rule) => rule.id <= id);
  }

  /** Every rule, in the order in which they were made. */
  all(): PurgeRule[] {
    const rules = [...this.#pairs.values()].flatMap(({ hard, soft }) => [hard ?? [], soft ?? []].flat());
    return rules.sort((a, b) => a.id - b.id);
  }

  /** One JSON object per line, version first: for {@link restore}. */
  serialise(): string {
    return this.all()
      .map((rule) => `${JSON.stringify({ v: 1, ...rule })}\n`)
      .join('');
  }

  /**
   * Reads what {@link serialise} wrote. A line that is none (the torn end of a file) is passed over.
   *
   * @returns the rules, and how many lines could not be read.
   */
  static restore(text: string): { readonly rules: PurgeRules; readonly unreadable: number } {
    const rules = new PurgeRules();
    let unreadable = 0;
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue;
      const rule = readRule(line);
      if (rule === undefined) unreadable += 1;
      else rules.insert(rule);
    }
    return { rules, unreadable };
  }

  *#candidates(key: string, head: () => string): Generator<Pair> {
    if (this.#pairs.size === 0) return;
    const everything = this.#pairs.get('all');
    if (everything !== undefined) yield everything;
    const { route, host, resource, primary } = membersOf(key);
    const byRoute = this.#pairs.get(`route ${route}`);
    if (byRoute !== undefined) yield byRoute;
    const byUrl = this.#pairs.get(`url ${primary}`);
    if (byUrl !== undefined) yield byUrl;
    for (const pair of this.#prefixes.values()) {
      const pattern = (pair.hard ?? pair.soft)!.pattern as Extract<PurgePattern, { kind: 'prefix' }>;
      if (pattern.host !== undefined && host !== undefined && host !== pattern.host) continue;
      if (resource.startsWith(pattern.path) && pattern.routes.includes(route)) yield pair;
    }
    if (this.#tags === 0) return;
    for (const tag of tagsOf(head())) {
      const byTag = this.#pairs.get(`tag ${tag}`);
      if (byTag !== undefined) yield byTag;
    }
  }

  #drop(isOver: (rule: PurgeRule) => boolean): void {
    for (const [name, pair] of this.#pairs) {
      if (pair.hard !== undefined && isOver(pair.hard)) delete pair.hard;
      if (pair.soft !== undefined && isOver(pair.soft)) delete pair.soft;
      if (pair.hard === undefined && pair.soft === undefined) this.#forget(name);
    }
  }

  #forget(name: string): void {
    this.#pairs.delete(name);
    this.#prefixes.delete(name);
    if (name.startsWith('tag ')) this.#tags -= 1;
  }

  /** The oldest half becomes broader until there are few enough. Terminates: at last every one of them is `all`. */
  #broaden(): void {
    const oldest = this.all().slice(0, PURGE_RULES_MAX / 2);
    let broader = oldest;
    for (let round = 0; broader.length > PURGE_RULES_MAX / 4; round += 1) {
      assert(round < 300, 'broader rules become fewer');
      const next = new PurgeRules();
      for (const rule of broader) next.insert({ ...rule, pattern: broaderThan(rule.pattern, round) });
      broader = next.all();
    }
    for (const rule of oldest) {
      const name = nameOf(rule.pattern);
      const pair = this.#pairs.get(name);
      if (pair?.hard === rule) delete pair.hard;
      if (pair?.soft === rule) delete pair.soft;
      if (pair !== undefined && pair.hard === undefined && pair.soft === undefined) this.#forget(name);
    }
    for (const rule of broader) this.insert(rule);
  }
}

/** For log and answers: `url images /a.jpg`, `tag sale`, `all`. */
export function describePattern(pattern: PurgePattern): string {
  switch (pattern.kind) {
    case 'url':
      return `url ${pattern.key}`;
    case 'prefix':
      return `prefix ${pattern.host ?? ''}${pattern.path} of ${pattern.routes.join(', ')}`;
    case 'route':
      return `route ${pattern.route}`;
    case 'tag':
      return `tag ${pattern.tag}`;
    case 'all':
      return 'all';
  }
}

/** The tags of a stored response: members of Surrogate-Key and Cache-Tag, parted by blanks or commas. */
export function tagsOf(head: string): string[] {
  const tags: string[] = [];
  for (const [, value] of head.matchAll(/^(?:surrogate-key|cache-tag):([^\r\n]*)/gim)) {
    for (const tag of value!.split(/[\s,]+/)) if (tag !== '') tags.push(tag);
  }
  return tags;
}

function nameOf(pattern: PurgePattern): string {
  switch (pattern.kind) {
    case 'url':
      return `url ${pattern.key}`;
    case 'prefix':
      return `prefix ${pattern.routes.join(' ')} ${pattern.host ?? ''} ${pattern.path}`;
    case 'route':
      return `route ${pattern.route}`;
    case 'tag':
      return `tag ${pattern.tag}`;
    case 'all':
      return 'all';
  }
}

interface Members {
  readonly route: string;
  /** Undefined when the route keeps no host in its keys. */
  readonly host: string | undefined;
  readonly resource: string;
  readonly primary: string;
}

/** Takes a key apart: `route [host] resource [selecting fields]`. Only a resource starts with a slash. */
function membersOf(key: string): Members {
  const first = key.indexOf(' ');
  const slash = key.charCodeAt(first + 1) === SLASH ? first + 1 : key.indexOf(' ', first + 1) + 1;
  const end = key.indexOf(' ', slash);
  return {
    route: key.slice(0, first),
    host: slash === first + 1 ? undefined : key.slice(first + 1, slash - 1),
    resource: end < 0 ? key.slice(slash) : key.slice(slash, end),
    primary: end < 0 ? key : key.slice(0, end),
  };
}

const SLASH = 0x2f;

function broaderThan(pattern: PurgePattern, round: number): PurgePattern {
  switch (pattern.kind) {
    case 'url': {
      const { route, host, resource } = membersOf(pattern.key);
      return { kind: 'prefix', routes: [route], host, path: folderOf(resource) };
    }
    case 'prefix': {
      if (pattern.path !== '/') return { ...pattern, path: folderOf(pattern.path.replace(/\/$/, '')) };
      return pattern.routes.length === 1 ? { kind: 'route', route: pattern.routes[0]! } : { kind: 'all' };
    }
    case 'tag':
      // Not in the first rounds: perhaps it is enough that the others become broader.
      return round < 8 ? pattern : { kind: 'all' };
    case 'route':
      return round < 260 ? pattern : { kind: 'all' };
    case 'all':
      return pattern;
  }
}

/** Up to and with the last slash of the path; the query is not part of it. */
function folderOf(resource: string): string {
  const query = resource.indexOf('?');
  const path = query < 0 ? resource : resource.slice(0, query);
  return path.slice(0, path.lastIndexOf('/') + 1) || '/';
}

function readRule(line: string): PurgeRule | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { v, id, atS, soft, pattern } = (value ?? {}) as Record<string, unknown>;
  if (v !== 1 || !Number.isSafeInteger(id) || !Number.isSafeInteger(atS) || typeof soft !== 'boolean')
    return undefined;
  const read = readPattern(pattern);
  return read === undefined ? undefined : { id: id as number, atS: atS as number, soft, pattern: read };
}

function readPattern(value: unknown): PurgePattern | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, key, routes, host, path, route, tag } = value as Record<string, unknown>;
  if (kind === 'all') return { kind };
  if (kind === 'url' && typeof key === 'string') return { kind, key };
  if (kind === 'route' && typeof route === 'string') return { kind, route };
  if (kind === 'tag' && typeof tag === 'string') return { kind, tag };
  if (kind !== 'prefix' || typeof path !== 'string' || !Array.isArray(routes)) return undefined;
  if (!routes.every((name) => typeof name === 'string')) return undefined;
  return { kind, routes, host: typeof host === 'string' ? host : undefined, path };
}
