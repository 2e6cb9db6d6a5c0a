import { parentPort } from 'node:worker_threads';
import type { Clock, Timer } from '../../base/clock.ts';
import { type EdgeNode, startEdgeNode } from './edge-node.ts';
import { Outbox, type ToOwner, type ToWorker } from './messages.ts';

/** The thread of a worker: builds its clock and its way to the owner, and waits for its order. */

const port = parentPort!;
const outbox = new Outbox<ToOwner>((batch) => port.postMessage(batch));
let node: EdgeNode | undefined;

port.on('message', (messages: ToWorker[]) => {
  for (const message of messages) {
    if (message.kind !== 'start') {
      node?.receive(message);
      continue;
    }
    node = startEdgeNode(message.order, {
      clock: clockFrom(message.order.timeOriginMs),
      send: (reply) => outbox.send(reply),
      collectGarbage: () => Bun.gc(true),
    });
  }
});

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
