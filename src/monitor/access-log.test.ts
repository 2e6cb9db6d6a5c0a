import { describe, expect, test } from 'bun:test';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { seededRandom } from '../base/random.ts';
import { OUTCOMES } from '../cache/outcome.ts';
import { Fields } from '../http/fields.ts';
import type { AccessFacts } from './access-line.ts';
import { AccessLog } from './access-log.ts';

const KIB_64 = 64 * 1024;

class MemorySink {
  text = '';
  writes = 0;
  isReady = true;
  lostLines = 0;
  ready(): boolean {
    return this.isReady;
  }
  write(lines: Uint8Array): void {
    this.text += Buffer.from(lines).toString();
    this.writes += 1;
  }
  get lines(): Record<string, unknown>[] {
    const lines = this.text.split('\n');
    expect(lines.pop()).toBe('');
    return lines.map((line) => JSON.parse(line));
  }
}

const entry = (more: Partial<AccessFacts> = {}): AccessFacts => ({
  timeMs: Date.UTC(2026, 10, 23, 17, 4, 5, 6),
  client: '192.0.2.7',
  method: 'GET',
  host: 'img.example.com',
  target: '/images/cat.jpg?w=1200',
  fields: new Fields(['user-agent', 'curl/8', 'cookie', 'id=COOKIE', 'authorization', 'Bearer CREDENTIAL']),
  status: 200,
  outcomeIndex: OUTCOMES.indexOf('hit'),
  route: 'images',
  sentBytes: 30_123,
  durationMs: 0.04234,
  whole: true,
  originMs: -1,
  detail: '',
  cause: '',
  ...more,
});

function setUp(options: { bufferBytes?: number; sample?: number } = {}) {
  const clock = virtualClock();
  const sink = new MemorySink();
  return { clock, sink, log: new AccessLog({ clock, sink, ...options }) };
}

