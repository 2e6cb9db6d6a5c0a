import { describe, expect, test } from 'bun:test';
import { createPolicy } from './create.ts';
import { beladyMisses } from './policy.models.ts';
import { parseTrace, replayPublished, unitSized } from './replay.ts';

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

describe('replayPublished', () => {
  const trace = parseTrace(`${HEADER}0,a,10\n1,b,20\n2,a,10\n3,c,15\n4,b,20\n5,big,99\n6,c,15\n`);

  test('cold misses count, missed bytes are those of the requests, what is too large stays out', () => {
    const policy = createPolicy('lru', { capacityBytes: 30, isPinned: () => false });
    // a, b miss; a hits; c misses and evicts b; b misses and evicts a and c; big misses; c misses.
    expect(replayPublished(trace, policy)).toEqual({ misses: 6, missedBytes: 10 + 20 + 15 + 20 + 99 + 15 });
  });

  test('unit sizes count objects, and Belady looks ahead', () => {
    const units = unitSized(trace);
    const lru = createPolicy('lru', { capacityBytes: 2, isPinned: () => false });
    expect(replayPublished(units, lru)).toEqual({ misses: 6, missedBytes: 6 });
    expect(beladyMisses(units, 2)).toEqual({ misses: 4, missedBytes: 4 });
  });
});
