import {
  PUBLISHED_NAMES,
  type PublishedName,
  type ReplayCounts,
  replayPublished,
} from '../../src/simulate/published/replay.ts';
import { type Trace, unitSized } from '../../src/simulate/published/trace.ts';
import { table } from '../support/markdown.ts';
import { type ReferenceRow, readReference, readTrace, tracesDir } from '../support/traces.ts';
import { Unusable } from '../support/workbench.ts';
import { measureThroughput } from './published-speed.ts';
import type { Section, SectionOptions, SectionResult } from './section.ts';

/** The reference's names of the published forms. */
const REFERENCE_NAMES: Readonly<Record<PublishedName, string>> = {
  lru: 'LRU',
  fifo: 'FIFO',
  clock: 'CLOCK',
  lfu: 'LFU',
  '2q': '2Q',
  sieve: 'SIEVE',
  's3-fifo': 'S3FIFO',
  gdsf: 'GDSF',
  belady: 'Belady',
};

/** Published forms: exact agreement with a C reference simulator, and raw replay speed. */
export const publishedForms: Section = { title: 'Published forms in the simulator', run };

function run(options: SectionOptions): SectionResult {
  const dir = tracesDir(options.traces);
  const agreement = compareWithReference(dir);
  const throughput = measureThroughput(dir);
  return {
    markdown: `${agreement.markdown}\n\n${throughput.markdown}`,
    passed: agreement.passed && throughput.passed,
  };
}

/** Replays every row of the reference that a published form has. */
function compareWithReference(dir: string): SectionResult {
  const rows = readReference(dir);
  const traces = new Map<string, { readonly sized: Trace; readonly units: Trace }>();
  for (const { trace: name } of rows) {
    if (traces.has(name)) continue;
    const sized = readTrace(dir, name);
    traces.set(name, { sized, units: unitSized(sized) });
  }
  const differences: string[] = [];
  const lines = PUBLISHED_NAMES.map((name) => {
    const mine = rows.filter(({ policy }) => policy === REFERENCE_NAMES[name]);
    if (mine.length === 0) throw new Unusable(`reference.csv has no row for ${REFERENCE_NAMES[name]}`);
    const wrong = mine.flatMap((row) => {
      const { sized, units } = traces.get(row.trace)!;
      const trace = row.sized ? sized : units;
      const got = replayPublished(name, trace, row.capacityBytes);
      return isEqual(row, trace, got) ? [] : [describeDifference(row, got)];
    });
    differences.push(...wrong);
    return [name, String(mine.length), String(mine.length - wrong.length)];
  });
  const all = [...traces].map(([name]) => `\`${name}\``).join(', ');
  return {
    passed: differences.length === 0,
    markdown: [
      '### Agreement with the reference',
      `Misses and missed bytes of libCacheSim's policies on ${all}, with sizes and as object counts, at six cache sizes from 0.1 % to 50 %. A row is equal when both counts are.`,
      table(['policy', 'rows', 'equal'], lines),
      ...differences.map((line) => `- DIFFERS: ${line}`),
    ].join('\n\n'),
  };
}

function isEqual(row: ReferenceRow, trace: Trace, got: ReplayCounts): boolean {
  return (
    trace.keys.length === row.requests && got.misses === row.misses && got.missedBytes === row.missedBytes
  );
}

function describeDifference(row: ReferenceRow, got: ReplayCounts): string {
  const { trace, policy, sized, capacityBytes } = row;
  const where = `${policy} on ${trace} (${sized ? 'sizes' : 'object counts'}), capacity ${capacityBytes}`;
  return `${where}: ${got.misses} misses and ${got.missedBytes} missed bytes, the reference has ${row.misses} and ${row.missedBytes}`;
}
