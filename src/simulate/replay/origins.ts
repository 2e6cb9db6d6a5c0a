import { Queue } from '../../origin/guard/queue.ts';
import type { SimulatedOrigin } from '../plan.ts';
import type { OriginReport } from '../report.ts';
import type { Events } from './events.ts';
import type { Flight } from './flight.ts';
import { OriginLoad } from './origin-load.ts';

/** One origin of a simulated node, and the live queue in front of it where it has a limit. */
export class OriginSide {
  readonly #load = new OriginLoad();
  readonly #all: OriginLoad;
  readonly #events: Events;
  readonly #queue: Queue | undefined;
  #isCounting = false;

  /** @param all what all origins of the node have to do together. */
  constructor(limits: SimulatedOrigin | undefined, events: Events, all: OriginLoad) {
    this.#events = events;
    this.#all = all;
    if (limits?.connections === undefined) return;
    const { connections: places, queueMax: max, queueTimeoutMs: timeoutMs } = limits;
    this.#queue = new Queue({ places, max, timeoutMs }, events);
  }

  get hasQueue(): boolean {
    return this.#queue !== undefined;
  }

  /** From now on it is what the report is about. */
  count(): void {
    this.#isCounting = true;
  }

  /** Asks for a place. @returns `granted` when it has it, `waits` when it will be told, `full` when it has to fail. */
  enter(flight: Flight): 'granted' | 'waits' | 'full' {
    const queue = this.#queue;
    if (queue === undefined) return 'granted';
    const answer = queue.enter(flight, flight.background);
    if (answer === 'waits' && this.#isCounting) {
      this.#load.deeper(queue.waiting);
      this.#all.deeper(queue.waiting);
    }
    if (answer === 'full') this.refused();
    else if (answer === 'granted') flight.holdsPlace = true;
    return answer;
  }

  /** One that waited has its place. */
  granted(flight: Flight, waitedMs: number): void {
    flight.holdsPlace = true;
    if (!this.#isCounting) return;
    this.#load.granted(waitedMs);
    this.#all.granted(waitedMs);
  }

  /** One that wanted a place gets none. */
  refused(): void {
    if (!this.#isCounting) return;
    this.#load.refused();
    this.#all.refused();
  }

  leave(flight: Flight): void {
    if (!flight.holdsPlace) return;
    flight.holdsPlace = false;
    this.#queue?.leave(flight.background);
  }

  /** It is asked. */
  requested(): void {
    if (!this.#isCounting) return;
    const nowS = this.#nowS;
    this.#load.requested(nowS);
    this.#all.requested(nowS);
  }

  /** It has sent a body. */
  sent(bytes: number): void {
    if (!this.#isCounting) return;
    const nowS = this.#nowS;
    this.#load.sent(nowS, bytes);
    this.#all.sent(nowS, bytes);
  }

  /** It has confirmed what is stored (304). */
  confirmed(): void {
    if (!this.#isCounting) return;
    this.#load.confirmed();
    this.#all.confirmed();
  }

  /** @param lengthS of the time that was counted; @param scale what a sample is multiplied by. */
  report(lengthS: number, scale: number): OriginReport {
    return this.#load.report(lengthS, scale, this.hasQueue);
  }

  get #nowS(): number {
    return Math.floor(this.#events.nowMs() / 1000);
  }
}
