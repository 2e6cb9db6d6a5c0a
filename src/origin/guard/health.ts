import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { Fields } from '../../http/fields.ts';
import type { Origin, OriginExchange, OriginFailure, OriginHead, OriginSink } from '../origin.ts';

export interface HealthOptions {
  /** What is asked for; starts with `/`. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Checks in a row that have to fail, or to succeed, before the origin counts as the other. */
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
  /** The status that a healthy origin answers with. */
  readonly status: number;
}

export interface HealthDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Told once of each change, with the reason in words. */
  readonly onChange: (healthy: boolean, reason: string) => void;
}

/** A longer answer is cut: its head has said it all. */
const BODY_BYTES_MAX = 64 * 1024;

/**
 * Asks an origin for one path from time to time. Healthy until it is proven otherwise. The first check comes at a random
 * time within one interval, so that the nodes of a fleet do not ask in step.
 */
export class Health {
  readonly #options: HealthOptions;
  readonly #origin: Origin;
  readonly #deps: HealthDeps;
  healthy = true;
  /** Checks in a row that spoke against what it counts as. */
  #against = 0;
  #timer: Timer | undefined;
  #check: Check | undefined;
  #stopped = false;

  constructor(options: HealthOptions, origin: Origin, deps: HealthDeps) {
    this.#options = options;
    this.#origin = origin;
    this.#deps = deps;
    this.#timer = deps.clock.after(options.intervalMs * deps.random.next(), () => this.#ask());
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#deps.clock.cancel(this.#timer);
    this.#check?.abort();
  }

  #ask(): void {
    const { path, status, timeoutMs, intervalMs } = this.#options;
    const check = new Check(status, (problem) => this.#hear(problem));
    this.#check = check;
    check.exchange = this.#origin.fetch({ method: 'GET', target: path, fields: new Fields() }, check);
    this.#timer = this.#deps.clock.after(timeoutMs, () => {
      check.late(`no answer within ${timeoutMs} ms`);
      this.#timer = this.#deps.clock.after(Math.max(0, intervalMs - timeoutMs), () => this.#ask());
    });
  }

  #hear(problem: string | undefined): void {
    if (this.#stopped) return;
    const { path, unhealthyAfter, healthyAfter } = this.#options;
    if ((problem === undefined) === this.healthy) {
      this.#against = 0;
      return;
    }
    this.#against += 1;
    if (this.#against < (this.healthy ? unhealthyAfter : healthyAfter)) return;
    this.healthy = !this.healthy;
    const how = this.#against === 1 ? 'a check' : `${this.#against} checks in a row`;
    const reason =
      problem === undefined ? `${how} of ${path} succeeded` : `${how} of ${path} failed: ${problem}`;
    this.#against = 0;
    this.#deps.onChange(this.healthy, reason);
  }
}

/** One check; tells its verdict once. */
class Check implements OriginSink {
  exchange: OriginExchange | undefined;
  readonly #status: number;
  readonly #tell: (problem: string | undefined) => void;
  #told = false;
  #bytes = 0;

  constructor(status: number, tell: (problem: string | undefined) => void) {
    this.#status = status;
    this.#tell = tell;
  }

  onHead(head: OriginHead): void {
    this.#say(head.status === this.#status ? undefined : `status ${head.status} instead of ${this.#status}`);
  }

  onData(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > BODY_BYTES_MAX) this.abort();
  }

  onEnd(): void {}

  onFail(failure: OriginFailure): void {
    this.#say(failure.detail);
  }

  onTaint(): void {}

  late(problem: string): void {
    this.abort();
    this.#say(problem);
  }

  abort(): void {
    this.exchange?.abort();
  }

  #say(problem: string | undefined): void {
    if (this.#told) return;
    this.#told = true;
    this.#tell(problem);
  }
}
