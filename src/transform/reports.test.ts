import { describe, expect, test } from 'bun:test';
import { readReport } from './reports.ts';

const MADE = {
  contentType: 'image/webp',
  width: 4,
  height: 3,
  frames: 1,
  isOriginal: false,
  provisional: true,
  durationMs: 1.5,
};
const FAILURE = { cause: 'corrupt', detail: 'no' };

test.each([
  [{ kind: 'ready' }],
  [{ kind: 'memory', residentBytes: 5e9 }],
  [{ kind: 'made', id: 7, made: MADE }],
  [{ kind: 'failed', id: 7, failure: FAILURE }],
])('a report is what it was: %j', (report) => {
  expect(readReport(JSON.parse(JSON.stringify(report)))).toEqual(report as never);
});

test('what it has beyond that is left out', () => {
  const head = JSON.parse('{"kind":"made","id":1,"ok":false,"__proto__":{"x":1}}') as object;
  const read = readReport({ ...head, made: { ...MADE, body: 'x', ok: false } });
  expect(read).toEqual({ kind: 'made', id: 1, made: MADE });
});

describe('a process that was taken over is not believed', () => {
  test.each([
    [undefined],
    [null],
    ['ready'],
    [[]],
    [{}],
    [{ kind: 'constructor' }],
    [{ kind: 'made', id: 1 }],
    [{ kind: 'made', id: '1', made: MADE }],
    [{ kind: 'made', id: -1, made: MADE }],
    [{ kind: 'made', id: 1, made: { ...MADE, contentType: 'text/html' } }],
    [{ kind: 'made', id: 1, made: { ...MADE, contentType: 'image/svg+xml' } }],
    [{ kind: 'made', id: 1, made: { ...MADE, contentType: 'image/png\r\nSet-Cookie: a=b' } }],
    [{ kind: 'made', id: 1, made: { ...MADE, contentType: ['image/png'] } }],
    [{ kind: 'made', id: 1, made: { ...MADE, width: '4, x' } }],
    [{ kind: 'made', id: 1, made: { ...MADE, height: 1e12 } }],
    [{ kind: 'made', id: 1, made: { ...MADE, frames: null } }],
    [{ kind: 'made', id: 1, made: { ...MADE, durationMs: -1 } }],
    [{ kind: 'failed', id: 1, failure: { cause: 'toString', detail: '' } }],
    [{ kind: 'failed', id: 1, failure: { cause: 'corrupt', detail: {} } }],
    [{ kind: 'failed', id: 1, failure: null }],
    [{ kind: 'memory', residentBytes: null }],
  ])('%j', (head) => {
    expect(() => readReport(head)).toThrow(TypeError);
  });

  test('at length', () => {
    const read = readReport({ kind: 'failed', id: 1, failure: { ...FAILURE, detail: 'x'.repeat(1e6) } });
    expect(JSON.stringify(read).length).toBeLessThan(3000);
  });
});
