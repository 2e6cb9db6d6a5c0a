import { NONE } from '../../cache/entries.ts';
import type { Flight } from './flight.ts';
import { NO_KEY } from './key-rows.ts';
import type { Kind } from './kinds.ts';
import type { Said } from './lives.ts';

/** One request as the simulated path sees it. Objects are used again: what has to outlast the request is copied. */
export class Asked {
  key: number = NO_KEY;
  /** Hash of its key: what the index and the policies of a node know it by. */
  lo = 0;
  hi = 0;
  kind: Kind | undefined;
  /** What is known of the life of its response. */
  said: Said | undefined;
  bodyBytes = 0;
  /** Of what is stored: key and head. */
  besideBytes = 0;
  /** How long the origin would take for it, in milliseconds. */
  originMs = 0;
  /** The record says that the origin failed at it. */
  fails = false;
  /** Arrival, milliseconds since the epoch with a fraction. */
  atMs = 0;
  /** It is one of those that the report is about. */
  counted = true;
  /** Position of the miss reason of which it would be a miss. */
  reason = 0;
  /** The variant whose original this asks for; undefined for a client's request. */
  maker: Flight | undefined;
  /** What is stored for it and stale; NONE. */
  stale: number = NONE;
  /** That one may answer if the origin fails. */
  staleOnError = false;
  /** It keeps the stale response itself. */
  holdsStale = false;

  copy(from: Asked): void {
    this.key = from.key;
    this.lo = from.lo;
    this.hi = from.hi;
    this.kind = from.kind;
    this.said = from.said;
    this.bodyBytes = from.bodyBytes;
    this.besideBytes = from.besideBytes;
    this.originMs = from.originMs;
    this.fails = from.fails;
    this.atMs = from.atMs;
    this.counted = from.counted;
    this.reason = from.reason;
    this.maker = from.maker;
    this.stale = from.stale;
    this.staleOnError = from.staleOnError;
    this.holdsStale = false;
  }
}
