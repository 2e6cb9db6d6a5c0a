import { type Clock, every } from '../../base/clock.ts';
import type { Log } from '../../monitor/log.ts';
import type { TrafficSnapshot } from '../../monitor/snapshot.ts';
import { RateControl } from '../../traffic/live/rate-control.ts';
import { TrafficRecorder } from '../../traffic/live/recorder.ts';
import { Keeper } from './keeper.ts';
import type { TimeRange, TrafficRing } from './ring.ts';

const DRAIN_MS = 1_000;
const DECIDE_MS = 60_000;

/** Where the traffic of a node is recorded; the ring is opened, and closed by the node when it stops. */
export interface TrafficPlace {
  readonly ring: TrafficRing;
  /** The directory; undefined for memory. */
  readonly path: string | undefined;
  readonly paths: boolean;
}

/** What the traffic record of a node is made of. */
export interface TrafficOptions extends TrafficPlace {
  readonly clock: Clock;
  readonly log: Log;
  readonly routeNames: () => readonly string[];
  readonly onFault: (error: unknown) => void;
}

/** The traffic record of a running node: recorder, ring, and what keeps the one within the other. */
export class Traffic {
  readonly recorder: TrafficRecorder;
  readonly #options: TrafficOptions;
  readonly #keeper: Keeper;
  readonly #control: RateControl;
  readonly #stops: (() => void)[];

  constructor(options: TrafficOptions) {
    const { clock, log, ring, path } = options;
    this.#options = options;
    this.recorder = new TrafficRecorder(options);
    this.#control = new RateControl(ring.sizeBytes, ring.keepMs, clock.nowMs());
    this.#keeper = new Keeper(ring, {
      clock,
      log,
      place: path ?? 'memory',
      onWritten: (bytes, rate) => this.#control.wrote(bytes, rate, clock.nowMs()),
    });
    this.recorder.listen(this.#keeper);
    this.#stops = [
      every(clock, DRAIN_MS, () => {
        this.recorder.drain();
        this.#keeper.tick();
      }),
      every(clock, DECIDE_MS, () => this.#decide()),
    ];
  }

  #decide(): void {
    const { clock, log } = this.#options;
    const { rate } = this.recorder;
    const next = this.#control.decide(rate, clock.nowMs());
    if (next === rate) return;
    this.recorder.rate = next;
    log.info('another share of the keys is recorded from now on', { before: rate, rate: next });
  }

  snapshot(): TrafficSnapshot {
    const { ring, path } = this.#options;
    const { dropped, rate } = this.recorder;
    return {
      ...(path === undefined ? {} : { path }),
      isPaused: this.#keeper.isPaused,
      rows: this.#keeper.writtenRows,
      droppedRows: dropped + this.#keeper.lostRows,
      rate,
      storedBytes: ring.storedBytes,
      sizeBytes: ring.sizeBytes,
      ...(ring.oldestMs === undefined ? {} : { oldestMs: ring.oldestMs }),
      writeErrors: this.#keeper.writeErrors + ring.removals,
    };
  }

  /** The blocks of that time, those of the last second included. */
  async *blocks(range: TimeRange): AsyncGenerator<Uint8Array> {
    await this.flush();
    yield* this.#options.ring.blocks(range);
  }

  /** Resolves when all requests so far are written, or lost. */
  async flush(): Promise<void> {
    this.recorder.drain();
    await this.#keeper.flush();
  }

  /** Writes what is left, and ends. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.flush();
    await this.#options.ring.close();
  }
}
