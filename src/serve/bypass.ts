import type { Fields } from '../http/fields.ts';

/** Requests of a route that go past the cache, as the operator wrote them down. */
export interface BypassRule {
  /** Paths: exact, or everything that starts like what stands before a `*` at the end. */
  readonly paths: readonly string[];
  /** Names of request fields, lower-case. */
  readonly fields: readonly string[];
  /** Names of cookies; case-sensitive. */
  readonly cookies: readonly string[];
}

/** True when any part of the rule holds. O(rule * fields). */
export function bypasses(rule: BypassRule, path: string, fields: Fields): boolean {
  for (const pattern of rule.paths) {
    if (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern) return true;
  }
  if (rule.fields.some((name) => fields.has(name))) return true;
  if (rule.cookies.length === 0) return false;
  const cookies = fields.get('cookie')?.split(/[;,]/) ?? [];
  return cookies.some((pair) => rule.cookies.includes(pair.split('=', 1)[0]!.trim()));
}
