import type { RouteConfig } from '../config/config.ts';

/**
 * What each option of a route means for the edge path, which answers hits without the owner: true where it is taken care of
 * there, or has no say between a request and its hit. A new option is a type error here until somebody has decided.
 */
const PLAIN: { readonly [K in keyof RouteConfig]: (value: RouteConfig[K]) => boolean } = {
  name: always,
  match: always, // the same Routes
  origin: always,
  stripPrefix: always,
  cache: always, // asked of the route
  key: always, // the same steps 1 and 2
  ttl: always, // lifetimes are in the entry
  stale: always, // only fresh responses are answered with
  obeyRequestDirectives: always, // a request that has any is handed on
  maxObjectBytes: always,
  storeTypes: always,
  pinned: always,
  failover: always,
  deadlineMs: always,
  hedgeAfterMs: always,
  sendFields: always,
  requestFields: always, // those of them that choose are in the key of a variant
  unsafeMethods: always, // only GET and HEAD are answered here
  bypass: (rule) => rule === undefined,
  images: always, // the same reading of addresses
};

/** True for a route whose hits a worker may answer by itself. */
export function isPlain(route: RouteConfig): boolean {
  return Object.entries(PLAIN).every(([option, decide]) =>
    (decide as (value: unknown) => boolean)(route[option as keyof RouteConfig]),
  );
}

function always(): boolean {
  return true;
}
