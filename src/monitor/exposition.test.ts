import { describe, expect, test } from 'bun:test';
import { OUTCOMES } from '../cache/outcome.ts';
import { METRICS, type MetricSpec } from './catalog.ts';
import { exposition } from './exposition.ts';
import { Recorder } from './recorder.ts';
import {
  FIXTURE_AUTO,
  FIXTURE_CURVE,
  FIXTURE_DISK,
  FIXTURE_IMAGES,
  FIXTURE_TRAFFIC,
  fakeNode,
} from './snapshot.fixture.ts';

interface Family {
  type: string;
  help: string;
  samples: { name: string; labels: Map<string, string>; value: number }[];
}

/** A strict reader of the text format 0.0.4, written from its description: throws on anything that is not in it. */
function parse(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line must end in a line feed');
  const families = new Map<string, Family>();
  let current: [string, Family] | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (help !== null) {
      if (families.has(help[1]!)) throw new Error(`family twice: ${line}`);
      current = [help[1]!, { type: '', help: unescapeText(help[2]!, false), samples: [] }];
      families.set(...current);
    } else if (type !== null) {
      if (current === undefined || current[0] !== type[1] || current[1].samples.length > 0)
        throw new Error(line);
      current[1].type = type[2]!;
    } else {
      const sample = readSample(line);
      if (current === undefined || current[1].type === '') throw new Error(`sample without a type: ${line}`);
      const family =
        current[1].type === 'histogram' ? sample.name.replace(/_(bucket|sum|count)$/, '') : sample.name;
      if (family !== current[0]) throw new Error(`sample outside its family: ${line}`);
      current[1].samples.push(sample);
    }
  }
  return families;
}

function readSample(line: string): Family['samples'][number] {
  const match =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(
      line,
    );
  if (match === null) throw new Error(`not a sample: ${line}`);
  const labels = new Map<string, string>();
  for (const [, name, value] of (match[2] ?? '').matchAll(
    /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/g,
  )) {
    if (labels.has(name!)) throw new Error(`label twice: ${line}`);
    labels.set(name!, unescapeText(value!, true));
  }
  const value = match[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[3]);
  if (Number.isNaN(value)) throw new Error(`not a number: ${line}`);
  return { name: match[1]!, labels, value };
}

function unescapeText(text: string, inLabel: boolean): string {
  return text.replace(inLabel ? /\\([\\"n])/g : /\\([\\n])/g, (_, char) => (char === 'n' ? '\n' : char));
}

const quiet = () => {
  const node = fakeNode(2);
  const snapshot = {
    ...node.second(3_000, 20),
    disk: FIXTURE_DISK,
    images: FIXTURE_IMAGES,
    traffic: FIXTURE_TRAFFIC,
    curve: FIXTURE_CURVE,
    auto: FIXTURE_AUTO,
  };
  return {
    snapshot,
    recorder: node.recorder,
    accessLog: { lines: 12, dropped: 1 },
    auditLog: { lostLines: 0 },
  };
};

describe('the exposition', () => {
  test('is in the text format, with every metric of the catalogue under its type and labels', () => {
    const families = parse(exposition(quiet()));
    expect([...families.keys()]).toEqual(METRICS.map((spec) => spec.name));
    for (const spec of METRICS as readonly MetricSpec[]) {
      const family = families.get(spec.name)!;
      expect(family.type).toBe(spec.type);
      expect(family.help).toBe(spec.prose);
      expect(family.samples.length).toBeGreaterThan(0);
      for (const { labels } of family.samples) {
        expect([...labels.keys()].filter((name) => name !== 'le')).toEqual([...spec.labels]);
      }
      const identities = family.samples.map(({ name, labels }) => JSON.stringify([name, ...labels]));
      expect(new Set(identities).size).toBe(identities.length);
    }
  });

  test('agrees with the snapshot', () => {
    const source = quiet();
    const families = parse(exposition(source));
    const total = (name: string, labels: Record<string, string> = {}): number =>
      families
        .get(name)!
        .samples.filter((sample) =>
          Object.entries(labels).every(([key, value]) => sample.labels.get(key) === value),
        )
        .reduce((sum, sample) => sum + sample.value, 0);
    for (const outcome of OUTCOMES) {
      expect(total('holdfast_requests_total', { outcome })).toBe(source.snapshot.requests[outcome]);
    }
    expect(total('holdfast_requests_total', { route: '-' })).toBe(source.snapshot.requests.refused);
    expect(total('holdfast_sent_bytes_total')).toBe(source.snapshot.sentBytes);
    expect(total('holdfast_responses_total', { code: '504' })).toBe(source.snapshot.statuses['5xx']);
    expect(total('holdfast_cache_removals_total', { reason: 'room' })).toBe(20);
    expect(total('holdfast_cache_premature_evictions_total')).toBe(5);
    expect(total('holdfast_route_premature_evictions_total', { route: 'images' })).toBe(5);
    expect(total('holdfast_origin_failures_total', { cause: 'connect-timeout' })).toBe(
      source.snapshot.requests.failed,
    );
    expect(total('holdfast_start_time_seconds')).toBe(source.snapshot.startedAtMs / 1000);
    expect(total('holdfast_access_log_dropped_total')).toBe(1);
  });

  test('has histograms that rise to +Inf, which equals the count', () => {
    for (const [name, family] of parse(exposition(quiet()))) {
      if (family.type !== 'histogram') continue;
      const series = Map.groupBy(family.samples, ({ labels }) =>
        [...labels].filter(([key]) => key !== 'le').join(),
      );
      for (const samples of series.values()) {
        const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
        const bounds = buckets.map(({ labels }) => Number(labels.get('le')!.replace('+Inf', 'Infinity')));
        const counts = buckets.map((bucket) => bucket.value);
        expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
        expect(counts).toEqual([...counts].sort((a, b) => a - b));
        expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY);
        expect(buckets[0]!.labels.get('le')).toBe('0.00001');
        expect(samples.find((sample) => sample.name === `${name}_count`)!.value).toBe(counts.at(-1)!);
        expect(samples.filter((sample) => sample.name === `${name}_sum`)).toHaveLength(1);
      }
    }
  });

  test('survives names with quotes, backslashes and line feeds', () => {
    const name = 'a"b\\c\nd{e="f"}';
    const recorder = new Recorder({ routes: [name], origins: [name], causes: ['refused'] });
    recorder.request(0, 0, 200, 7, 1, true);
    const families = parse(exposition({ snapshot: fakeNode(1).second(0), recorder, accessLog: undefined }));
    const sent = families.get('holdfast_sent_bytes_total')!.samples;
    expect(sent.find((sample) => sample.labels.get('route') === name)!.value).toBe(7);
    expect(families.get('holdfast_access_log_lines_total')!.samples).toEqual([]);
  });
});

describe('the catalogue', () => {
  test('follows the naming rules of Prometheus', () => {
    for (const spec of METRICS as readonly MetricSpec[]) {
      expect(spec.name).toMatch(/^holdfast(_[a-z]+)+$/);
      expect(spec.name.endsWith('_total')).toBe(spec.type === 'counter');
      if (spec.unit === 'bytes' || spec.unit === 'seconds') {
        expect(spec.name.replace(/_total$/, '')).toEndWith(`_${spec.unit}`);
      }
      expect(spec.prose).toMatch(/^[A-Z0-9].*\.$/);
    }
    expect(new Set(METRICS.map((spec) => spec.name)).size).toBe(METRICS.length);
  });
});
