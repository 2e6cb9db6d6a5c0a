import type { Clock } from '../base/clock.ts';
import { formatCount, formatSize } from '../base/units.ts';
import { changesBetween } from '../config/changes.ts';
import type { Config, ValidConfig } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';
import type { Log } from '../monitor/log.ts';
import type { ConfigSnapshot } from '../monitor/snapshot.ts';
import type { MemoryTier } from '../store/memory/tier.ts';

/** One mistake of a configuration, as an operator is told of it. */
export type ToldProblem = Pick<Problem, 'line' | 'column' | 'path' | 'reason' | 'remedy'>;

/** What a configuration file turned out to be. */
export type LoadedConfig = { readonly hash: string | undefined } & (
  | { readonly ok: true; readonly config: ValidConfig; readonly warnings: readonly ToldProblem[] }
  | { readonly ok: false; readonly problems: readonly ToldProblem[] }
);

/** The file that a node was started with. */
export interface ConfigSource {
  readonly file: string;
  /** Of the file that the node was started with. */
  readonly hash: string;
  /** Reads it again, judges it, and holds it against the machine. Never rejects. */
  load(): Promise<LoadedConfig>;
}

/** What came of a reload. */
export interface ReloadReport {
  /** The file is valid. When it is not, nothing has changed. */
  readonly ok: boolean;
  readonly dryRun: boolean;
  /** The first digits of its SHA-256. */
  readonly hash: string | undefined;
  /** Everything that is wrong with it. */
  readonly problems: readonly ToldProblem[];
  readonly warnings: readonly ToldProblem[];
  /** Options that have changed on the running node. */
  readonly changed: readonly string[];
  /** Options that differ from what runs, and take a restart. */
  readonly needsRestart: readonly string[];
  /** What else is worth knowing: above all what a smaller memory evicts. */
  readonly notes: readonly string[];
}

export interface ReloaderOptions {
  readonly config: ValidConfig;
  /** Undefined for a node that was started without a file. */
  readonly source: ConfigSource | undefined;
  readonly tier: MemoryTier;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Makes the node what the configuration says, as far as that goes live: all of it, or nothing.
   *
   * @throws Error that says what to do; nothing has changed then.
   */
  readonly apply: (config: ValidConfig, running: ValidConfig) => void;
}

/** Parts of the configuration that a reload applies; of those, options that say `restart` still wait for one. */
const LIVE =
  /^(routes|origins|cache\.memory\.|cache\.disk\.(size|variantsShare)$|log\.level|log\.access\.|admin\.tokens)/;

