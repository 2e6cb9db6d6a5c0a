import { FLIGHT_ENDINGS, NOT_STORED_REASONS, OUTCOMES, RETRIEVAL_FAILURES } from '../cache/outcome.ts';
import { LatencyHistogram } from './histogram.ts';
import { TransformBooks } from './transform-books.ts';

/** Why the admin server turned a request away. */
export const ADMIN_DENIALS = [
  'token-missing',
  'token-wrong',
  'too-many-guesses',
  'host',
  'cross-origin',
  'role',
  'too-many-requests',
] as const;
export type AdminDenial = (typeof ADMIN_DENIALS)[number];

/** A `routeId` for requests that no route matched. */
export const NO_ROUTE = -1;

const OUTCOME_COUNT = OUTCOMES.length;
const STATUS_LIMIT = 600;
const FAILURE_COUNT = RETRIEVAL_FAILURES.length;

export interface RecorderOptions {
  /** Names by route id. */
  readonly routes: readonly string[];
  /** Names by origin id. */
  readonly origins: readonly string[];
  /** The closed list of origin failure causes, by cause index. */
  readonly causes: readonly string[];
}

/**
 * The node's counters: typed arrays that the request path adds to and a scrape reads.
 *
 * Ids and indexes are positions: of the route and origin in the configuration, of the word in its closed union.
 * Methods cost a few nanoseconds to some tens, never allocate and never throw: an index out of range is dropped
 * rather than failing the request it belongs to (an unknown route counts as {@link NO_ROUTE}).
 */
export class Recorder {
  routes: readonly string[];
  origins: readonly string[];
  readonly causes: readonly string[];

  /** [route x outcome]; the row after the last route is for requests without one. */
  requests: Float64Array;
  /** Head and body bytes handed to the kernel, per route; one more for requests without a route. */
  sentBytes: Float64Array;
  /** [route x cause], causes as in RETRIEVAL_FAILURES; the row after the last route is for requests without one. */
  retrievalFailures: Float64Array;
  /** Answers by status code, 0 to 599. */
  readonly statuses = new Float64Array(STATUS_LIMIT);
  /** Answers that did not reach the client whole. */
  incomplete = 0;
  /** Duration of requests by outcome. */
  readonly durations: readonly LatencyHistogram[] = OUTCOMES.map(() => new LatencyHistogram());
  /** By position in NOT_STORED_REASONS. */
  readonly notStoredCounts = new Float64Array(NOT_STORED_REASONS.length);
  /** By position in FLIGHT_ENDINGS. */
  readonly flights = new Float64Array(FLIGHT_ENDINGS.length);
  /** Faults of the node's own making that one request was failed over for. */
  internalFaults = 0;

  originRequests: Float64Array;
  originReceivedBytes: Float64Array;
  /** [origin x class], class 1 to 5 of the status; 0 when no head arrived. */
  originStatuses: Float64Array;
  /** [origin x cause] */
  originFailures: Float64Array;
  /** Time in the queue of each exchange, per origin. */
  originQueueTimes: LatencyHistogram[];
  /** Time to the head of the response, per origin. */
  originDurations: readonly LatencyHistogram[];

  readonly transforms = new TransformBooks();

  /** By position in ADMIN_DENIALS. */
  readonly adminDenials = new Float64Array(ADMIN_DENIALS.length);

  constructor(options: RecorderOptions) {
    this.routes = options.routes;
    this.origins = options.origins;
    this.causes = options.causes;
    this.requests = new Float64Array((options.routes.length + 1) * OUTCOME_COUNT);
    this.sentBytes = new Float64Array(options.routes.length + 1);
    this.retrievalFailures = new Float64Array((options.routes.length + 1) * FAILURE_COUNT);
    this.originRequests = new Float64Array(options.origins.length);
    this.originReceivedBytes = new Float64Array(options.origins.length);
    this.originStatuses = new Float64Array(options.origins.length * 6);
    this.originFailures = new Float64Array(options.origins.length * options.causes.length);
    this.originQueueTimes = options.origins.map(() => new LatencyHistogram());
    this.originDurations = options.origins.map(() => new LatencyHistogram());
  }

