import { describe, expect, test } from 'bun:test';
import { startTestNode } from '../../test/support/node.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { Cache } from '../cache/cache.ts';
import { NONE } from '../cache/entries.ts';
import type { ValidConfig } from '../config/config.ts';
import { validateConfig } from '../config/validate.ts';
import type { Log } from '../monitor/log.ts';
import type { PolicyName } from '../policy/policy.ts';
import { BODY_BYTES, batches, CHARGE_BYTES, twice } from '../simulate/auto/auto.fixture.ts';
import { AutoPolicy } from './auto-policy.ts';
import { MemoryRing } from './traffic/memory-ring.ts';

const ENTRIES = 300;

function configOf(memory: string, origin = 'http://127.0.0.1:1'): ValidConfig {
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
cache: { memory: { size: 4MiB, ${memory} } }
origins: { web: { type: http, url: '${origin}' } }
routes: [{ name: r, origin: web, ttl: { default: 1d } }]
`,
    { file: 'auto.yaml', env: {} },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

/** Lines that a node has logged, by their severity. */
function lines(): { readonly log: Log; readonly told: string[] } {
  const told: string[] = [];
  const note = (level: string) => (message: string, facts?: object) =>
    void told.push(`${level} ${message} ${JSON.stringify(facts)}`);
  return {
    told,
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
  };
}

/** A live cache that is asked for what is recorded, and a tournament beside it. */
class Beside {
  readonly cache: Cache;
  readonly auto: AutoPolicy;
  readonly told: string[];
  hits = 0;

  constructor(policy: PolicyName, memory = 'policy: auto') {
    const { log, told } = lines();
    this.told = told;
    this.cache = new Cache({
      budgetBytes: ENTRIES * CHARGE_BYTES,
      minChargeBytes: 132,
      policy,
      routes: 1,
      ghosts: 0,
      bytes: { sameKey: () => true, chargeOf: () => CHARGE_BYTES - 144, drop: () => undefined },
    });
    this.auto = new AutoPolicy({ config: configOf(memory), cache: this.cache, log, nowS: () => 1 });
  }

  feed(keys: readonly number[], fromS = 0): void {
    for (const batch of batches(keys, fromS)) {
      for (let at = 0; at < batch.count; at += 1) this.#request(batch.keyLo[at]!, batch.keyHi[at]!);
      this.auto.onBatch(batch);
    }
  }

  #request(lo: number, hi: number): void {
    const found = this.cache.find({ lo, hi });
    if (found !== NONE) {
      this.cache.hit(found);
      this.hits += 1;
      return;
    }
    const facts = {
      ...{ route: 0, chargeBytes: CHARGE_BYTES - 144, recordBytes: BODY_BYTES, keyBytes: 1, headBytes: 1 },
      ...{ status: 200, bornS: 1, freshUntilS: 2, revalidateUntilS: 2, errorUntilS: 2, flags: 0 },
    };
    const slot = this.cache.admit({ lo, hi }, facts, 1);
    if (slot !== NONE) this.cache.publish(slot, { lo, hi });
  }
}

describe('policy auto', () => {
  test('changes the policy of the live cache, keeps what is there, and says why', () => {
    const node = new Beside('greedy-dual');
    let before: number[] = [];
    const { switchPolicy } = node.cache;
    node.cache.switchPolicy = (...args) => {
      before = [...node.cache.entries.slots()];
      switchPolicy.apply(node.cache, args);
      expect([...node.cache.entries.slots()]).toEqual(before);
    };
    node.feed(twice(20_000, 100));
    expect(before).toHaveLength(ENTRIES);
    expect(node.cache.policy).toBe('s3-fifo');
    const { decisions, switches, serving, policies } = node.auto.snapshot()!;
    expect([switches, serving, decisions.length]).toEqual([1, 's3-fifo', 1]);
    expect(decisions[0]).toMatchObject({ from: 'greedy-dual', to: 's3-fifo', windows: 4, rate: 1 });
    expect(policies.find(({ policy }) => policy === 'lru')!.missRatio).toBeCloseTo(0.5, 1);
    const { from, to, reason } = decisions[0]!;
    expect(node.told).toEqual([
      `info the eviction policy was changed ${JSON.stringify({ from, to, reason })}`,
    ]);
    // As good as it was said to be.
    const hits = node.hits;
    node.feed(
      twice(20_000, 100).map((key) => key + 50_000),
      200,
    );
    expect((node.hits - hits) / 20_000).toBeGreaterThan(0.45);
    node.cache.check();
  });

  test('follows a change of the size of memory', () => {
    const node = new Beside('s3-fifo');
    node.feed(twice(5_000, 100));
    expect(node.auto.snapshot()!.capacityBytes).toBe(ENTRIES * CHARGE_BYTES);
    node.cache.resize(2 * ENTRIES * CHARGE_BYTES, 1);
    node.feed([1], 50);
    expect(node.auto.snapshot()).toMatchObject({ capacityBytes: 2 * ENTRIES * CHARGE_BYTES, windows: 0 });
  });

  test('takes nothing where a policy is named, and begins and ends with a reload', () => {
    const node = new Beside('greedy-dual', 'policy: greedy-dual');
    node.feed(twice(10_000, 100));
    expect([node.auto.snapshot(), node.cache.policy]).toEqual([undefined, 'greedy-dual']);
    node.auto.configure(configOf('policy: auto'));
    node.feed(twice(10_000, 100), 100);
    expect(node.cache.policy).toBe('s3-fifo');
    // Somebody sets a policy by hand: a reload of the same file does not undo that.
    node.auto.choose(false);
    node.auto.configure(configOf('policy: auto'));
    expect(node.auto.snapshot()).toBeUndefined();
    node.auto.configure(configOf('policy: lru'));
    node.auto.configure(configOf('policy: auto'));
    expect(node.auto.snapshot()).toMatchObject({ serving: 's3-fifo', switches: 1 });
  });

  test('remembers the latest decisions, and no more', () => {
    const node = new Beside('greedy-dual');
    for (let round = 0; round < 22; round += 1) {
      node.cache.switchPolicy('greedy-dual', 1);
      node.auto.choose(true);
      node.feed(
        twice(3_000, 100).map((key) => key + round * 10_000),
        round * 30,
      );
    }
    const { switches, decisions } = node.auto.snapshot()!;
    expect([switches, decisions.length]).toEqual([22, 20]);
    const times = decisions.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });
});

describe('a node with policy auto', () => {
  test('chooses by what clients ask for; the admin port tells, and can take over', async () => {
    const origin = startOriginServer({ bodyBytes: () => 100_000 });
    const clock = virtualClock();
    const { log, told } = lines();
    const traffic = { ring: new MemoryRing(2 ** 20, 3_600_000), path: undefined, paths: false };
    const node = startTestNode(configOf('policy: auto, minResidency: 0s', origin.url), [], {
      traffic,
      clock,
      log,
    });
    const headers = { authorization: 'Bearer a-token-for-tests' };
    const report = async () => (await fetch(`${node.adminUrl}/api/policy`, { headers })).json();
    const change = (policy: string, more = {}) => {
      const body = JSON.stringify({ policy, ...more });
      return fetch(`${node.adminUrl}/api/memory`, { method: 'POST', headers, body });
    };
    expect(await report()).toMatchObject({ policy: 'greedy-dual', auto: { switches: 0, policies: [] } });
    // 4 MiB hold some 40 of them, and each is asked for again after 12 others.
    for (const key of twice(2_400, 12)) {
      const answer = await fetch(`${node.url}/${key}.jpg`);
      await answer.arrayBuffer();
      clock.advance(20);
    }
    clock.advance(2_000);
    const { policy, auto } = (await report()) as { policy: string; auto: { decisions: object[] } };
    expect(auto.decisions).toHaveLength(1);
    expect(auto.decisions[0]).toMatchObject({ from: 'greedy-dual', to: policy });
    expect(node.tier.cache.policy as string).toBe(policy);
    expect(node.tier.cache.count).toBeGreaterThan(30);
    expect(told.filter((line) => line.startsWith('info the eviction policy was changed'))).toHaveLength(1);
    const metrics = await (await fetch(`${node.adminUrl}/metrics`, { headers })).text();
    expect(metrics).toContain('holdfast_policy_switches_total 1\n');
    expect(metrics).toMatch(/holdfast_policy_miss_ratio\{policy="lru"\} 0\.\d+\n/);

    expect(await (await change('sieve')).json()).toMatchObject({ policy: 'sieve' });
    expect(await report()).toEqual({ policy: 'sieve' });
    expect(await (await change('auto', { favour: 'bytes' })).json()).toMatchObject({ policy: 'sieve' });
    expect(await report()).toMatchObject({
      policy: 'sieve',
      auto: { serving: 'sieve', switches: 1, favour: 'bytes' },
    });
    await node.stop(0);
    await origin.stop();
    expect(told.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('that records nothing says that it cannot choose, and serves', async () => {
    const { log, told } = lines();
    const node = startTestNode(configOf('policy: auto'), [], { log });
    const headers = { authorization: 'Bearer a-token-for-tests' };
    expect(told.join()).toContain('warn the policy stays as it is: auto needs recorded requests');
    expect(node.tier.cache.policy).toBe('greedy-dual');
    const init = { method: 'POST', headers, body: '{"policy": "auto"}' };
    const answer = await fetch(`${node.adminUrl}/api/memory`, init);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { message: 'Nothing was changed: the policy auto needs traffic.record, which is false.' },
    });
    await node.stop(0);
  });
});
