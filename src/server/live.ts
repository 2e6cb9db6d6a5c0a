import { epochS } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { OriginConfig, ValidConfig } from '../config/config.ts';
import { AccessLog } from '../monitor/access-log.ts';
import type { LogLevel } from '../monitor/log.ts';
import type { Recorder } from '../monitor/recorder.ts';
import type { LineSink } from '../monitor/sink.ts';
import type { OriginGuard } from '../origin/guard/guard.ts';
import { Routes } from '../serve/1-route.ts';
import type { Ledger } from '../serve/ledger.ts';
import type { RequestPath } from '../serve/request.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { createGuard, type GuardParts, jitter, originsByRoute } from './guards.ts';
import { roomRules } from './room.ts';

/** Names that one run may have had, of routes and of origins each: counters are kept for all of them. */
const NAMES_MAX = 5_000;

/** Where a node opens and closes what its access log is written to. */
export interface AccessLogs {
  /** Undefined for `off`. @throws the system's error. */
  open(to: string): LineSink | undefined;
  /** It is written to no more. */
  retire(sink: LineSink): void;
}

export interface LiveOptions extends GuardParts {
  readonly config: ValidConfig;
  readonly accessLogs: AccessLogs;
  /** From now on lines below it are left out of the log. */
  readonly setLogLevel: (level: LogLevel) => void;
}

interface OpenAccessLog {
  readonly log: AccessLog;
  readonly sink: LineSink;
}

/** What a reload changes on a running node. */
export interface LiveTargets {
  readonly tier: MemoryTier;
  readonly recorder: Recorder;
  readonly path: RequestPath;
  readonly ledger: Ledger;
  readonly disk: Pick<LogDiskTier, 'resize' | 'balance'> | undefined;
}

/**
 * The parts of a node that a reload can change. Routes and origins have ids by their names: they stay, new names get new ones,
 * and those of names that are gone go on counting, for what is stored for them.
 */
export class Live {
  readonly #options: LiveOptions;
  /** By id. Those that are gone are closed, and answer what they still had under way. */
  readonly #guards: OriginGuard[] = [];
  readonly #random: Random;
  readonly #routeNames: string[] = [];
  #access: OpenAccessLog | undefined;
  #routes: Routes;

  /** @throws Error that names what of the configuration cannot be read or opened. */
  constructor(options: LiveOptions) {
    const { config } = options;
    this.#options = options;
    this.#random = jitter(options);
    for (const [name, origin] of Object.entries(config.origins))
      this.#guards.push(this.#createGuard(name, this.#guards.length, origin));
    this.#routes = this.#routesOf(config, this.#guards, this.#routeNames);
    this.#access = this.#openAccessLog(config);
  }

  /** Those of the configuration it began with, until the first {@link apply}. */
  get routes(): Routes {
    return this.#routes;
  }

  /** By id. */
  get guards(): readonly OriginGuard[] {
    return this.#guards;
  }

  /** By id. */
  get routeNames(): readonly string[] {
    return this.#routeNames;
  }

  get accessLog(): AccessLog | undefined {
    return this.#access?.log;
  }

  /** What it writes to. */
  get accessSink(): LineSink | undefined {
    return this.#access?.sink;
  }

  /**
   * Makes the node what the configuration says, at once for all requests from now on.
   *
   * @throws Error that says what to do; nothing has changed then.
   */
  apply(config: ValidConfig, running: ValidConfig, targets: LiveTargets): void {
    const { tier, recorder, path, ledger, disk } = targets;
    const { memory } = config.cache;
    // What can fail comes first.
    const guards = this.#guardsOf(config, running);
    const routeNames = [...this.#routeNames];
    const routes = this.#routesOf(config, guards, routeNames);
    if (guards.length > NAMES_MAX || routeNames.length > NAMES_MAX)
      throw new Error(`this run has had ${NAMES_MAX} names of routes or origins: a restart forgets them`);
    if (memory.sizeBytes > tier.budgetBytesMax)
      throw new Error('cache.memory.size is above what the running tier can grow to: it takes a restart');
    const logChanges = JSON.stringify(config.log.access) !== JSON.stringify(running.log.access);
    const access = logChanges ? this.#openAccessLog(config) : this.#access;

    recorder.grow(
      routeNames,
      guards.map(({ name }) => name),
    );
    tier.cache.account.grow(routeNames.length);
    const retired = this.#guards.filter(
      (guard) => !guards.includes(guard) || !Object.hasOwn(config.origins, guard.name),
    );
    this.#guards.splice(0, this.#guards.length, ...guards);
    this.#routeNames.splice(0, this.#routeNames.length, ...routeNames);
    this.#routes = routes;
    path.reroute(routes);
    for (const guard of retired) guard.close();
    if (logChanges) this.#swapAccessLog(access, ledger);
    const nowS = epochS(this.#options.clock);
    const before = running.cache.memory;
    tier.cache.changeRules(roomRules(config, routeNames), nowS);
    tier.objectBytesMax = memory.maxObjectBytes;
    const { policy } = memory;
    if (policy !== before.policy && policy !== 'auto' && policy !== tier.cache.policy)
      tier.cache.switchPolicy(policy, nowS);
    if (memory.favour !== before.favour) tier.cache.changeFavour(memory.favour);
    if (memory.sizeBytes !== before.sizeBytes) tier.resize(memory.sizeBytes, nowS);
    const wanted = config.cache.disk;
    if (wanted !== undefined && wanted.sizeBytes !== running.cache.disk?.sizeBytes)
      disk?.resize(wanted.sizeBytes);
    if (wanted !== undefined) disk?.balance.reshare(wanted.variantsShare / 100);
    this.#options.setLogLevel(config.log.level);
  }

  /** Ends what it opened. */
  close(): void {
    for (const guard of this.#guards) guard.close();
    this.#access?.log.close();
  }

  /** Those that are configured as before stay, with their connections; the others are made anew, under the same id. */
  #guardsOf(config: ValidConfig, running: ValidConfig): OriginGuard[] {
    const guards = [...this.#guards];
    for (const [name, origin] of Object.entries(config.origins)) {
      const id = guards.findIndex((one) => one.name === name);
      const before = running.origins[name];
      if (id >= 0 && JSON.stringify(before) === JSON.stringify(origin)) continue;
      const at = id < 0 ? guards.length : id;
      guards[at] = this.#createGuard(name, at, origin);
    }
    return guards;
  }

  /** @param names gets those that are new. */
  #routesOf(config: ValidConfig, guards: readonly OriginGuard[], names: string[]): Routes {
    const origins = guards.map((guard) => guard.origin);
    const byRoute = originsByRoute(config, guards, this.#options.clock, this.#random);
    return new Routes(config, origins, byRoute, (name) => {
      const id = names.indexOf(name);
      return id >= 0 ? id : names.push(name) - 1;
    });
  }

  #createGuard(name: string, id: number, origin: OriginConfig): OriginGuard {
    return createGuard({ name, id, origin, random: this.#random }, this.#options);
  }

  #openAccessLog(config: ValidConfig): OpenAccessLog | undefined {
    const { to, sample } = config.log.access;
    const { accessLogs, clock } = this.#options;
    const sink = accessLogs.open(to);
    return sink === undefined ? undefined : { sink, log: new AccessLog({ sink, clock, sample }) };
  }

  #swapAccessLog(access: OpenAccessLog | undefined, ledger: Ledger): void {
    const before = this.#access;
    this.#access = access;
    ledger.logTo(access?.log);
    before?.log.close();
    if (before !== undefined) this.#options.accessLogs.retire(before.sink);
  }
}
