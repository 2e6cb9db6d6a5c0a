import { createPolicy } from '../../src/policy/create.ts';
import type { EvictionPolicy } from '../../src/policy/policy.ts';
import { replay } from '../../src/simulate/published/replay.ts';
import { type Trace, unitSized } from '../../src/simulate/published/trace.ts';
import { table } from './markdown.ts';
import { type ReferenceRow, readReference, readTrace } from './traces.ts';

/**
 * The goal of the default policy, under the conventions of published simulators: at no size worse than LRU by more than half a
 * point in misses or missed bytes, and the fewest misses of all policies of the reference at no more missed bytes than LRU.
 */

/** A trace at one size: what a policy is tried on. */
interface Trial {
  readonly name: string;
  readonly trace: Trace;
  readonly fraction: number;
  readonly capacityBytes: number;
  readonly kind: Kind;
}

/** Traces that the reference has with sizes, the one that has none, those with every size set to 1, and the one it does not have. */
type Kind = 'sized' | 'web12' | 'unit' | 'raw';

/** Percent of the requests, and of their bytes. */
interface Ratios {
  readonly misses: number;
  readonly bytes: number;
}

type Make = (options: {
  readonly capacityBytes: number;
  readonly isPinned: () => boolean;
  readonly slots: number;
}) => EvictionPolicy;

const WEIGHTS = [0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 100];

