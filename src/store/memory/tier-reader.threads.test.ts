import { expect, test } from 'bun:test';
import { Worker } from 'node:worker_threads';
import { seededRandom } from '../../base/random.ts';
import { MemoryTier } from './tier.ts';
import { purge, refresh, store } from './tier-reader.fixture.ts';
import type { ReadOrders, ReadReport } from './tier-reader.worker.fixture.ts';

const KEYS = 60;
const READS = Number(process.env['TIER_READS'] ?? 400_000);

/** Two threads that read and one that changes everything as fast as it can, in memory for a third of the keys. */
test(
  `${READS} reads by each of two threads, under churn, are all what was stored`,
  async () => {
    const random = seededRandom(3);
    const below = (n: number): number => random.u32() % n;
    const threads: Worker[] = [];
    const tier = new MemoryTier({
      budgetBytes: 30_000,
      policy: 's3-fifo',
      routes: 1,
      ghosts: 10,
      hashKey: { k0: 1, k1: 2 },
      segmentBytes: 4096,
      onLayout: (layout) => {
        for (const thread of threads) thread.postMessage(layout);
      },
    });
    const reports = [11, 12].map((seed) => {
      const thread = new Worker(new URL('./tier-reader.worker.fixture.ts', import.meta.url));
      const { promise, resolve, reject } = Promise.withResolvers<ReadReport>();
      thread.on('message', resolve);
      thread.on('error', reject);
      thread.postMessage({
        share: tier.share(),
        own: tier.readers!.add(),
        seed,
        keys: KEYS,
        reads: READS,
      } satisfies ReadOrders);
      threads.push(thread);
      return promise;
    });
    let running = true;
    const done = Promise.all(reports).finally(() => {
      running = false;
    });
    let changes = 0;
    for (let version = 0; running; version += 1) {
      const key = below(KEYS);
      const kind = below(1_000);
      if (kind < 700) store(tier, key, version, 1 + below(3_000));
      else if (kind < 800) purge(tier, key);
      else if (kind < 950) refresh(tier, key);
      else if (kind < 990) tier.maintain(0);
      else tier.resize(10_000 + below(40_000), 0);
      changes += 1;
      if (version % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const [a, b] = await done;
    for (const thread of threads) await thread.terminate();
    expect([...a!.wrong, ...b!.wrong]).toEqual([]);
    expect(a!.found + b!.found).toBeGreaterThan(1_000);
    expect(changes).toBeGreaterThan(1_000);
    expect(tier.readers!.pins).toBe(0);
    tier.cache.catchUp();
    while (tier.maintain(0));
    tier.check();
    for (const slot of tier.cache.entries.slots()) expect(tier.cache.visible(slot)).toBe(true);
  },
  { timeout: 60_000 },
);
