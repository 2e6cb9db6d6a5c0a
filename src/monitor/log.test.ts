import { describe, expect, test } from 'bun:test';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { createLog, type LogFormat, type LogLevel } from './log.ts';

function setUp(format: LogFormat, level: LogLevel = 'debug') {
  const written: string[] = [];
  return {
    written,
    log: createLog({ write: (text) => written.push(text), clock: virtualClock(), level, format }),
  };
}

describe('the log', () => {
  test('writes logfmt for people', () => {
    const { written, log } = setUp('logfmt');
    log.warn('origin does not answer', { origin: 'images', failures: 3, retry: true, cause: undefined });
    expect(written).toEqual([
      'time=2026-11-23T17:00:00.000Z level=warn msg="origin does not answer" origin=images failures=3 retry=true\n',
    ]);
  });

  test('writes JSON for machines', () => {
    const { written, log } = setUp('json');
    log.info('started', { listen: '127.0.0.1:8080', entries: 0 });
    expect(JSON.parse(written[0]!)).toEqual({
      time: '2026-11-23T17:00:00.000Z',
      level: 'info',
      msg: 'started',
      listen: '127.0.0.1:8080',
      entries: 0,
    });
  });

  test('leaves out what is below its level', () => {
    const { written, log } = setUp('logfmt', 'warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(written.map((line) => / msg=(.)/.exec(line)![1])).toEqual(['c', 'd']);
  });

  test.each(['logfmt', 'json'] as const)(
    'cannot be made to forge a line or move the cursor (%s)',
    (format) => {
      const { written, log } = setUp(format);
      log.error('bad\nlevel=info msg=fine', {
        url: 'x" y=\u001b[2J\u009b2J\u2028',
        empty: '',
        long: 'x'.repeat(9_999),
      });
      expect(written[0]!.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028]/);
      expect(written[0]!.length).toBeLessThan(1_300);
      if (format === 'logfmt') expect(written[0]).toContain(' empty="" ');
    },
  );
});
