import type { PolicyName } from '../../src/policy/policy.ts';
import type { Curve } from '../../src/simulate/curves/curve.ts';
import { LIVE_RULES, PUBLISHED_RULES } from '../../src/simulate/curves/curve.ts';
import { LiveCurve } from '../../src/simulate/curves/live.ts';
import { miniatureCurve } from '../../src/simulate/curves/miniature.ts';
import { ReuseSample } from '../../src/simulate/curves/reuse.ts';
import { exactCurve } from '../../src/simulate/curves/stack.ts';
import { replayPublished } from '../../src/simulate/published/replay.ts';
import { placeOf, thresholdOf } from '../../src/traffic/sample.ts';
import { table } from '../support/markdown.ts';
import { readTrace, tracesDir } from '../support/traces.ts';
import { errorsOf, mean, unadjusted } from './curve-errors.ts';
import { type CurveTraffic, madeTraffic, recordedTraffic, salted } from './curve-traffic.ts';
import type { Section, SectionOptions, SectionResult } from './section.ts';

/** Miss-ratio curves of samples against exact ones, and what they cost. About two minutes and 1.5 GB. */
export const curves: Section = { title: 'Miss-ratio curves', run };

const SALTS = [1, 2, 3, 4, 5, 6, 7, 8];
/** Of the bytes of all objects: ten sizes below a hundredth of them, and 21 from there to all. */
const SHARES = Array.from({ length: 31 }, (_, at) => 10 ** (-3 + at / 10));
const SMALL = 10;
/** What the issue of curves asks for. */
const ERROR_MAX = 0.01;
const SAMPLES: readonly Sample[] = [
  { rate: 0.01 },
  { rate: 0.03 },
  { rate: 0.1 },
  { keysMax: 8_192 },
  { keysMax: 16_384 },
  { keysMax: 32_768 },
];

interface Sample {
  readonly rate?: number;
  readonly keysMax?: number;
  /** Errors above {@link ERROR_MAX} are a fault: the rate is one that a recorder chooses. */
  readonly isHeld?: boolean;
}

function run(options: SectionOptions): SectionResult {
  const dir = tracesDir(options.traces);
  const names = ['calgary_img', 'nasa_19950801', 'web12'];
  const recorded = names.map((name) => recordedTraffic(dir, name));
  const traffics = [
    ...recorded,
    madeTraffic('made', { requests: 1.5e6, images: 300_000, zipf: 0.85, onceShare: 0.15 }, 3),
    madeTraffic('made, flat', { requests: 1e6, images: 200_000, zipf: 0.7, onceShare: 0.3 }, 4),
    madeTraffic('made, steep', { requests: 2e6, images: 100_000, zipf: 1, onceShare: 0.05 }, 5),
  ];
  const results = [
    sampling(traffics),
    miniatures(traffics.slice(2)),
    live(traffics[3]!),
    replays(dir, names.slice(0, 2), recorded),
    lifetimes(),
  ];
  return {
    markdown: results.map(({ markdown }) => markdown).join('\n\n'),
    passed: results.every(({ passed }) => passed),
  };
}

function sampling(traffics: readonly CurveTraffic[]): SectionResult {
  const lines: string[][] = [];
  let passed = true;
  const compare = (traffic: CurveTraffic, samples: readonly Sample[]): void => {
    const truth = timed(() => exactSizes(traffic));
    lines.push([
      `${traffic.name}, exact`,
      count(truth.value.keys),
      ...Array<string>(8).fill(''),
      nsPer(truth.ms / 2, traffic),
      '',
    ]);
    for (const sample of samples) {
      const { cells, isWithin } = sampledRow(traffic, truth.value, sample);
      passed = passed && (isWithin || sample.isHeld !== true);
      lines.push(cells);
    }
  };
  for (const traffic of traffics) {
    // A site of this size is recorded whole; then the only bound is that on the keys of a live curve.
    const isMade = traffic.name.startsWith('made');
    compare(
      traffic,
      SAMPLES.map((sample) => ({
        ...sample,
        isHeld: isMade ? sample.rate === 0.1 : sample.keysMax !== undefined,
      })),
    );
  }
  const large = { requests: 10e6, images: 1.5e6, zipf: 0.85, onceShare: 0.15 };
  compare(madeTraffic('made, large', large, 6), [{ rate: 0.1, isHeld: true }, { keysMax: 16_384 }]);
  return {
    passed,
    markdown: [
      '### Samples against all keys',
      `Least recently used, charges of the memory tier, ${SALTS.length} samples of each kind. Errors are absolute, in points of the miss ratio: means over 21 sizes from 1 % to all of the bytes of all objects, requests / bytes; the worst of them; and the means over ten sizes from 0.1 % to 1 %. \`plain\` is without the correction by totals. A record of up to ten million requests a day is not sampled at all (error 0); at a hundred million the recorder takes about a tenth of the keys.`,
      table(
        [
          'traffic, sample',
          'keys',
          'plain',
          '',
          'adjusted',
          '',
          'worst',
          '',
          'small sizes',
          '',
          'ns per request',
          'KiB',
        ],
        lines,
      ),
    ].join('\n\n'),
  };
}