describe('the access log', () => {
  test('writes one line of JSON per request, later and in one go', () => {
    const { clock, sink, log } = setUp();
    log.log(entry());
    log.log(
      entry({
        status: 504,
        outcomeIndex: OUTCOMES.indexOf('failed'),
        originMs: 10_000,
        cause: 'truncated',
        whole: false,
      }),
    );
    expect(sink.text).toBe('');
    clock.advance(200);
    expect(sink.writes).toBe(1);
    expect(sink.lines).toEqual([
      {
        time: '2026-11-23T17:04:05.006Z',
        client: '192.0.2.7',
        method: 'GET',
        host: 'img.example.com',
        path: '/images/cat.jpg?w=1200',
        status: 200,
        outcome: 'hit',
        route: 'images',
        bytes: 30_123,
        durationMs: 0.042,
        userAgent: 'curl/8',
      },
      expect.objectContaining({ outcome: 'failed', originMs: 10_000, cause: 'truncated', incomplete: true }),
    ]);
    expect(sink.text).not.toMatch(/COOKIE|CREDENTIAL/);
  });

  test('copies the entry, so that the caller may use one object for all', () => {
    const { clock, sink, log } = setUp();
    const reused = { ...entry() };
    for (const target of ['/a', '/b', '/c']) {
      reused.target = target;
      log.log(reused);
    }
    clock.advance(200);
    expect(sink.lines.map((line) => line['path'])).toEqual(['/a', '/b', '/c']);
  });

  test('flushes when it is half full, but not before the request that filled it was answered', () => {
    const { clock, sink, log } = setUp({ bufferBytes: KIB_64 });
    while (log.lines === 0 && sink.writes === 0 && clock.pending === 1) log.log(entry());
    expect(sink.writes).toBe(0);
    clock.advance(0);
    expect(sink.text.length).toBeGreaterThanOrEqual(KIB_64 / 2);
    expect(sink.lines).toHaveLength(log.lines);
  });

  test('drops lines rather than wait for a slow sink, and says how many', () => {
    const { clock, sink, log } = setUp({ bufferBytes: KIB_64 });
    sink.isReady = false;
    for (let i = 0; i < 1_000; i += 1) log.log(entry({ target: `/${i}` }));
    clock.advance(1_000);
    expect(sink.text).toBe('');
    const { dropped } = log;
    expect(dropped).toBeGreaterThan(100);
    sink.isReady = true;
    clock.advance(200);
    const told = sink.lines.at(-1)!;
    expect(sink.lines.slice(0, -1).map((line) => line['path'])).toEqual(
      Array.from({ length: 1_000 - dropped }, (_, i) => `/${i}`),
    );
    expect(told).toEqual({ time: '2026-11-23T17:00:01.200Z', event: 'access-log-dropped', dropped });
    expect(log.lines).toBe(1_000 - dropped);
    clock.advance(1_000);
    expect(sink.lines).toHaveLength(1_001 - dropped); // told once
  });

  test('writes nothing over the lines that the sink is still reading', () => {
    const { clock, sink, log } = setUp({ bufferBytes: KIB_64 });
    const taken: Uint8Array[] = [];
    sink.write = (lines) => {
      taken.push(lines);
      sink.isReady = false;
    };
    log.log(entry({ target: '/first' }));
    clock.advance(200);
    for (let i = 0; i < 1_000; i += 1) log.log(entry({ target: '/later' }));
    clock.advance(1_000);
    expect(taken).toHaveLength(1);
    expect(Buffer.from(taken[0]!).toString()).toContain('"/first"');
  });

  test('samples by count, and logs every failure', () => {
    const { clock, sink, log } = setUp({ sample: 10 });
    for (let i = 1; i <= 100; i += 1)
      log.log(entry({ target: `/${i}`, status: i === 55 ? 502 : 200, failed: i === 77 }));
    clock.advance(200);
    expect(sink.lines.map((line) => line['path'])).toEqual([
      '/10',
      '/20',
      '/30',
      '/40',
      '/50',
      '/55',
      '/60',
      '/70',
      '/77',
      '/80',
      '/90',
      '/100',
    ]);
    expect(sink.lines.map((line) => line['sample'])).toEqual([
      10,
      10,
      10,
      10,
      10,
      undefined,
      10,
      10,
      undefined,
      10,
      10,
      10,
    ]);
    expect(log.dropped).toBe(0);
  });

  test('loses nothing between log and sink, whatever the order of bursts, pauses and a sink that comes and goes', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = seededRandom(seed);
      const { clock, sink, log } = setUp({ bufferBytes: KIB_64 / 4 + (random.u32() % 10_000) });
      let sent = 0;
      for (let step = 0; step < 100; step += 1) {
        for (let burst = random.u32() % 30; burst > 0; burst -= 1) {
          log.log(entry({ target: `/${sent}` }));
          sent += 1;
        }
        sink.isReady = random.next() < 0.7;
        clock.advance(random.u32() % 300);
      }
      log.close();
      const paths = sink.lines.flatMap((line) =>
        line['path'] === undefined ? [] : [Number(String(line['path']).slice(1))],
      );
      const told = sink.lines.reduce((sum, line) => sum + Number(line['dropped'] ?? 0), 0);
      expect(paths.length + told).toBe(sent);
      expect(log.lines).toBe(paths.length);
      expect(log.dropped).toBe(told);
      expect(paths).toEqual([...paths].sort((a, b) => a - b));
    }
  });

  test('hands over the rest when it is closed, and leaves no timer behind', () => {
    const { clock, sink, log } = setUp();
    log.log(entry());
    log.close();
    log.close();
    log.log(entry());
    expect(sink.lines).toHaveLength(1);
    expect(log.dropped).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('counts lines as dropped when the sink throws, and goes on', () => {
    const { clock, sink, log } = setUp();
    sink.write = () => {
      throw new Error('no space left on device');
    };
    log.log(entry());
    clock.advance(200);
    expect(log.dropped).toBe(1);
    expect(log.lines).toBe(0);
  });
});
