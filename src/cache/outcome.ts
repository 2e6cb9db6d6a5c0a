/**
 * The closed unions of the request path: one per question. Log field, `Cache-Status`, metric label and
 * dashboard all print these very words; switches over them are exhaustive.
 */

/** How a request was served. */
export const OUTCOMES = [
  'hit', // a fresh stored response
  'revalidated', // a stored response, after the origin confirmed it with 304
  'stale', // a stored response past its freshness, inside an allowed window
  'collapsed', // shared the origin fetch of an earlier request
  'miss', // the origin's answer to this very request
  'bypass', // the cache was not consulted for this request
  'refused', // answered by the node itself: a bad request, an unknown route, a method not served
  'failed', // nothing could be served: no copy here, and the origin did not deliver
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why the stored response, if any, did not answer (RFC 9211 section 2.2, `fwd`). */
export const FORWARD_REASONS = [
  'uri-miss',
  'vary-miss',
  'stale',
  'request',
  'bypass',
  'method',
  'partial',
] as const;
export type ForwardReason = (typeof FORWARD_REASONS)[number];

/** Why a response was not stored. `stored` is the absence of a reason. */
export const NOT_STORED_REASONS = [
  'method', // only GET responses are stored
  'status', // not a status that may be stored, or not without explicit freshness
  'no-store', // Cache-Control of request or response
  'private', // Cache-Control: private
  'authorization', // request carried credentials and the response does not allow sharing
  'vary-star', // Vary: *
  'no-freshness', // no lifetime given, none configured, no validator
  'set-cookie', // a response meant for one client
  'range', // partial content
  'unframed', // no Content-Length or chunked framing: completeness cannot be proven
  'too-large', // above the route's or tier's largest object
  'no-room', // everything else in the tier is being served
  'truncated', // the body did not arrive whole
  'type', // the route's storeTypes leave its content type out
  'route', // the route says cache: false
  'rule', // a bypass rule of the route
  'superseded', // a newer response to the same key was stored first
  'storage', // the tier failed
] as const;
export type NotStoredReason = (typeof NOT_STORED_REASONS)[number];

/** Why an entry left a tier. Only `room` is an eviction. */
export const REMOVAL_REASONS = ['room', 'expired', 'purged', 'invalidated', 'replaced', 'tainted'] as const;
export type RemovalReason = (typeof REMOVAL_REASONS)[number];

/** How an origin fetch that several requests may share ended. */
export const FLIGHT_ENDINGS = [
  'stored', // whole and kept: followers were served from it
  'not-stored', // whole, but not for others: followers fetch for themselves
  'revalidated', // 304: the stored response is good again
  'failed', // the origin did not deliver: followers fall back to stale or fail alike
  'abandoned', // nobody was waiting any more and it was not worth keeping
] as const;
export type FlightEnding = (typeof FLIGHT_ENDINGS)[number];
