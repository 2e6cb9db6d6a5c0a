import { drainMicrotasks } from 'bun:jsc';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { NONE } from '../../src/cache/entries.ts';
import { startingPolicy } from '../../src/config/complete.ts';
import { validateConfig } from '../../src/config/validate.ts';
import { Fields } from '../../src/http/fields.ts';
import { Recorder } from '../../src/monitor/recorder.ts';
import { OriginGuard } from '../../src/origin/guard/guard.ts';
import { ORIGIN_FAILURES } from '../../src/origin/origin.ts';
import { Routes } from '../../src/serve/1-route.ts';
import { Ledger } from '../../src/serve/ledger.ts';
import { RequestPath } from '../../src/serve/request.ts';
import { networkGuard, originsByRoute } from '../../src/server/guards.ts';
import { findKey } from '../../src/store/disk/disk.ts';
import { openDiskTier } from '../../src/store/disk/open.ts';
import type { LogDiskTier } from '../../src/store/disk/tier.ts';
import { MemoryTier } from '../../src/store/memory/tier.ts';
import { type VirtualClock, virtualClock } from '../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../test/support/virtual-disk.ts';
import { Client, type Received } from './client.ts';
import { OutageOrigin } from './origin.ts';

/** Everything by its default. */
const CONFIG = `
version: 1
origins:
  o: { type: http, url: "http://127.0.0.1:9" }
routes:
  - name: r
    origin: o
`;
/** Longest time of an operation of the disk. */
const DISK_MS = 4;
const SEGMENTS = 16;

export interface OutageNodeOptions {
  readonly memoryBytes: number;
  /** 0 for none. */
  readonly diskBytes: number;
  readonly sizeOf: (target: string) => number;
  readonly largestBytes: number;
}

/** The parts of a node in virtual time, with a configuration of defaults. */
export class OutageNode {
  readonly clock: VirtualClock = virtualClock(undefined, drainMicrotasks);
  readonly origin: OutageOrigin;
  readonly tier: MemoryTier;
  readonly path: RequestPath;
  readonly #disk: LogDiskTier | undefined;
  readonly #random: Random = seededRandom(1);

  /** @throws Error when a part of it cannot start. */
  static async start(options: OutageNodeOptions): Promise<OutageNode> {
    const node = new OutageNode(options, undefined);
    return options.diskBytes === 0 ? node : new OutageNode(options, await openDisk(node, options));
  }

  private constructor(options: OutageNodeOptions, opened: Opened | undefined) {
    if (opened !== undefined) this.clock = opened.clock;
    const { clock } = this;
    this.#disk = opened?.disk;
    const result = validateConfig(CONFIG, { file: 'outage.yaml', env: {} });
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    const { config } = result;
    const recorder = new Recorder({ routes: ['r'], origins: ['o'], causes: ORIGIN_FAILURES });
    this.origin = new OutageOrigin(clock, options.sizeOf, options.largestBytes);
    const origin = config.origins['o']!;
    if (origin.type !== 'http') throw new Error('the origin is an http origin');
    const events = {
      exchanged: () => undefined,
      failed: () => undefined,
      queued: () => undefined,
      circuit: () => undefined,
      health: () => undefined,
    };
    const random = this.#random;
    const guard = new OriginGuard(this.origin, networkGuard(origin), { clock, random, events });
    this.tier = new MemoryTier({
      budgetBytes: options.memoryBytes,
      segmentBytes: 2 ** 20,
      policy: startingPolicy(config.cache.memory),
      ghosts: 100_000,
      routes: 1,
      hashKey: { k0: 1, k1: 2 },
      below: this.#disk,
    });
    this.path = new RequestPath({
      routes: new Routes(config, [this.origin], originsByRoute(config, [guard], clock, random)),
      tier: this.tier,
      ledger: new Ledger(recorder, clock, undefined),
      clock,
      spoolBytesMax: options.memoryBytes / 8,
      fetchesMax: config.server.maxFetches,
      onFault: (error) => {
        throw error;
      },
    });
  }

  /** True when the image is in memory or on disk. */
  has(target: string): boolean {
    const key = `r ${target}`;
    if (this.tier.findKey(key) !== NONE) return true;
    const bytes = Buffer.from(key, 'latin1');
    return this.#disk !== undefined && findKey(this.#disk, bytes) !== NONE;
  }

  ask(target: string, onDone: (received: Received) => void): void {
    const client = new Client(() => this.clock.monotonicMs(), onDone);
    const receivedMs = this.clock.monotonicMs();
    const request = { method: 'GET', target, host: 'img.example', fields: new Fields() };
    this.path.handle({ ...request, client: '127.0.0.1', receivedMs }, client);
  }
}

interface Opened {
  readonly clock: VirtualClock;
  readonly disk: LogDiskTier;
}

async function openDisk({ clock }: OutageNode, { diskBytes }: OutageNodeOptions): Promise<Opened> {
  const opening = openDiskTier({
    files: new VirtualDisk(clock, seededRandom(2), { latencyMs: DISK_MS }).mount(),
    path: '/disk',
    clock,
    newHashKey: { k0: 3, k1: 4 },
    budgetBytes: diskBytes,
    segmentBytes: Math.floor(diskBytes / SEGMENTS),
    objectBytesMax: diskBytes,
    minFreeBytes: 0,
    minFreeInodes: 0,
    minResidencyS: 0,
    requireMount: false,
    routes: ['r'],
  });
  clock.advance(10_000);
  return { clock, disk: await opening };
}
