import { parentPort } from 'node:worker_threads';
import { InternalFault } from '../../base/assert.ts';
import { type Clock, every, type Timer } from '../../base/clock.ts';
import { AccessLog } from '../../monitor/access-log.ts';
import { HitBooks } from '../../monitor/hit-books.ts';
import type { LineSink } from '../../monitor/sink.ts';
import type { Origin } from '../../origin/origin.ts';
import { Routes } from '../../serve/1-route.ts';
import { EdgePath } from '../../serve/edge.ts';
import { TierReader } from '../../store/memory/tier-reader.ts';
import { type PublicServer, startPublicServer } from '../listener.ts';
import { BoardWord, othersOf, showStats } from './board.ts';
import { Forwarder } from './forwarder.ts';
import { Outbox, type ToOwner, type ToWorker, type WorkerOrder } from './messages.ts';

/** A worker's thread: a public port of its own, hits out of the shared memory, and the owner for everything else. */

/** How often the counters of the transport are shown, and the heart beats. */
const SHOW_MS = 100;

const port = parentPort!;
const outbox = new Outbox<ToOwner>((batch) => port.postMessage(batch));
const send = (message: ToOwner): void => outbox.send(message);
let running: Running | undefined;

port.on('message', (messages: ToWorker[]) => {
  for (const message of messages) {
    if (message.kind === 'start') running = start(message.order);
    else running?.receive(message);
  }
});

interface Running {
  receive(message: Exclude<ToWorker, { readonly kind: 'start' }>): void;
}

function start(order: WorkerOrder): Running {
  const clock = clockFrom(order.timeOriginMs);
  const tier = new TierReader(order.tier, order.reader);
  const forwarder = new Forwarder(tier, send);
  const sink = new OwnerSink();
  const { logSample } = order;
  const accessLog = logSample === undefined ? undefined : new AccessLog({ sink, clock, sample: logSample });
  const names = new Set(order.config.routes.map((route) => route.origin));
  const handler = new EdgePath({
    routes: new Routes(order.config, [...names].map(ownersOrigin)),
    tier,
    books: new HitBooks(order.hits),
    accessLog,
    clock,
    pseudonym: order.pseudonym,
    owner: forwarder,
  });
  const server = listen(order, handler, clock);
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
        case 'log-taken':
          sink.taken();
          break;
        case 'collect':
          Bun.gc(true);
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

/** One clock for all threads: what is monotonic here starts where the owner's does. */
function clockFrom(ownersOriginMs: number): Clock {
  const offsetMs = performance.timeOrigin - ownersOriginMs;
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now() + offsetMs,
    after: (delayMs, fn) => setTimeout(fn, delayMs) as unknown as Timer,
    cancel: (timer) => clearTimeout(timer as unknown as number | undefined),
  };
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
  #busy = false;

  ready(): boolean {
    return !this.#busy;
  }

  write(lines: Uint8Array): void {
    this.#busy = true;
    send({ kind: 'log', lines: lines.slice() });
  }

  taken(): void {
    this.#busy = false;
  }
}
