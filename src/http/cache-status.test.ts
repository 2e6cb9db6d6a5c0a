import { describe, expect, test } from 'bun:test';
import { type CacheStatusInput, cacheStatus } from './cache-status.ts';

describe('cacheStatus', () => {
  test.each<[string, CacheStatusInput]>([
    // RFC 9211 section 3.
    ['ExampleCache; hit; ttl=376', { cacheName: 'ExampleCache', hit: true, ttlS: 376 }],
    ['ExampleCache; hit; ttl=-412', { cacheName: 'ExampleCache', hit: true, ttlS: -412 }],
    ['ExampleCache; fwd=uri-miss; stored', { cacheName: 'ExampleCache', fwd: 'uri-miss', stored: true }],
    ['ExampleCache; fwd=uri-miss', { cacheName: 'ExampleCache', fwd: 'uri-miss', stored: false }],
    ['ExampleCache; fwd=stale; fwd-status=304', { cacheName: 'ExampleCache', fwd: 'stale', fwdStatus: 304 }],
    [
      'ExampleCache; fwd=uri-miss; collapsed',
      { cacheName: 'ExampleCache', fwd: 'uri-miss', collapsed: true },
    ],
    [
      'ExampleCache; fwd=method; detail=abc123',
      { cacheName: 'ExampleCache', fwd: 'method', detail: 'abc123' },
    ],
    // A hit did not go forward.
    ['a; hit', { cacheName: 'a', hit: true, fwd: 'stale', fwdStatus: 304, stored: true, collapsed: true }],
    // Tokens and strings (RFC 9651).
    ['a.b:1/c; detail=no-store', { cacheName: 'a.b:1/c', detail: 'no-store' }],
    ['"1a"', { cacheName: '1a' }],
    ['""', { cacheName: '' }],
    ['"my cache"; key="/a \\"b\\" \\\\c"', { cacheName: 'my cache', key: '/a "b" \\c' }],
    ['a; detail="x\\"; hit"', { cacheName: 'a', detail: 'x"; hit' }],
    ['a; detail="??\u003f?"', { cacheName: 'a', detail: '\r\n\u00e9\u20ac' }],
    ['a; ttl=3', { cacheName: 'a', ttlS: 3.9 }],
    ['a; ttl=999999999999999', { cacheName: 'a', ttlS: 1e20 }],
  ])('%s', (expected, input) => {
    expect(cacheStatus(input)).toBe(expected);
  });
});