  /**
   * Makes room for further routes and origins, whose ids follow on those that there are. All counts stay.
   *
   * @param routes names by id, starting with those that there are; likewise `origins`.
   */
  grow(routes: readonly string[], origins: readonly string[]): void {
    const before = this.routes.length;
    // The row after the last is of requests without a route: it moves behind the new ones.
    this.requests = withRows(this.requests, OUTCOME_COUNT, before, routes.length);
    this.sentBytes = withRows(this.sentBytes, 1, before, routes.length);
    this.retrievalFailures = withRows(
      this.retrievalFailures,
      RETRIEVAL_FAILURES.length,
      before,
      routes.length,
    );
    this.routes = routes;
    const wider = (counts: Float64Array, width: number): Float64Array => {
      const grown = new Float64Array(origins.length * width);
      grown.set(counts);
      return grown;
    };
    this.originRequests = wider(this.originRequests, 1);
    this.originReceivedBytes = wider(this.originReceivedBytes, 1);
    this.originStatuses = wider(this.originStatuses, 6);
    this.originFailures = wider(this.originFailures, this.causes.length);
    this.originQueueTimes = origins.map((_, id) => this.originQueueTimes[id] ?? new LatencyHistogram());
    this.originDurations = origins.map((_, id) => this.originDurations[id] ?? new LatencyHistogram());
    this.origins = origins;
  }

  /**
   * One request was answered, or given up by its client.
   *
   * @param outcomeIndex position in OUTCOMES.
   * @param sentBytes head and body bytes handed to the kernel.
   * @param durationMs from head received to last byte handed to the kernel.
   * @param whole false when the client did not get all of it.
   */
  request(
    routeId: number,
    outcomeIndex: number,
    status: number,
    sentBytes: number,
    durationMs: number,
    whole: boolean,
  ): void {
    const row = routeId >= 0 && routeId < this.routes.length ? routeId : this.routes.length;
    if (!(outcomeIndex >= 0 && outcomeIndex < OUTCOME_COUNT)) return;
    this.requests[row * OUTCOME_COUNT + outcomeIndex]! += 1;
    if (sentBytes > 0) this.sentBytes[row]! += sentBytes;
    if (status >= 0 && status < STATUS_LIMIT) this.statuses[status]! += 1;
    if (!whole) this.incomplete += 1;
    this.durations[outcomeIndex]!.record(durationMs);
  }

  /** A client did not get its image whole; `failureIndex` is the position in RETRIEVAL_FAILURES. */
  retrievalFailure(routeId: number, failureIndex: number): void {
    const row = routeId >= 0 && routeId < this.routes.length ? routeId : this.routes.length;
    if (failureIndex >= 0 && failureIndex < FAILURE_COUNT)
      this.retrievalFailures[row * FAILURE_COUNT + failureIndex]! += 1;
  }

  /** An exchange with an origin begins, after so long in the queue. */
  originQueued(originId: number, waitedMs: number): void {
    this.originQueueTimes[originId]?.record(waitedMs);
  }

  /** A response was not stored; `reasonIndex` is its position in NOT_STORED_REASONS. */
  notStored(reasonIndex: number): void {
    if (reasonIndex >= 0 && reasonIndex < this.notStoredCounts.length)
      this.notStoredCounts[reasonIndex]! += 1;
  }

  /** A shared origin fetch ended; `endingIndex` is its position in FLIGHT_ENDINGS. */
  flightEnding(endingIndex: number): void {
    if (endingIndex >= 0 && endingIndex < this.flights.length) this.flights[endingIndex]! += 1;
  }

  /**
   * One exchange with an origin ended, well or not. A failure is reported by {@link originFailure} besides.
   *
   * @param status of the response's head, 0 when none arrived.
   * @param receivedBytes body bytes.
   * @param firstByteMs from the start of the exchange to the head; ignored when `status` is 0.
   */
  originFetch(originId: number, status: number, receivedBytes: number, firstByteMs: number): void {
    if (!(originId >= 0 && originId < this.origins.length)) return;
    this.originRequests[originId]! += 1;
    if (receivedBytes > 0) this.originReceivedBytes[originId]! += receivedBytes;
    const statusClass = status >= 100 && status < STATUS_LIMIT ? Math.trunc(status / 100) : 0;
    this.originStatuses[originId * 6 + statusClass]! += 1;
    if (statusClass > 0) this.originDurations[originId]!.record(firstByteMs);
  }

  /** An exchange failed; `causeIndex` is the cause's position in the list handed to the constructor. */
  originFailure(originId: number, causeIndex: number): void {
    if (!(originId >= 0 && originId < this.origins.length && causeIndex >= 0)) return;
    if (causeIndex < this.causes.length)
      this.originFailures[originId * this.causes.length + causeIndex]! += 1;
  }

  /** The node's own reasoning failed, and one request was answered past the cache because of it. */
  internalFault(): void {
    this.internalFaults += 1;
  }

  /** The admin server turned a request away. */
  adminDenial(denial: AdminDenial): void {
    this.adminDenials[ADMIN_DENIALS.indexOf(denial)]! += 1;
  }
}

/** A table with further rows before its last one. */
function withRows(table: Float64Array, width: number, rows: number, rowsAfter: number): Float64Array {
  const grown = new Float64Array((rowsAfter + 1) * width);
  grown.set(table.subarray(0, rows * width));
  grown.set(table.subarray(rows * width), rowsAfter * width);
  return grown;
}