function exactSizes({ batches }: CurveTraffic): Curve {
  const { uniqueBytes } = exactCurve(batches);
  return exactCurve(batches, { sizesBytes: SHARES.map((share) => share * uniqueBytes) });
}

function sampledRow(
  traffic: CurveTraffic,
  exact: Curve,
  { rate = 1, keysMax = Number.POSITIVE_INFINITY }: Sample,
): { readonly cells: string[]; readonly isWithin: boolean } {
  const adjusted: Curve[] = [];
  const plain: Curve[] = [];
  const ms: number[] = [];
  let memoryBytes = 0;
  for (const salt of SALTS) {
    const batches = salted(traffic, salt);
    const sample = new ReuseSample({ rules: LIVE_RULES, sizesBytes: exact.sizesBytes, rate, keysMax });
    const { ms: took } = timed(() => {
      for (const batch of batches) sample.observe(batch);
    });
    const curve = sample.curve();
    ms.push(took);
    adjusted.push(curve);
    if (keysMax === Number.POSITIVE_INFINITY) plain.push(plainOf(curve, batches));
    memoryBytes = Math.max(memoryBytes, sample.memoryBytes);
  }
  const errors = errorsOf(exact, adjusted, SMALL);
  const small = errorsOf(exact, adjusted, 0, SMALL);
  const uncorrected = errorsOf(exact, plain, SMALL);
  const isPlain = plain.length > 0;
  const name = keysMax === Number.POSITIVE_INFINITY ? `${rate * 100} %` : `${count(keysMax)} keys`;
  return {
    isWithin: errors.meanObject <= ERROR_MAX && errors.meanByte <= ERROR_MAX,
    cells: [
      `${traffic.name}, ${name}`,
      count(mean(adjusted.map(({ keys }) => keys))),
      isPlain ? points(uncorrected.meanObject) : '',
      isPlain ? points(uncorrected.meanByte) : '',
      points(errors.meanObject),
      points(errors.meanByte),
      points(errors.worstObject),
      points(errors.worstByte),
      points(small.meanObject),
      points(small.meanByte),
      nsPer(Math.min(...ms), traffic),
      count(memoryBytes / 1024),
    ],
  };
}

function plainOf(curve: Curve, batches: CurveTraffic['batches']): Curve {
  const threshold = thresholdOf(curve.rate);
  let requests = 0;
  let bytes = 0;
  for (const { count: rows, keyHi, bodyBytes } of batches) {
    for (let row = 0; row < rows; row += 1) {
      if (placeOf(keyHi[row]!) >= threshold) continue;
      requests += 1;
      bytes += bodyBytes[row]!;
    }
  }
  return unadjusted(curve, requests, bytes);
}

const MINIATURE_SHARES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

function miniatures(traffics: readonly CurveTraffic[]): SectionResult {
  const policies: readonly PolicyName[] = ['lru', 's3-fifo', 'gdsf'];
  const lines = traffics.flatMap((traffic) => {
    const { uniqueBytes } = exactCurve(traffic.batches);
    const sizesBytes = MINIATURE_SHARES.map((share) => Math.floor(share * uniqueBytes));
    return policies.flatMap((policy) => {
      const options = { policy, sizesBytes, miniatureBytesMin: 1 };
      const exact = timed(() => miniatureCurve(traffic.batches, options));
      return [0.03, 0.1].map((rate) => {
        const runs = SALTS.slice(0, 5).map((salt) => {
          const batches = salted(traffic, salt);
          return timed(() => miniatureCurve(batches, { ...options, rate }));
        });
        const errors = errorsOf(
          exact.value,
          runs.map(({ value }) => value),
        );
        return [
          `${traffic.name}, ${policy}, ${rate * 100} %`,
          points(errors.meanObject),
          points(errors.meanByte),
          points(errors.worstObject),
          points(errors.worstByte),
          nsPer(Math.min(...runs.map(({ ms }) => ms)), traffic),
          nsPer(exact.ms, traffic),
        ];
      });
    });
  });
  const sizes = MINIATURE_SHARES.map((share) => share * 100).join(', ');
  return {
    passed: true,
    markdown: [
      '### Miniatures against replays',
      `Six caches (${sizes} % of the bytes of all objects) in one pass, five samples of each; the replay is the same with all keys.`,
      table(
        [
          'traffic, policy, keys',
          'mean',
          'bytes',
          'worst',
          'bytes',
          'ns per request',
          'ns per request of the replay',
        ],
        lines,
      ),
    ].join('\n\n'),
  };
}