const OURS: readonly (readonly [string, Make])[] = [
  ['greedy-dual, requests', (options) => createPolicy('greedy-dual', { ...options, favour: 'requests' })],
  ['greedy-dual, balanced', (options) => createPolicy('greedy-dual', options)],
  ['greedy-dual, bytes', (options) => createPolicy('greedy-dual', { ...options, favour: 'bytes' })],
  ['s3-fifo, live form', (options) => createPolicy('s3-fifo', options)],
  ['w-tinylfu', (options) => createPolicy('w-tinylfu', options)],
];

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value: number): string => value.toFixed(2);
const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(1)}`;

/** Bytes of all objects, each once, of the size that it was asked for with last. */
function uniqueBytes({ objects, keys, sizes }: Trace): number {
  const last = new Uint32Array(objects);
  keys.forEach((key, i) => {
    last[key] = sizes[i]!;
  });
  return last.reduce((sum, size) => sum + size, 0);
}

function trialsOf(dir: string, reference: readonly ReferenceRow[]): Trial[] {
  const trials: Trial[] = [];
  const lru = reference.filter(({ policy }) => policy === 'LRU');
  const fractions = [...new Set(lru.map(({ fraction }) => fraction))].sort((a, b) => a - b);
  for (const name of new Set(lru.map((row) => row.trace))) {
    const sized = readTrace(dir, name);
    const forms = { true: sized, false: unitSized(sized) };
    for (const { trace, sized: isSized, fraction, capacityBytes } of lru) {
      if (trace !== name) continue;
      const kind = name === 'web12' ? 'web12' : isSized ? 'sized' : 'unit';
      trials.push({ name, trace: forms[`${isSized}`], fraction, capacityBytes, kind });
    }
  }
  const raw = readTrace(dir, 'calgary_img_raw');
  for (const fraction of fractions) {
    const capacityBytes = Math.floor(uniqueBytes(raw) * fraction);
    trials.push({ name: 'calgary_img_raw', trace: raw, fraction, capacityBytes, kind: 'raw' });
  }
  const order = (kind: Kind): number => ['sized', 'raw', 'web12', 'unit'].indexOf(kind);
  return trials.sort(
    (a, b) => order(a.kind) - order(b.kind) || a.name.localeCompare(b.name) || a.fraction - b.fraction,
  );
}

function tried({ trace, capacityBytes }: Trial, make: Make): Ratios {
  const policy = make({ capacityBytes, isPinned: () => false, slots: trace.objects });
  const { misses, missedBytes } = replay(trace, policy);
  const bytes = trace.sizes.reduce((sum, size) => sum + size, 0);
  return { misses: (100 * misses) / trace.keys.length, bytes: (100 * missedBytes) / bytes };
}

/** Means of some trials, and how far above LRU the worst of them is. */
function summed(
  trials: readonly Trial[],
  of: (trial: Trial) => Ratios,
  lru: (trial: Trial) => Ratios,
): string[] {
  const above = (what: keyof Ratios): number =>
    Math.max(...trials.map((trial) => of(trial)[what] - lru(trial)[what]));
  return [
    ...(['misses', 'bytes'] as const).map((what) => percent(mean(trials.map((trial) => of(trial)[what])))),
    ...(['misses', 'bytes'] as const).map((what) => signed(above(what))),
  ];
}

const SUMS = ['misses', 'bytes', 'worst, misses', 'worst, bytes'] as const;

/** The three tables, as Markdown. Some 10 s. */
export function compareWithGoal(dir: string): string {
  const reference = readReference(dir);
  const trials = trialsOf(dir, reference);
  const lruOf = new Map(
    trials.map((trial) => [trial, tried(trial, (options) => createPolicy('lru', options))]),
  );
  const lru = (trial: Trial): Ratios => lruOf.get(trial)!;
  const results = OURS.map(([name, make]) => {
    const ratios = new Map(trials.map((trial) => [trial, tried(trial, make)]));
    return { name, of: (trial: Trial): Ratios => ratios.get(trial)! };
  });
  return [
    '### The default against LRU',
    'Misses / missed bytes in percent under published conventions (every request counts, nothing but the size is charged), and how far `balanced` is above LRU, in points. Traces marked 1: every object counts 1.',
    againstLru(trials, results, lru),
    '### Against the policies of the reference',
    'Means over the two traces with sizes of the reference at six sizes each, and over web12, whose objects count 1. *Worst*: points above LRU, in the row where that is most. Belady and BeladySize know the future; capitals are the reference simulator’s figures.',
    againstReference(reference, trials, results, lru),
    '### Requests against bytes',
    'What `greedy-dual` does by the weight of bytes in the cost of a miss: `cache.memory.favour` is 0 (requests), 1 (balanced) or 10 (bytes). The same means.',
    tradeOff(trials, lru),
  ].join('\n\n');
}

type Result = { readonly name: string; readonly of: (trial: Trial) => Ratios };

function againstLru(trials: readonly Trial[], results: readonly Result[], lru: Result['of']): string {
  const sides = results.slice(0, 3);
  const both = ({ misses, bytes }: Ratios): string => `${misses.toFixed(1)} / ${bytes.toFixed(1)}`;
  const rows = trials.map((trial) => {
    const balanced = sides[1]!.of(trial);
    return [
      `${trial.name}${trial.kind === 'unit' || trial.kind === 'web12' ? ' (1)' : ''}, ${trial.fraction * 100} %`,
      both(lru(trial)),
      ...sides.map(({ of }) => both(of(trial))),
      `${signed(balanced.misses - lru(trial).misses)} / ${signed(balanced.bytes - lru(trial).bytes)}`,
    ];
  });
  return table(['trace, size', 'lru', 'requests', 'balanced', 'bytes', 'above LRU'], rows);
}

function againstReference(
  reference: readonly ReferenceRow[],
  trials: readonly Trial[],
  results: readonly Result[],
  lru: Result['of'],
): string {
  const sized = trials.filter(({ kind }) => kind === 'sized');
  const web = trials.filter(({ kind }) => kind === 'web12');
  const theirs = [...new Set(reference.map(({ policy }) => policy))].map((policy) => {
    const of = (trial: Trial): Ratios => {
      const row = reference.find(
        (each) =>
          each.policy === policy &&
          each.trace === trial.name &&
          each.fraction === trial.fraction &&
          each.sized === (trial.kind === 'sized'),
      )!;
      return {
        misses: (100 * row.misses) / row.requests,
        bytes: (100 * row.missedBytes) / row.requestedBytes,
      };
    };
    return { name: policy, of };
  });
  const rows = [...results, ...theirs]
    .map(({ name, of }) => {
      const [misses, , worst] = summed(web, of, lru);
      return [name, ...summed(sized, of, lru), misses!, worst!];
    })
    .sort((a, b) => Number(a[1]) - Number(b[1]));
  return table(['policy', ...SUMS, 'web12', 'worst'], rows);
}

function tradeOff(trials: readonly Trial[], lru: Result['of']): string {
  const sized = trials.filter(({ kind }) => kind === 'sized');
  const raw = trials.filter(({ kind }) => kind === 'raw');
  const rows = WEIGHTS.map((bytesWeight) => {
    const of = (trial: Trial): Ratios =>
      tried(trial, (options) => createPolicy('greedy-dual', { ...options, bytesWeight }));
    const ratios = new Map([...sized, ...raw].map((trial) => [trial, of(trial)]));
    const known = (trial: Trial): Ratios => ratios.get(trial)!;
    return [String(bytesWeight), ...summed(sized, known, lru), ...summed(raw, known, lru).slice(0, 2)];
  });
  return table(['weight', ...SUMS, 'calgary_img_raw: misses', 'bytes'], rows);
}
