import { describe, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../base/random.ts';
import { FIXTURE_DISK, FIXTURE_TRAFFIC, fakeNode } from '../monitor/snapshot.fixture.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { Live, type Screen } from './live.ts';
import { plainLine, renderLive } from './live-view.ts';

const GOLDEN = join(import.meta.dir, 'golden');
const NOTES = ['q quits   http://127.0.0.1:9090'];

/** A minute that begins calm and ends with more traffic than the cache has room for. */
function minute(): Snapshot[] {
  const node = fakeNode(7);
  return Array.from({ length: 61 }, (_, i) =>
    node.second(Math.round(600 + 500 * Math.sin(i / 8)), i > 30 ? 12 + (i % 5) * 4 : 0),
  );
}

/** Compares with the file of that name; HOLDFAST_WRITE_GOLDEN=1 writes it, for a person to look at. */
function expectGolden(name: string, lines: readonly string[]): void {
  const path = join(GOLDEN, name);
  const text = `${lines.join('\n')}\n`;
  if (process.env['HOLDFAST_WRITE_GOLDEN'] === '1') writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

describe('the live view', () => {
  test.each([
    [80, 24],
    [120, 40],
    [60, 16],
  ])('at %i by %i', (columns, rows) => {
    expectGolden(
      `live-${columns}x${rows}.txt`,
      renderLive(minute(), { columns, rows }, { color: false, notes: NOTES }),
    );
  });

  test('says when traffic is not recorded', () => {
    const [now] = minute();
    const traffic = { ...FIXTURE_TRAFFIC, isPaused: true };
    const size = { columns: 80, rows: 24 };
    const shown = (snapshot: Snapshot): string =>
      [...renderLive([snapshot], size, { color: false, notes: NOTES }), plainLine(undefined, snapshot)].join(
        '',
      );
    expect(shown({ ...now!, traffic }).match(/traffic NOT RECORDED/g)).toHaveLength(2);
    expect(shown({ ...now!, traffic: FIXTURE_TRAFFIC })).not.toContain('NOT RECORDED');
  });

  test('just after the start, with trouble', () => {
    const lines = renderLive(
      minute().slice(0, 1),
      { columns: 80, rows: 24 },
      {
        color: false,
        notes: NOTES,
        alert: 'nothing listens at http://127.0.0.1:9090',
      },
    );
    expectGolden('live-start.txt', lines);
  });

  test('never exceeds the terminal, whatever its size, and keeps the notes in sight', () => {
    const window = minute();
    const random = seededRandom(3);
    for (let i = 0; i < 300; i += 1) {
      const size = { columns: 21 + (random.u32() % 180), rows: 1 + (random.u32() % 60) };
      const from = random.u32() % window.length;
      const lines = renderLive(window.slice(from), size, { color: false, notes: NOTES });
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      for (const line of lines) expect(line.length).toBeLessThan(size.columns);
      expect(lines.at(-1)!.slice(0, 19)).toBe(NOTES[0]!.slice(0, 19));
    }
  });

  test('shows what matters even where there is little room', () => {
    const text = renderLive(minute(), { columns: 80, rows: 24 }, { color: false, notes: NOTES }).join('\n');
    for (const word of [
      'requests',
      'hit ratio',
      'offload',
      'p99.9',
      'premature',
      'images',
      'avatars',
      'shop',
      'q quits',
    ]) {
      expect(text).toContain(word);
    }
  });

  test('colours premature evictions only while there are any', () => {
    const bad = '\x1b[1;31m';
    const options = { color: true, notes: [] };
    const calm = fakeNode(1);
    const quiet = [calm.second(0), calm.second(0)];
    expect(renderLive(quiet, { columns: 80, rows: 24 }, options).join()).not.toContain(bad);
    const line = renderLive(minute(), { columns: 80, rows: 24 }, options).find((row) =>
      row.includes('refetched'),
    );
    expect(line).toContain(bad);
  });

  test('shows many routes by their traffic, and says how many it leaves out', () => {
    const names = Array.from({ length: 30 }, (_, i) => `route-${i}`);
    const node = fakeNode(9, names);
    const lines = renderLive(
      [node.second(10), node.second(4_000)],
      { columns: 100, rows: 30 },
      { color: false, notes: [] },
    );
    const shown = lines.filter((line) => line.startsWith('route-'));
    expect(shown[0]).toStartWith('route-0 ');
    expect(lines).toContain(`and ${30 - shown.length} more`);
  });

  test('does not call an age of less than a second zero', () => {
    const [sample] = minute();
    const young = { ...sample!, memory: { ...sample!.memory, evictionAgeS: 0 } };
    const lines = renderLive([young], { columns: 80, rows: 24 }, { color: false, notes: [] });
    expect(lines.find((line) => line.startsWith('evictions'))).toContain('at age below 1 s (median)');
  });

  test('lets no name move the cursor', () => {
    const node = fakeNode(9, ['\x1b[2Jevil\r\n']);
    const lines = renderLive(
      [node.second(10), node.second(10)],
      { columns: 80, rows: 24 },
      { color: false, notes: ['\x1b[2J'] },
    );
    expect(lines.join('')).not.toMatch(/[\x00-\x1f]/);
  });

  test('has a one-line form', () => {
    const window = minute();
    expect(plainLine(window.at(-2), window.at(-1)!)).toBe(
      '17:01:01Z  1,069 req/s  hit 93.2 %  out 24.2 MiB/s  origin 72/s  mem 63.9 MiB/64 MiB  evict 12/s  ' +
        'premature 3/s  p50 57.2 µs  p99 153 ms  5xx 1  origin failures 1',
    );
    expect(plainLine(undefined, fakeNode(1).second(0))).toContain('hit -');
  });
});

describe('the driver', () => {
  function setUp() {
    const frames: string[][] = [];
    let closed = 0;
    const screen: Screen = {
      size: () => ({ columns: 80, rows: 24 }),
      draw: (lines) => frames.push([...lines]),
      close: () => {
        closed += 1;
      },
    };
    return { frames, screen, closed: () => closed };
  }

  test('redraws with every snapshot, and starts its history anew when the node did', () => {
    const { frames, screen, closed } = setUp();
    const live = new Live({ screen, out: () => undefined, color: false, notes: ['n'] });
    for (const snapshot of minute()) live.push(snapshot);
    expect(frames.at(-1)!.join()).toContain('▁▂');
    live.alert('gone');
    expect(frames.at(-1)!.join()).toContain('gone');
    const restarted = fakeNode(8);
    restarted.facts = {
      ...restarted.facts,
      startedAtMs: restarted.facts.nowMs + 5_000,
      nowMs: restarted.facts.nowMs + 5_000,
    };
    live.push(restarted.second(77));
    expect(frames.at(-1)!.join()).not.toMatch(/gone|▂/);
    expect(frames.at(-1)!.join()).toContain('77 /s');
    live.close();
    expect(closed()).toBe(1);
  });

  test('prints lines where there is no screen', () => {
    const out: string[] = [];
    const live = new Live({ screen: undefined, out: (text) => out.push(text), color: false, notes: [] });
    const window = minute().slice(0, 3);
    for (const snapshot of window) live.push(snapshot);
    live.alert('ignored');
    live.close();
    expect(out).toEqual(
      [undefined, ...window].slice(0, 3).map((previous, i) => `${plainLine(previous, window[i]!)}\n`),
    );
  });
});

test('a disk tier has a line, and says when it failed somebody', () => {
  const [sample] = minute();
  const lines = (disk: Snapshot['disk']): string =>
    renderLive(
      [{ ...sample!, ...(disk === undefined ? {} : { disk }) }],
      { columns: 120, rows: 40 },
      { color: false, notes: [] },
    ).join('\n');
  expect(lines(undefined)).not.toContain('disk');
  expect(lines(FIXTURE_DISK)).toMatch(
    /^disk +ready +300 MiB of 1 GiB +12,345 entries +served 30 +failed 2$/m,
  );
  expect(lines({ ...FIXTURE_DISK, state: 'degraded', failed: 0 })).toMatch(/^disk +degraded .*served 30 *$/m);
});

describe('variants', () => {
  const LEVELS = { active: 2, waiting: 5, heldBytes: 0, residentBytes: 0, restarts: 0 };

  /** A minute of a node that makes variants, some of which fail at its end. */
  function busyMinute(failing: boolean): Snapshot[] {
    const node = fakeNode(7);
    node.facts = { ...node.facts, images: LEVELS };
    return Array.from({ length: 61 }, (_, second) => {
      for (let i = 0; i < 23; i += 1) node.recorder.transforms.ended(i % 9 === 0 ? 'provisional' : 'made');
      node.recorder.transforms.ended('confirmed');
      if (failing && second > 55) node.recorder.transforms.ended(second % 2 === 0 ? 'timeout' : 'corrupt');
      return node.second(400);
    });
  }
  const show = (window: readonly Snapshot[], columns = 80): string[] =>
    renderLive(window, { columns, rows: 24 }, { color: false, notes: NOTES });

  test('have a line where a node makes them', () => {
    expectGolden('live-variants.txt', show(busyMinute(false)));
    expect(show(minute()).join()).not.toContain('variants');
  });

  test('that failed are named by their causes, the most frequent first, while they are recent', () => {
    const line = show(busyMinute(true), 100).find((one) => one.startsWith('variants'));
    expect(line).toEndWith('failed: timeout 3, corrupt 2');
    const calm = busyMinute(true).slice(0, 50);
    expect(show(calm).join()).toContain('none failed');
  });

  test('are in the one-line form', () => {
    const window = busyMinute(false);
    expect(plainLine(window.at(-2), window.at(-1)!)).toContain('  variants 23/s  ');
    expect(plainLine(minute().at(-2), minute().at(-1)!)).not.toContain('variants');
  });
});

test('originals and variants are told apart where there are variants', () => {
  const [sample] = minute();
  const lines = (one: Snapshot): string =>
    renderLive([one], { columns: 120, rows: 40 }, { color: false, notes: [] }).join('\n');
  expect(lines(sample!)).not.toContain('variants');
  const originals = { entries: 7, usedBytes: 2048 };
  const variants = { entries: 1_234, usedBytes: 1024 ** 2 };
  const divided = { ...sample!, memory: { ...sample!.memory, originals, variants } };
  expect(lines(divided)).toMatch(/^ +originals 2 KiB in 7 +variants 1 MiB in 1,234$/m);
  expect(lines({ ...sample!, disk: FIXTURE_DISK })).toMatch(
    /^ +originals 200 MiB in 12,000 +variants 100 MiB in 345$/m,
  );
});