function live(traffic: CurveTraffic): SectionResult {
  const small = madeTraffic('made', { requests: 1e6, images: 12_000, zipf: 0.85, onceShare: 0 }, 3);
  const results = [small, traffic].map((each) => {
    let kib = 0;
    const ns = [1, 2, 3].map(() => {
      const curve = new LiveCurve();
      const { ms } = timed(() => {
        for (const batch of each.batches) curve.onBatch(batch);
      });
      kib = curve.memoryBytes / 1024;
      return (ms * 1e6) / each.requests;
    });
    return { ns: Math.min(...ns), kib, each };
  });
  const cpuShare = (ns: number): number => (ns * 10_000) / 1e9;
  return {
    passed: results.every(({ ns }) => cpuShare(ns) <= 0.01),
    markdown: [
      '### On a running node',
      'What the live curve takes of a core at 10,000 requests a second: with a catalogue that it follows whole, and with one that it samples.',
      table(
        ['keys asked for', 'ns per request', '% of a core', 'KiB'],
        results.map(({ ns, kib, each }) => [
          count(exactCurve(each.batches).keys),
          ns.toFixed(0),
          (cpuShare(ns) * 100).toFixed(2),
          count(kib),
        ]),
      ),
    ].join('\n\n'),
  };
}

/** The exact curve beside replays of a cache of one size. */
function replays(dir: string, names: readonly string[], recorded: readonly CurveTraffic[]): SectionResult {
  const shares = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
  let passed = true;
  const lines = names.flatMap((name, at) => {
    const trace = readTrace(dir, name);
    const rules = PUBLISHED_RULES;
    const { uniqueBytes } = exactCurve(recorded[at]!.batches, { rules });
    const sizesBytes = shares.map((share) => Math.floor(share * uniqueBytes));
    const curve = exactCurve(recorded[at]!.batches, { rules, sizesBytes });
    const largest = trace.sizes.reduce((most, size) => Math.max(most, size), 0);
    return sizesBytes.map((size, i) => {
      const { misses } = replayPublished('lru', trace, size);
      const counted = Math.round(curve.objectMissRatio[i]! * trace.keys.length);
      if (size >= largest && counted !== misses) passed = false;
      const refused = trace.sizes.reduce((sum, each) => sum + (each > size ? 1 : 0), 0);
      return [`${name}, ${shares[i]! * 100} %`, count(misses), count(counted), count(refused)];
    });
  });
  return {
    passed,
    markdown: [
      '### The exact curve against replays',
      'Misses, published conventions. They are equal from the size of the largest object on; below it a replay refuses what is larger than itself.',
      table(['trace, size', 'replay', 'curve', 'requests for what is larger'], lines),
    ].join('\n\n'),
  };
}

/** What one lifetime for all sizes is worth, where many responses come to their end. */
function lifetimes(): SectionResult {
  const lines = [[60], [300], [60, 600]].map((lifetimesS) => {
    const making = { requests: 1.5e6, images: 100_000, zipf: 0.85, onceShare: 0.15, lifetimesS };
    const { batches } = madeTraffic('made', making, 7);
    const { uniqueBytes } = exactCurve(batches);
    const sizesBytes = MINIATURE_SHARES.map((share) => Math.floor(share * uniqueBytes));
    const curve = exactCurve(batches, { sizesBytes });
    const replay = miniatureCurve(batches, { policy: 'lru', sizesBytes });
    return [
      lifetimesS.join(' and '),
      ...replay.objectMissRatio.map(
        (ratio, at) => `${points(ratio)} / ${points(curve.objectMissRatio[at]!)}`,
      ),
    ];
  });
  return {
    passed: true,
    markdown: [
      '### Lifetimes',
      'Requests that missed in percent, 1,500 s of made traffic: a replay / the exact curve, which knows one lifetime for all sizes.',
      table(['lifetimes in s', ...MINIATURE_SHARES.map((share) => `${share * 100} %`)], lines),
    ].join('\n\n'),
  };
}

function timed<T>(work: () => T): { readonly value: T; readonly ms: number } {
  const begin = performance.now();
  const value = work();
  return { value, ms: performance.now() - begin };
}

const points = (ratio: number): string => (100 * ratio).toFixed(2);
const count = (value: number): string => Math.round(value).toLocaleString('en');
const nsPer = (ms: number, { requests }: CurveTraffic): string => ((ms * 1e6) / requests).toFixed(0);