/** Re-reads the configuration: valid as a whole, or nothing changes. One at a time. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #started: ValidConfig;
  #running: ValidConfig;
  #hash: string | undefined;
  #loadedAtMs: number;
  #last: { readonly atMs: number; readonly report: ReloadReport } | undefined;
  /** Of the file that was taken last: one that is refused takes nothing back. */
  #needsRestart: readonly string[] = [];
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#started = options.config;
    this.#running = options.config;
    this.#hash = options.source?.hash;
    this.#loadedAtMs = options.clock.nowMs();
  }

  /** What runs, and how the last reload went. */
  snapshot(): ConfigSnapshot {
    const { source } = this.#options;
    const last = this.#last;
    return {
      ...(source === undefined ? {} : { file: source.file }),
      ...(this.#hash === undefined ? {} : { hash: this.#hash }),
      loadedAtMs: this.#loadedAtMs,
      lastReloadOk: last?.report.ok ?? true,
      ...(last === undefined ? {} : { lastReloadAtMs: last.atMs }),
      problems: last?.report.problems.length ?? 0,
      needsRestart: this.#needsRestart,
    };
  }

  /**
   * Reads the file again and applies what can change live. Never rejects.
   *
   * @param dryRun only says what would happen.
   */
  reload(dryRun: boolean): Promise<ReloadReport> {
    const turn = this.#busy.then(() => this.#reload(dryRun));
    this.#busy = turn;
    return turn;
  }

  async #reload(dryRun: boolean): Promise<ReloadReport> {
    const { source, clock } = this.#options;
    if (source === undefined) return refused(dryRun, undefined, NO_FILE);
    let report: ReloadReport;
    try {
      report = this.#judge(await source.load(), dryRun);
    } catch (error) {
      report = refused(dryRun, undefined, [fault((error as Error).message)]);
    }
    if (dryRun) return report;
    this.#last = { atMs: clock.nowMs(), report };
    if (report.ok) this.#needsRestart = report.needsRestart;
    this.#tell(report);
    return report;
  }

  #judge(loaded: LoadedConfig, dryRun: boolean): ReloadReport {
    if (!loaded.ok) return refused(dryRun, loaded.hash, loaded.problems);
    const { config, hash, warnings } = loaded;
    const isLive = ({ path, effect }: { path: string; effect: string }): boolean =>
      effect === 'live' && LIVE.test(path);
    const changed = changesBetween(this.#running, config).filter(isLive);
    const needsRestart = changesBetween(this.#started, config).filter((change) => !isLive(change));
    const notes = memoryNotes(this.#running, config, this.#options.tier);
    if (!dryRun) {
      // Said before it happens.
      for (const note of notes) this.#options.log.warn('reload', { note });
      const next = merged(this.#running, config) as ValidConfig;
      try {
        this.#options.apply(next, this.#running);
      } catch (error) {
        return refused(dryRun, hash, [fault((error as Error).message)]);
      }
      this.#running = next;
      this.#hash = hash;
      this.#loadedAtMs = this.#options.clock.nowMs();
    }
    const paths = (changes: readonly { path: string }[]): string[] => changes.map(({ path }) => path);
    return {
      ok: true,
      dryRun,
      hash,
      problems: [],
      warnings,
      changed: paths(changed),
      needsRestart: paths(needsRestart),
      notes,
    };
  }

  #tell(report: ReloadReport): void {
    const { log, source } = this.#options;
    const file = source?.file;
    for (const { line, column, path, reason, remedy } of report.problems)
      log.error('reload refused', { file, line, column, option: path, reason, remedy });
    if (!report.ok) {
      const stays = 'nothing was changed; the node goes on with the last good configuration';
      log.error('the configuration was not reloaded', { file, problems: report.problems.length, stays });
      return;
    }
    const changed = report.changed.join(', ') || 'nothing';
    log.info('the configuration was reloaded', { file, hash: report.hash, changed });
    if (report.needsRestart.length > 0)
      log.warn('changes that take a restart', { file, options: report.needsRestart.join(', ') });
  }
}

const NO_FILE = [
  {
    line: 0,
    column: 0,
    path: '',
    reason: 'the node was started without a configuration file',
    remedy: 'start it with: holdfast serve -c FILE',
  },
];

function fault(reason: string): ToldProblem {
  return { line: 0, column: 0, path: '', reason, remedy: 'mend that, and reload again' };
}

function refused(dryRun: boolean, hash: string | undefined, problems: readonly ToldProblem[]): ReloadReport {
  return { ok: false, dryRun, hash, problems, warnings: [], changed: [], needsRestart: [], notes: [] };
}

/** Of the disk tier only its size and shares change live; the directory is another matter. */
function mergedDisk({ cache: { disk } }: Config, next: Config): Config['cache']['disk'] {
  const wanted = next.cache.disk ?? disk;
  return disk && wanted && { ...disk, sizeBytes: wanted.sizeBytes, variantsShare: wanted.variantsShare };
}

/** The running configuration with the live parts of another. */
function merged(running: Config, next: Config): Config {
  return {
    ...running,
    routes: next.routes,
    origins: next.origins,
    cache: { ...running.cache, memory: next.cache.memory, disk: mergedDisk(running, next) },
    admin: { ...running.admin, tokens: next.admin.tokens },
    log: { ...running.log, level: next.log.level, access: next.log.access },
  };
}

/** A smaller memory evicts: how much is said before, and so is that the file has no say over what an operator set by hand. */
function memoryNotes(running: Config, next: Config, { cache }: MemoryTier): string[] {
  const wanted = next.cache.memory.sizeBytes;
  if (wanted === running.cache.memory.sizeBytes) {
    if (cache.budgetBytes === wanted) return [];
    return [
      `the memory tier has ${formatSize(cache.budgetBytes)}, as set by POST /api/memory; the file says ${formatSize(wanted)}, as before, and leaves it`,
    ];
  }
  const excessBytes = cache.usedBytes - wanted;
  if (excessBytes <= 0) return [];
  const entries = Math.ceil((cache.count * excessBytes) / cache.usedBytes);
  return [
    `the memory tier shrinks from ${formatSize(cache.budgetBytes)} to ${formatSize(wanted)}: about ${formatCount(entries)} responses (${formatSize(excessBytes)}) are evicted`,
  ];
}
