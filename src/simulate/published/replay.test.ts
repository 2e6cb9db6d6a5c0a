import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '../../base/random.ts';
import { beladyMisses } from '../../policy/policy.models.ts';
import { COMPARISON_NAMES, createComparisonModel } from './published.models.ts';
import {
  createPublished,
  PUBLISHED_NAMES,
  type PublishedName,
  type Replayable,
  replay,
  replayPublished,
} from './replay.ts';
import { parseTrace, type Trace, unitSized } from './trace.ts';

/** The requests of a trace, each as a letter and a size: `a10 b20 a10`. */
function traceOf(text: string): Trace {
  const lines = text.split(' ').map((word, i) => `${i},${word[0]},${word.slice(1)}\n`);
  return parseTrace(`time_s,key,size_bytes\n${lines.join('')}`);
}

/** Which requests hit, by their places in the trace. */
function everyHit(trace: Trace, policy: Replayable): number[] {
  const hits: number[] = [];
  trace.keys.forEach((key, i) => {
    if (policy.has(key)) {
      policy.hit(key);
      hits.push(i);
    } else policy.admit(key, key, trace.sizes[i]!, []);
  });
  return hits;
}

/** The letters of the requests that hit. */
function hitsOf(name: PublishedName, text: string, capacityBytes: number): string {
  const trace = traceOf(text);
  const hits = everyHit(trace, createPublished(name, trace, capacityBytes));
  return hits.map((i) => text.split(' ')[i]![0]).join('');
}

/** Skewed requests, some of them for what is never asked for again. A key's size may change from request to request. */
function randomTrace(seed: number, sizeMax: number): Trace {
  const random = seededRandom(seed);
  const [requests, popular] = [1_500, 40];
  let objects = popular;
  const keys = Uint32Array.from({ length: requests }, () =>
    random.next() < 0.1 ? objects++ : Math.floor(random.next() ** 2 * popular),
  );
  const sizeOf = Uint32Array.from({ length: objects }, () => 1 + (random.u32() % sizeMax));
  const sizes = keys.map((key) => (random.next() < 0.05 ? 1 + (random.u32() % sizeMax) : sizeOf[key]!));
  return { objects, keys, sizes };
}

describe.each([...COMPARISON_NAMES])('%s', (name) => {
  test.each([
    ['unit sizes', 1, [1, 2, 5, 12, 30]],
    ['sizes', 50, [10, 49, 100, 300, 700]],
  ] as const)('agrees with its model on every hit: %s', (_, sizeMax, capacities) => {
    for (const capacityBytes of capacities) {
      for (const seed of [1, 2, 3]) {
        const trace = randomTrace(seed, sizeMax);
        const hits = everyHit(trace, createPublished(name, trace, capacityBytes));
        expect(hits).toEqual(everyHit(trace, createComparisonModel(name, trace, capacityBytes)));
        if (capacityBytes > 2) expect(hits.length).toBeGreaterThan(0);
      }
    }
  });
});

describe.each([...PUBLISHED_NAMES])('%s', (name) => {
  test('what is larger than the cache stays out and evicts nobody', () => {
    expect(hitsOf(name, 'a1 b2 c101 a1 b2 c101', 100)).toBe('ab');
    expect(hitsOf(name, 'a1 a1', 0)).toBe('');
  });

  test('what is exactly as large as it may be is admitted', () => {
    const largest = { '2q': 25, 's3-fifo': 9 }[name as string] ?? 100;
    expect(hitsOf(name, `a${largest} a${largest}`, 100)).toBe('a');
    expect(hitsOf(name, `a${largest + 1} a${largest + 1}`, 100)).toBe('');
  });

  test('an empty trace has no misses', () => {
    const empty = { objects: 0, keys: new Uint32Array(0), sizes: new Uint32Array(0) };
    expect(replayPublished(name, empty, 100)).toEqual({ misses: 0, missedBytes: 0 });
  });

  test('with unit sizes misses no less than Belady', () => {
    for (const seed of [1, 2]) {
      const units = unitSized(randomTrace(seed, 1));
      for (const capacity of [3, 10, 25]) {
        const { misses } = replayPublished(name, units, capacity);
        expect(misses).toBeGreaterThanOrEqual(replayPublished('belady', units, capacity).misses);
      }
    }
  });
});

describe('replay', () => {
  test('cold misses count, and missed bytes are those of the requests', () => {
    // a, b miss; a hits; c misses and evicts b; b misses and evicts a and c; d is too large; c misses.
    const trace = traceOf('a10 b20 a11 c15 b21 d99 c15');
    expect(replayPublished('lru', trace, 30)).toEqual({
      misses: 6,
      missedBytes: 10 + 20 + 15 + 21 + 99 + 15,
    });
  });
});

