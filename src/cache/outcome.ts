import type { ErrorCode } from '../base/errors.ts';
import { TRANSFORM_FAILURES } from '../image/failures.ts';

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
  'no-room', // everything else in the tier is being served, or is guaranteed to the other class (originals, variants)
  'residency', // everything else in the tier is too young to leave, or pinned
  'admission', // those who would have to leave are worth more to the policy
  'truncated', // the body did not arrive whole
  'type', // the route's storeTypes leave its content type out
  'route', // the route says cache: false
  'rule', // a bypass rule of the route
  'superseded', // a newer response to the same key was stored first
  'storage', // the tier failed
  'fallback', // the original, in the place of a variant that could not be made
] as const;
export type NotStoredReason = (typeof NOT_STORED_REASONS)[number];

/** Those of them that say why there was no room. */
export type RoomRefusal = Extract<NotStoredReason, 'no-room' | 'residency' | 'admission'>;

/** Why an entry left a tier. Only `room` is an eviction. */
export const REMOVAL_REASONS = [
  'room',
  'expired',
  'purged',
  'invalidated',
  'replaced',
  'tainted',
  'crowded',
] as const;
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

/** Every way in which an origin can fail to deliver, or is not asked: the closed list for header, log and metric. */
export const ORIGIN_FAILURES = [
  'dns', // the name does not resolve
  'refused', // nothing listens there, or the network is unreachable
  'connect-timeout',
  'queue-full', // every exchange it may have is under way, and too many requests wait for their turn
  'queue-timeout', // no turn came in time
  'circuit-open', // it failed too often just now, and is left alone for a moment
  'deadline', // no head in the time that the route gives, waiting and further tries included
  'tls', // handshake failed or certificate not accepted
  'reset', // the connection broke before the head was complete
  'first-byte-timeout', // connected, but no response head in time
  'idle-timeout', // the body stalled
  'total-timeout', // the exchange as a whole took too long
  'truncated', // the body ended or broke before its length
  'overrun', // more body than the length said
  'malformed', // not HTTP, ambiguous framing, or fields over the limit
  'too-large', // the body is above the origin's size limit
  'redirect', // a redirect that the policy does not allow, or too many
  'request-body', // the body of the request broke off: the client's doing, says nothing of the origin
  'unreadable', // files: exists but cannot be read
  'credentials', // s3: the keys are missing or not accepted, or the clocks differ
  'denied', // s3: the object may not be read, for another reason than the keys themselves
  'bucket', // s3: there is no such bucket, or it is in another region
] as const;
export type OriginFailureCause = (typeof ORIGIN_FAILURES)[number];

/**
 * Why a client that asked for an image did not get it whole: exactly one, spelled the same in `Cache-Status` (unless the head
 * was sent before), access log and metric. Whoever went away is not among them. A code of `base/errors.ts` where the node
 * answered itself.
 */
export const RETRIEVAL_FAILURES = [
  ...ORIGIN_FAILURES.map((cause) => `origin-${cause}` as const),
  'origin-status', // the origin answered 5xx, 408 or 429, now or when that was stored
  'shed', // the node had too much to fetch at the time
  'loop', // the request came from this node
  'internal', // a fault of our own
  'disk', // the rest of a body that was being sent could not be read from the disk
  ...TRANSFORM_FAILURES.map((cause) => `image-${cause}` as const),
] as const;
export type RetrievalFailure = (typeof RETRIEVAL_FAILURES)[number];

/** Why nothing better could be served: a failure, also one that a stale copy made up for, or what is no failure of ours. */
export type ServedCause =
  | RetrievalFailure
  | ErrorCode
  | 'recent-failure' // stale: the origin failed at it a moment ago, and was not asked again
  | 'client-gone'
  | '';
