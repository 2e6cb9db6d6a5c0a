import { isToken } from './list.ts';

/** What this cache did with a request, for the Cache-Status field (RFC 9211 section 2). */
export interface CacheStatusInput {
  /** Name of this cache, for example the node's. */
  readonly cacheName: string;
  /** Answered from storage without going forward. Excludes all that follows but `ttlS`, `key` and `detail`. */
  readonly hit?: boolean;
  /** Why the request went forward. */
  readonly fwd?:
    | 'uri-miss'
    | 'vary-miss'
    | 'stale'
    | 'request'
    | 'bypass'
    | 'method'
    | 'partial'
    | 'miss'
    | undefined;
  /** Status the origin answered with, when it differs from what the client gets or is worth telling. */
  readonly fwdStatus?: number | undefined;
  /** The forwarded response was stored. */
  readonly stored?: boolean;
  /** The request shared another one's fetch. */
  readonly collapsed?: boolean;
  /** Remaining freshness in seconds; negative when stale. */
  readonly ttlS?: number | undefined;
  /** The cache key. Tells clients how keys are made: only where the operator wants that. */
  readonly key?: string | undefined;
  /** A word or short sentence, for example the reason why it was not stored. */
  readonly detail?: string | undefined;
}

/**
 * One Cache-Status member, as a structured-field item with parameters (RFC 9211 section 2, RFC 9651). To be appended
 * behind those of caches nearer to the origin.
 */
export function cacheStatus(input: CacheStatusInput): string {
  let s = item(input.cacheName);
  if (input.hit === true) s += '; hit';
  else {
    if (input.fwd !== undefined) s += `; fwd=${input.fwd}`;
    if (input.fwdStatus !== undefined) s += `; fwd-status=${integer(input.fwdStatus)}`;
    if (input.stored === true) s += '; stored';
    if (input.collapsed === true) s += '; collapsed';
  }
  if (input.ttlS !== undefined) s += `; ttl=${integer(input.ttlS)}`;
  if (input.key !== undefined) s += `; key=${string(input.key)}`;
  if (input.detail !== undefined) s += `; detail=${item(input.detail)}`;
  return s;
}

/** sf-token where the text is one, else sf-string (RFC 9651 sections 3.3.3 and 3.3.4). */
function item(text: string): string {
  return isSfToken(text) ? text : string(text);
}

/** Tokens of structured fields start with a letter or `*` and may contain `:` and `/`. */
function isSfToken(text: string): boolean {
  return /^[A-Za-z*]/.test(text) && isToken(text.replace(/[:/]/g, '.'));
}

/** Characters that an sf-string cannot carry become `?`. */
function string(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}

/** sf-integer: at most 15 digits (RFC 9651 section 3.3.1). */
function integer(n: number): string {
  const limit = 999_999_999_999_999;
  return String(Math.max(-limit, Math.min(limit, Math.trunc(n))));
}