describe('CLOCK', () => {
  test('one bit: any number of hits is one round more', () => {
    expect(hitsOf('clock', 'a1 b1 a1 a1 a1 c1 a1 d1 a1', 2)).toBe('aaaaa');
    expect(hitsOf('clock', 'a1 b1 a1 a1 a1 c1 d1 e1 a1', 2)).toBe('aaa');
  });
});

describe('LFU', () => {
  test('among equals who came to that number first leaves', () => {
    expect(hitsOf('lfu', 'a1 b1 b1 a1 c1 a1 b1', 2)).toBe('baa');
    expect(hitsOf('lfu', 'a1 b1 c1 a1', 2)).toBe('');
  });

  test('forgets what it counted when an object leaves', () => {
    // a has three requests when d, as large as the cache, takes all; then it begins anew and leaves before b.
    expect(hitsOf('lfu', 'a1 a1 a1 d3 b1 b1 a1 c2 a1', 3)).toBe('aab');
  });
});

describe('2Q', () => {
  test('a hit in A1in changes nothing; who left it and comes back is in the LRU queue', () => {
    // A1in holds 1 of 4 by right, and more while there is room.
    expect(hitsOf('2q', 'a1 b1 c1 d1 a1 e1 a1 f1 g1 h1 a1', 4)).toBe('aa');
  });
});

describe('Belady', () => {
  test('misses as few as the best of all choices, by brute force on unit sizes', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = seededRandom(seed);
      const keys = Uint32Array.from({ length: 14 }, () => random.u32() % 6);
      const trace = unitSized({ objects: 6, keys, sizes: keys });
      for (const capacity of [1, 2, 3, 4]) {
        const { misses } = replayPublished('belady', trace, capacity);
        expect(misses).toBe(fewestMisses([...keys], capacity, new Set()));
        expect(misses).toBe(beladyMisses(trace, capacity).misses);
      }
    }
  });
});

/** The fewest misses that any choice of victims leads to, when everything is admitted. */
function fewestMisses(keys: readonly number[], capacity: number, resident: ReadonlySet<number>): number {
  const [key, ...rest] = keys;
  if (key === undefined) return 0;
  if (resident.has(key)) return fewestMisses(rest, capacity, resident);
  if (resident.size < capacity) return 1 + fewestMisses(rest, capacity, new Set([...resident, key]));
  const choices = [...resident].map((victim) =>
    fewestMisses(rest, capacity, new Set([...resident, key].filter((id) => id !== victim))),
  );
  return 1 + Math.min(...choices);
}

interface Golden {
  readonly policy: PublishedName;
  readonly form: 'live' | 'published';
  readonly sizes: 'bytes' | 'unit';
  readonly capacityBytes: number;
  readonly misses: number;
  readonly missedBytes: number;
}

describe('5,000 real requests', () => {
  const folder = join(import.meta.dirname, '../../../test/golden');
  const sized = parseTrace(
    gunzipSync(readFileSync(join(folder, 'calgary_img_5000.csv.gz'))).toString('utf8'),
  );
  const traces = { bytes: sized, unit: unitSized(sized) };
  const goldens = ['policies.json', 'published.json']
    .flatMap((file): Golden[] => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .filter(({ form, policy }) => form === 'published' && PUBLISHED_NAMES.includes(policy));

  test('every name has golden counts', () => {
    expect(new Set(goldens.map(({ policy }) => policy))).toEqual(new Set(PUBLISHED_NAMES));
    expect(goldens.length).toBe(PUBLISHED_NAMES.length * 10);
  });

  test.each(goldens.map((golden) => [golden.policy, golden.capacityBytes, golden.sizes, golden] as const))(
    '%s in %d %s',
    (policy, capacityBytes, sizes, { misses, missedBytes }) => {
      const trace = traces[sizes];
      expect(replayPublished(policy, trace, capacityBytes)).toEqual({ misses, missedBytes });
    },
  );

  test.each([...COMPARISON_NAMES])('the model of %s has them too', (name) => {
    for (const { policy, sizes, capacityBytes, misses, missedBytes } of goldens) {
      if (policy !== name || sizes !== 'unit') continue;
      const model = createComparisonModel(name, traces.unit, capacityBytes);
      expect(replay(traces.unit, model)).toEqual({ misses, missedBytes });
    }
  });
});
