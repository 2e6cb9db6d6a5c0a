import { InternalFault } from '../../base/assert.ts';
import { type Clock, every } from '../../base/clock.ts';
import { AccessLog } from '../../monitor/access-log.ts';
import { HitBooks } from '../../monitor/hit-books.ts';
import type { LineSink } from '../../monitor/sink.ts';
import type { Origin } from '../../origin/origin.ts';
import { Routes } from '../../serve/1-route.ts';
import { EdgePath, type EdgePathOptions } from '../../serve/edge.ts';
import { isPlain } from '../../serve/edge-routes.ts';
import { EdgeRows } from '../../serve/edge-rows.ts';
import { TierReader } from '../../store/memory/tier-reader.ts';
import { type PublicServer, startPublicServer } from '../listener.ts';
import { BoardWord, othersOf, showStats } from './board.ts';
import { Forwarder } from './forwarder.ts';
import type { ToOwner, ToWorker, WorkerOrder, WorkerRouting } from './messages.ts';

/** How often the counters of the transport are shown, and the heart beats. */
const SHOW_MS = 100;

/** What a worker has of its thread. */
export interface WorkerWorld {
  readonly clock: Clock;
  readonly send: (message: ToOwner) => void;
  /** Collects all garbage of this thread, now. */
  readonly collectGarbage: () => void;
}

/** A worker at work. */
export interface EdgeNode {
  receive(message: Exclude<ToWorker, { readonly kind: 'start' }>): void;
}

/** Opens a worker's public port: hits come out of the shared memory, everything else from the owner. */
export function startEdgeNode(order: WorkerOrder, { clock, send, collectGarbage }: WorkerWorld): EdgeNode {
  const tier = new TierReader(order.tier, order.reader);
  const forwarder = new Forwarder(tier, send);
  const sink = new OwnerSink(send);
  const openLog = ({ logSample }: WorkerRouting): AccessLog | undefined =>
    logSample === undefined ? undefined : new AccessLog({ sink, clock, sample: logSample });
  let accessLog = openLog(order.routing);
  const handler = new EdgePath({
    ...routingOf(order.routing, order.routesMax),
    tier,
    books: new HitBooks(order.hits),
    accessLog,
    clock,
    pseudonym: order.pseudonym,
    owner: forwarder,
    rows: order.ring && new EdgeRows(order.ring, order.tier.hashKey, () => send({ kind: 'rows' })),
  });
  const server = listen(order, handler, clock, send);
  const { words } = order.board;
  const show = (): void => {
    words[BoardWord.BEAT]! += 1;
    words[BoardWord.LOG_LINES] = accessLog?.lines ?? 0;
    words[BoardWord.LOG_DROPPED] = accessLog?.dropped ?? 0;
    showStats(order.board, server.stats);
  };
  every(clock, SHOW_MS, show);
  send({ kind: 'listening' });
  return {
    receive(message) {
      switch (message.kind) {
        case 'layout':
          tier.renew(message.layout);
          break;
        case 'configure':
          accessLog?.close();
          accessLog = openLog(message.routing);
          handler.configure(routingOf(message.routing, order.routesMax), accessLog);
          break;
        case 'log-taken':
          sink.taken();
          break;
        case 'collect':
          collectGarbage();
          break;
        case 'drain':
          void server.drain(message.deadlineMs).then((cut) => {
            accessLog?.close();
            show();
            send({ kind: 'drained', cut });
          });
          break;
        default:
          forwarder.receive(message);
      }
    },
  };
}

function listen(
  { index, listen, limits, tls, board }: WorkerOrder,
  handler: EdgePath,
  clock: Clock,
  send: Send,
): PublicServer {
  const { connections } = board;
  return startPublicServer({
    listen,
    handler,
    clock,
    limits,
    ...(tls === undefined ? {} : { tls }),
    shared: {
      first: false,
      others: () => othersOf(connections, index),
      changed: (count) => {
        connections[index] = count;
      },
    },
    onFault: (error) => send({ kind: 'fault', error: String(error) }),
  });
}

/** Routes with their ids, and which of them are served here: those that there were no counters for are not. */
function routingOf(
  { config, routeNames }: WorkerRouting,
  routesMax: number,
): Pick<EdgePathOptions, 'routes' | 'plain'> {
  const names = new Set(config.routes.map((route) => route.origin));
  const idOf = (name: string): number => routeNames.indexOf(name);
  const plain: boolean[] = routeNames.map(() => false);
  for (const route of config.routes) {
    const id = idOf(route.name);
    plain[id] = id < routesMax && isPlain(route);
  }
  return { routes: new Routes(config, [...names].map(ownersOrigin), undefined, idOf), plain };
}

/** Routes name their origins; here nobody asks them. */
function ownersOrigin(name: string): Origin {
  return {
    name,
    fetch: () => {
      throw new InternalFault('a worker asks no origin');
    },
    close: () => undefined,
    gauges: () => ({ active: 0, connections: 0 }),
  };
}

/** Access log lines go to the owner, who has the file; one buffer at a time. */
class OwnerSink implements LineSink {
  readonly lostLines = 0;
  readonly #send: Send;
  #busy = false;

  constructor(send: Send) {
    this.#send = send;
  }

  ready(): boolean {
    return !this.#busy;
  }

  write(lines: Uint8Array): void {
    this.#busy = true;
    this.#send({ kind: 'log', lines: lines.slice() });
  }

  taken(): void {
    this.#busy = false;
  }
}

type Send = WorkerWorld['send'];
