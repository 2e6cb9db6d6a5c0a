import { describe, expect, test } from 'bun:test';
import { Harness, noise } from '../../test/support/harness.ts';
import type { Reader } from '../../test/support/reader.ts';

/** Conditions and ranges of clients, answered from the store and from a body that is still arriving. */

const MODIFIED = 'Sat, 01 Nov 2025 10:00:00 GMT';
const HEAD = {
  fields: {
    'cache-control': 'max-age=60',
    etag: '"1"',
    'last-modified': MODIFIED,
    date: 'Sun, 02 Nov 2025 10:00:00 GMT',
  },
};
const BODY = '0123456789';

interface Case {
  readonly fields: Readonly<Record<string, string>>;
  readonly status: number;
  readonly body: string;
  readonly range?: string;
}

const CASES: Readonly<Record<string, Case>> = {
  'a range': { fields: { range: 'bytes=2-4' }, status: 206, body: '234', range: 'bytes 2-4/10' },
  'a range to the end': { fields: { range: 'bytes=7-' }, status: 206, body: '789', range: 'bytes 7-9/10' },
  'a suffix': { fields: { range: 'bytes=-2' }, status: 206, body: '89', range: 'bytes 8-9/10' },
  'a range beyond the end': {
    fields: { range: 'bytes=10-' },
    status: 416,
    body: 'The requested part does not exist.\n',
    range: 'bytes */10',
  },
  'too many ranges': { fields: { range: `bytes=${'0-0,'.repeat(20)}3-4` }, status: 200, body: BODY },
  'a range in another unit': { fields: { range: 'items=0-1' }, status: 200, body: BODY },
  'If-Range that holds': {
    fields: { range: 'bytes=0-0', 'if-range': '"1"' },
    status: 206,
    body: '0',
    range: 'bytes 0-0/10',
  },
  'If-Range by date': {
    fields: { range: 'bytes=0-0', 'if-range': MODIFIED },
    status: 206,
    body: '0',
    range: 'bytes 0-0/10',
  },
  'If-Range of another version': {
    fields: { range: 'bytes=0-0', 'if-range': '"2"' },
    status: 200,
    body: BODY,
  },
  'If-Range with a weak tag': {
    fields: { range: 'bytes=0-0', 'if-range': 'W/"1"' },
    status: 200,
    body: BODY,
  },
  'If-None-Match that holds': { fields: { 'if-none-match': '"0", W/"1"' }, status: 304, body: '' },
  'If-None-Match of another version': { fields: { 'if-none-match': '"2"' }, status: 200, body: BODY },
  'If-Modified-Since that holds': { fields: { 'if-modified-since': MODIFIED }, status: 304, body: '' },
  'If-Modified-Since before': {
    fields: { 'if-modified-since': 'Fri, 31 Oct 2025 10:00:00 GMT' },
    status: 200,
    body: BODY,
  },
  'If-None-Match before If-Modified-Since': {
    fields: { 'if-none-match': '"2"', 'if-modified-since': MODIFIED },
    status: 200,
    body: BODY,
  },
  'If-Match that holds': { fields: { 'if-match': '"1"' }, status: 200, body: BODY },
  'If-Match of another version': {
    fields: { 'if-match': '"2"' },
    status: 412,
    body: '412 The image is not the version that was asked for. (precondition-failed)\n',
  },
  'If-Unmodified-Since that fails': {
    fields: { 'if-unmodified-since': 'Fri, 31 Oct 2025 10:00:00 GMT' },
    status: 412,
    body: '412 The image is not the version that was asked for. (precondition-failed)\n',
  },
};

describe.each(Object.entries(CASES))('%s', (_, asked) => {
  test('is answered alike by a hit, by the miss that fetches, and by one that joins it', () => {
    const stored = new Harness();
    stored.fill('/a', HEAD, BODY);
    const fetching = new Harness();
    const leader = fetching.ask('/a', { fields: asked.fields });
    const follower = fetching.ask('/a', { fields: asked.fields });
    fetching.last.answer(HEAD, Buffer.from(BODY));
    for (const reader of [stored.ask('/a', { fields: asked.fields }), leader, follower]) {
      expect(reader.status).toBe(asked.status);
      if (asked.status === 416) expect(reader.body.length).toBeGreaterThan(0);
      else expect(reader.body.toString()).toBe(asked.body);
      expect(reader.fields.get('content-range')).toBe(asked.range);
      if (asked.status === 206) expect(reader.fields.get('content-length')).toBe(String(asked.body.length));
      if (asked.status === 304) {
        expect(reader.fields.has('content-length')).toBe(false);
        expect(reader.fields.get('etag')).toBe('"1"');
        expect(reader.fields.get('cache-control')).toBe('max-age=60');
      }
    }
    // Whatever its part was, the whole is stored.
    expect(fetching.last.request.fields.has('range')).toBe(false);
    expect(fetching.ask('/a').body.toString()).toBe(BODY);
    stored.finish();
    fetching.finish();
  });
});

