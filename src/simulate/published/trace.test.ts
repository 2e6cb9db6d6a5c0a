import { describe, expect, test } from 'bun:test';
import { parseTrace, unitSized } from './trace.ts';

const HEADER = 'time_s,key,size_bytes\n';

describe('parseTrace', () => {
  test('numbers keys in the order of their first request', () => {
    const trace = parseTrace(`${HEADER}0,/a.png,10\n1.5,/b%2C.png,20\n2,/a.png,10\n`);
    expect(trace.objects).toBe(2);
    expect([...trace.keys]).toEqual([0, 1, 0]);
    expect([...trace.sizes]).toEqual([10, 20, 10]);
  });

  test('a trace may be empty', () => {
    expect(parseTrace(HEADER)).toEqual({ objects: 0, keys: new Uint32Array(0), sizes: new Uint32Array(0) });
  });

  test.each([
    ['', 'line 1'],
    ['time,key\n', 'line 1'],
    [`${HEADER}0,a,1\n0,a\n`, 'line 3'],
    [`${HEADER}0,a,b,1\n`, 'line 2'],
    [`${HEADER}0,a,0\n`, 'line 2'],
    [`${HEADER}0,a,x\n`, 'line 2'],
    [`${HEADER}0,a,4294967296\n`, 'line 2'],
  ])('names the line that is wrong: %j', (csv, line) => {
    expect(() => parseTrace(csv)).toThrow(line);
  });
});

test('unitSized keeps the requests, and every object counts 1', () => {
  const units = unitSized(parseTrace(`${HEADER}0,a,10\n1,b,20\n2,a,10\n`));
  expect([units.objects, ...units.keys, ...units.sizes]).toEqual([2, 0, 1, 0, 1, 1, 1]);
});
