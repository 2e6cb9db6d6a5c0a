import type { AccessLog } from '../monitor/access-log.ts';
import type { MetricSource } from '../monitor/readings.ts';
import type { Recorder } from '../monitor/recorder.ts';
import type { RequestHandler } from '../serve/answer.ts';
import { viaPseudonym } from '../serve/upstream.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { TrafficRecorder } from '../traffic/live/recorder.ts';
import { type PublicServer, type PublicServerOptions, startPublicServer } from './listener.ts';
import type { Live } from './live.ts';
import type { NodeOptions } from './node.ts';
import { othersOf } from './workers/board.ts';
import { type ConnectionCounts, Crew, joined, newConnectionCounts } from './workers/crew.ts';

/** What answers the requests that come in. */
export interface FrontParts {
  readonly tier: MemoryTier;
  readonly handler: RequestHandler;
  readonly recorder: Recorder;
  readonly live: Live;
  /** Takes what is recorded of requests; undefined for nothing. */
  readonly traffic?: TrafficRecorder | undefined;
}

/** The public side of a node. */
export interface Front {
  /** The ports of all threads as one. */
  readonly server: PublicServer;
  /** The threads beside this one; undefined when there are none. */
  readonly crew: Crew | undefined;
}

/**
 * Opens the public port: on this thread, and on as many others as are asked for.
 *
 * @throws Error with the address and what to do when it cannot listen there.
 */
export function startFront(options: NodeOptions, parts: FrontParts): Front {
  if (!hasWorkers(options)) return { server: startServer(options, parts, undefined), crew: undefined };
  const counts = newConnectionCounts(options.workers! - 1);
  const own = startServer(options, parts, counts);
  const crew = startCrew(options, own, parts, counts);
  return { server: joined(own, crew), crew };
}

/** True when other threads serve beside this one. */
export function hasWorkers({ workers = 1 }: NodeOptions): boolean {
  return workers > 1;
}

/** @param counts connections of all threads, when there are several: the owner's are the first. */
function startServer(
  options: NodeOptions,
  { handler, recorder }: FrontParts,
  counts: ConnectionCounts | undefined,
): PublicServer {
  const shared = counts && {
    first: true,
    others: () => othersOf(counts, 0),
    changed: (connections: number) => {
      counts[0] = connections;
    },
  };
  return startPublicServer({
    ...publicPort(options.config),
    handler,
    clock: options.clock,
    onFault: faultCounter(options, recorder),
    ...(shared === undefined ? {} : { shared }),
  });
}

function publicPort({ server }: NodeOptions['config']): Pick<PublicServerOptions, 'listen' | 'limits'> {
  return {
    listen: { hostname: server.listen.host, port: server.listen.port },
    limits: {
      connectionsMax: server.maxConnections,
      connectionsPerClientMax: server.maxConnectionsPerClient,
      headTimeoutMs: server.headTimeoutMs,
      idleTimeoutMs: server.idleTimeoutMs,
      writeTimeoutMs: server.stallTimeoutMs,
      sendRateMin: server.minSendRateBytes,
      requestBodyBytesMax: server.maxRequestBodyBytes,
    },
  };
}

function faultCounter({ log }: NodeOptions, recorder: Recorder): (error: unknown) => void {
  return (error) => {
    recorder.internalFault();
    log.error('a request failed inside the node; the node goes on', { error: String(error) });
  };
}

/** The threads beside this one, on the port that this one listens on. */
function startCrew(
  options: NodeOptions,
  own: PublicServer,
  parts: FrontParts,
  counts: ConnectionCounts,
): Crew {
  const { config, clock, log } = options;
  const { live, ...shared } = parts;
  const { listen, limits } = publicPort(config);
  return new Crew(
    {
      ...shared,
      count: counts.length - 1,
      listen: { listen: { ...listen, port: own.port }, ...(limits === undefined ? {} : { limits }) },
      config,
      pseudonym: viaPseudonym(options.hashKey),
      clock,
      log,
      routeNames: live.routeNames,
      accessSink: () => live.accessSink,
      onFault: faultCounter(options, parts.recorder),
    },
    counts,
  );
}

/** Access log lines of all threads. */
export function loggedBy(own: AccessLog | undefined, crew: Crew | undefined): MetricSource['accessLog'] {
  if (own === undefined || crew === undefined) return own;
  const { lines, dropped } = crew.logged;
  return { lines: own.lines + lines, dropped: own.dropped + dropped };
}