describe('a body that is still arriving', () => {
  test('a range is sent as soon as its bytes are there', () => {
    const h = new Harness();
    const body = noise(20, 100_000);
    h.ask('/a');
    h.last.head({ ...HEAD, bodyBytes: body.length }).data(body.subarray(0, 50_000));
    const early = h.ask('/a', { fields: { range: 'bytes=100-199' } });
    const across = h.ask('/a', { fields: { range: 'bytes=49000-50999' } });
    const suffix = h.ask('/a', { fields: { range: 'bytes=-10' } });
    expect([early.state, across.state, suffix.state]).toEqual(['whole', 'reading', 'reading']);
    h.last.data(body.subarray(50_000)).end();
    expect(early.body.equals(body.subarray(100, 200))).toBe(true);
    expect(across.body.equals(body.subarray(49_000, 51_000))).toBe(true);
    expect(suffix.body.equals(body.subarray(-10))).toBe(true);
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });

  test('a range that is served whole is whole although the rest breaks', () => {
    const h = new Harness();
    const body = noise(21, 1000);
    const [first, last] = ['bytes=0-99', 'bytes=-100'].map((range) => h.ask('/a', { fields: { range } }));
    h.last
      .head({ ...HEAD, bodyBytes: body.length })
      .data(body.subarray(0, 500))
      .fail('truncated');
    expect([first!.state, last!.state]).toEqual(['whole', 'broken']);
    expect(first!.body.equals(body.subarray(0, 100))).toBe(true);
    h.finish();
  });

  test('of unknown length: ranges are ignored', () => {
    const h = new Harness();
    const reader = h.ask('/a', { fields: { range: 'bytes=0-1' } });
    h.last
      .head({ ...HEAD, framing: 'chunked' })
      .data(Buffer.from(BODY))
      .end();
    expect([reader.status, reader.body.toString()]).toEqual([200, BODY]);
    expect(h.ask('/a', { fields: { range: 'bytes=0-1' } }).status).toBe(206);
    h.finish();
  });

  test('HEAD ignores ranges and answers conditions', () => {
    const h = new Harness();
    h.fill('/a', HEAD, BODY);
    const range = h.ask('/a', { method: 'HEAD', fields: { range: 'bytes=0-1' } });
    expect([range.status, range.fields.get('content-length')]).toEqual([200, '10']);
    expect(h.ask('/a', { method: 'HEAD', fields: { 'if-none-match': '"1"' } }).status).toBe(304);
    expect(h.ask('/a', { method: 'HEAD', fields: { 'if-match': '"2"' } }).state).toBe('whole');
    h.finish();
  });

  test('ranges of a large stored body, at random places', () => {
    const h = new Harness({ segmentBytes: 2 ** 15 });
    const body = noise(22, 200_000);
    h.fill('/a', HEAD, body);
    for (let i = 0; i < 200; i += 1) {
      const from = h.random.u32() % body.length;
      const to = from + (h.random.u32() % (body.length - from));
      const reader = h.ask('/a', { fields: { range: `bytes=${from}-${to}` } });
      expect(reader.body.equals(body.subarray(from, to + 1))).toBe(true);
    }
    h.finish();
  });
});

describe('several ranges of what is stored', () => {
  const parts = (reader: Reader): string[] => {
    const boundary = /boundary=(\S+)/.exec(reader.fields.get('content-type') ?? '')?.[1];
    const text = reader.body.toString('latin1');
    expect(text.endsWith(`\r\n--${boundary}--\r\n`)).toBe(true);
    expect(reader.fields.get('content-length')).toBe(String(text.length));
    return text.split(`--${boundary}`).slice(1, -1);
  };

  test('are parts, in the order of the request, each with its place', () => {
    const h = new Harness();
    h.fill('/a', { fields: { ...HEAD.fields, 'content-type': 'image/png' } }, BODY);
    const reader = h.ask('/a', { fields: { range: 'bytes=8-, 0-1 ,-1,20-30,4-4' } });
    // The last byte is in the first part already.
    expect(reader.status).toBe(200);
    const apart = h.ask('/a', { fields: { range: 'bytes=8-, 0-1 ,20-30,4-4' } });
    expect([apart.status, apart.fields.has('content-range')]).toEqual([206, false]);
    expect(parts(apart)).toEqual([
      '\r\nContent-Type: image/png\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n',
      '\r\nContent-Type: image/png\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n',
      '\r\nContent-Type: image/png\r\nContent-Range: bytes 4-4/10\r\n\r\n4\r\n',
    ]);
    h.finish();
  });

  test('random ones of a large body are what they say, however they are read', () => {
    const h = new Harness();
    const body = noise(3, 300_000);
    h.fill('/a', HEAD, body);
    for (let i = 0; i < 40; i += 1) {
      const cuts = Array.from({ length: 8 }, () => h.random.u32() % body.length).sort((a, b) => a - b);
      const ranges = [0, 2, 4, 6].filter((k) => cuts[k]! < cuts[k + 1]! - 1);
      if (ranges.length < 2) continue;
      const range = `bytes=${ranges.map((k) => `${cuts[k]}-${cuts[k + 1]! - 1}`).join(',')}`;
      const reader = h.ask('/a', { fields: { range }, pieceBytesMax: 5_000 });
      const got = parts(reader).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
      expect(got).toEqual(ranges.map((k) => body.toString('latin1', cuts[k], cuts[k + 1])));
    }
    h.finish();
  });

  test('all beyond the end cannot be had', () => {
    const h = new Harness();
    h.fill('/a', HEAD, BODY);
    expect(h.ask('/a', { fields: { range: 'bytes=10-,20-30' } }).status).toBe(416);
    h.finish();
  });
});
