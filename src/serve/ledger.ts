import type { Clock } from '../base/clock.ts';
import type { ErrorCode } from '../base/errors.ts';
import {
  FLIGHT_ENDINGS,
  type FlightEnding,
  NOT_STORED_REASONS,
  type NotStoredReason,
  ORIGIN_FAILURES,
  OUTCOMES,
  type Outcome,
  RETRIEVAL_FAILURES,
  type RetrievalFailure,
  type ServedCause,
} from '../cache/outcome.ts';
import { isTrouble } from '../http/status.ts';
import type { AccessLog } from '../monitor/access-log.ts';
import { NO_ROUTE, type Recorder } from '../monitor/recorder.ts';
import type { OriginFailure } from '../origin/origin.ts';
import type { Route } from './1-route.ts';
import type { FlightFailure } from './4-origin.ts';
import type { CacheRequest } from './answer.ts';

/** What happened to one request, as far as it has been decided. */
export interface Served {
  readonly request: CacheRequest;
  /** Undefined when no route matched. */
  readonly route: Route | undefined;
  readonly outcome: Outcome;
  readonly status: number;
  /** Time spent waiting for the origin; negative when it was not asked. */
  readonly originMs: number;
  readonly detail: string;
  /** Why nothing better could be served; empty when all went well. */
  readonly cause: ServedCause;
}

const OUTCOME_INDEX = indexOf(OUTCOMES);
const REASON_INDEX = indexOf(NOT_STORED_REASONS);
const ENDING_INDEX = indexOf(FLIGHT_ENDINGS);
const FAILURE_INDEX = indexOf(ORIGIN_FAILURES);
const RETRIEVAL_INDEX: Partial<Record<ServedCause, number>> = indexOf(RETRIEVAL_FAILURES);

/** Books every request, fetch and refusal of the request path: counters, and the access log where there is one. */
export class Ledger {
  readonly recorder: Recorder;
  readonly #clock: Clock;
  #accessLog: AccessLog | undefined;

  constructor(recorder: Recorder, clock: Clock, accessLog: AccessLog | undefined) {
    this.recorder = recorder;
    this.#clock = clock;
    this.#accessLog = accessLog;
  }

  /** From now on requests are logged there. The former one is the caller's to close. */
  logTo(accessLog: AccessLog | undefined): void {
    this.#accessLog = accessLog;
  }

  /** A request has ended. Tens of nanoseconds, and 0.7 us with an access log. */
  served(served: Served, sentBytes: number, whole: boolean): void {
    const { request } = served;
    if (request.internal !== undefined) {
      this.recorder.transforms.original(OUTCOME_INDEX[served.outcome]);
      return;
    }
    const durationMs = this.#clock.monotonicMs() - request.receivedMs;
    const outcomeIndex = OUTCOME_INDEX[served.outcome];
    this.recorder.request(
      served.route?.id ?? NO_ROUTE,
      outcomeIndex,
      served.status,
      sentBytes,
      durationMs,
      whole,
    );
    const failed = served.cause !== '' && this.#retrievalFailed(served);
    if (this.#accessLog === undefined) return;
    this.#accessLog.log({
      timeMs: this.#clock.nowMs(),
      client: request.client,
      method: request.method,
      host: request.host,
      target: request.target,
      status: served.status,
      outcomeIndex,
      route: served.route?.name ?? '',
      sentBytes,
      durationMs,
      originMs: served.originMs,
      whole,
      detail: served.detail,
      cause: served.cause,
      failed,
      fields: request.fields,
    });
  }

  notStored(reason: NotStoredReason): void {
    this.recorder.notStored(REASON_INDEX[reason]);
  }

  flightEnded(ending: FlightEnding): void {
    this.recorder.flightEnding(ENDING_INDEX[ending]);
  }

  /** An answer of the origin was none to what had been asked. Other failures are booked where they happen. */
  originFailed(route: Route, failure: OriginFailure): void {
    this.recorder.originFailure(route.originId, FAILURE_INDEX[failure.cause]);
  }

  /** Not a failure for the client where a stale copy that is no error itself, or the original of a variant, made up for it. */
  #retrievalFailed({ route, outcome, status, cause, detail }: Served): boolean {
    const index = RETRIEVAL_INDEX[cause];
    const isMadeUpFor =
      detail === 'fallback' || (outcome === 'stale' && !isTrouble(status) && cause !== 'disk');
    if (index === undefined || isMadeUpFor) return false;
    this.recorder.retrievalFailure(route?.id ?? NO_ROUTE, index);
    return true;
  }
}

/** What is booked, and the code of the answer, when a fetch failed; without a failure the fault is ours. */
export function failureCause(failure: FlightFailure | undefined): FailureCode {
  if (failure === undefined) return 'internal';
  return 'code' in failure ? failure.code : `origin-${failure.cause}`;
}

/** Those that can be the whole answer. */
export type FailureCode = RetrievalFailure & ErrorCode;

/** True for a cause that is one. */
export function isFailureCode(cause: ServedCause): cause is FailureCode {
  return cause !== 'origin-status' && cause !== 'disk' && RETRIEVAL_INDEX[cause] !== undefined;
}

function indexOf<W extends string>(words: readonly W[]): Record<W, number> {
  return Object.fromEntries(words.map((word, index) => [word, index])) as Record<W, number>;
}
