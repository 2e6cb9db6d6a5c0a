import { DEFAULT_HEAD_LIMITS, type RequestHeadLimits } from '../http/wire/head.ts';
import { PROBLEMS, type Problem } from '../http/wire/problem.ts';

/** What one client may cost. Times in milliseconds, sizes in bytes. */
export interface ServerLimits {
  readonly head: RequestHeadLimits;
  /** Connections at once; those above it are answered 503 and closed. */
  readonly connectionsMax: number;
  /** Connections of one client address at once; 0 for no limit of its own. Those above it are cut. */
  readonly connectionsPerClientMax: number;
  /** From the first byte of a request to the end of its head. */
  readonly headTimeoutMs: number;
  /** Without a request under way. */
  readonly idleTimeoutMs: number;
  /**
   * Without the client taking any byte of an answer that waits for it. What the kernel can still take for it when the
   * time is up counts as taken, so a client that stalled may be cut only after twice as long.
   */
  readonly writeTimeoutMs: number;
  /** A request body up to this size is read and dropped; after a larger one the connection is closed. */
  readonly discardedBodyBytesMax: number;
  /** Larger request bodies are refused. */
  readonly requestBodyBytesMax: number;
  /**
   * Least rate of a request body that somebody receives, in bytes per second over each `headTimeoutMs`. Pauses of whoever
   * receives it do not count.
   */
  readonly receiveRateMin: number;
  /**
   * Least rate at which a client must take an answer that waits for it, in bytes per second over each `writeTimeoutMs`;
   * 0 for none.
   */
  readonly sendRateMin: number;
  /** After the last answer, input is dropped for so long and so much, so that the answer is not lost to a reset. */
  readonly lingerMs: number;
  readonly lingerBytes: number;
}

/** The limits of a server that is told none; the configuration sets connections and the first three times. */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  head: DEFAULT_HEAD_LIMITS,
  connectionsMax: 10_000,
  connectionsPerClientMax: 0,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  writeTimeoutMs: 30_000,
  discardedBodyBytesMax: 64 * 1024,
  requestBodyBytesMax: 16 * 1024 * 1024,
  receiveRateMin: 1024,
  sendRateMin: 1024,
  lingerMs: 2_000,
  lingerBytes: 1024 * 1024,
};

/** What the server saw, counted since it started. The live object: read it, never write it. */
export interface ServerStats {
  accepted: number;
  /** Connections above the limit. */
  refused: number;
  /** Connections above the limit of one client. */
  refusedPerClient: number;
  /** Requests handed to the handler. */
  requests: number;
  /** Requests whose client went away, or was cut off, before it had the whole answer. */
  unfinished: number;
  /** Answers cut because their payload broke. */
  broken: number;
  readonly malformed: Record<Problem, number>;
  readonly timeouts: Record<'handshake' | 'head' | 'body' | 'idle' | 'write', number>;
  /** Exceptions thrown by the handler, an answer or a payload, and answers given twice. */
  faults: number;
}

/** All zero: one object for each server, at its start. */
export function newServerStats(): ServerStats {
  return {
    accepted: 0,
    refused: 0,
    refusedPerClient: 0,
    requests: 0,
    unfinished: 0,
    broken: 0,
    malformed: Object.fromEntries(PROBLEMS.map((problem) => [problem, 0])) as Record<Problem, number>,
    timeouts: { handshake: 0, head: 0, body: 0, idle: 0, write: 0 },
    faults: 0,
  };
}
