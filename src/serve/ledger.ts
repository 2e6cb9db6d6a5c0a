import type { Clock } from '../base/clock.ts';
import {
  FLIGHT_ENDINGS,
  type FlightEnding,
  NOT_STORED_REASONS,
  type NotStoredReason,
  OUTCOMES,
  type Outcome,
} from '../cache/outcome.ts';
import type { AccessLog } from '../monitor/access-log.ts';
import { NO_ROUTE, type Recorder } from '../monitor/recorder.ts';
import { ORIGIN_FAILURES, type OriginFailure } from '../origin/origin.ts';
import type { Route } from './1-route.ts';
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
  readonly cause: string;
}

const OUTCOME_INDEX = indexOf(OUTCOMES);
const REASON_INDEX = indexOf(NOT_STORED_REASONS);
const ENDING_INDEX = indexOf(FLIGHT_ENDINGS);
const FAILURE_INDEX = indexOf(ORIGIN_FAILURES);

/** Told of each failure of an origin, with the sentence that is for the operator's log only. */
export type OnOriginFailure = (route: Route, failure: OriginFailure) => void;

/** Books every request, fetch and refusal of the request path: counters, and the access log where there is one. */
export class Ledger {
  readonly recorder: Recorder;
  readonly #clock: Clock;
  #accessLog: AccessLog | undefined;
  readonly #onOriginFailure: OnOriginFailure;

  constructor(
    recorder: Recorder,
    clock: Clock,
    accessLog: AccessLog | undefined,
    onOriginFailure: OnOriginFailure = () => undefined,
  ) {
    this.#onOriginFailure = onOriginFailure;
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
      fields: request.fields,
    });
  }

  notStored(reason: NotStoredReason): void {
    this.recorder.notStored(REASON_INDEX[reason]);
  }

  flightEnded(ending: FlightEnding): void {
    this.recorder.flightEnding(ENDING_INDEX[ending]);
  }

  originAnswered(route: Route, status: number, receivedBytes: number, firstByteMs: number): void {
    this.recorder.originFetch(route.originId, status, receivedBytes, firstByteMs);
  }

  originFailed(route: Route, failure: OriginFailure): void {
    this.recorder.originFailure(route.originId, FAILURE_INDEX[failure.cause]);
    this.#onOriginFailure(route, failure);
  }
}

function indexOf<W extends string>(words: readonly W[]): Record<W, number> {
  return Object.fromEntries(words.map((word, index) => [word, index])) as Record<W, number>;
}
