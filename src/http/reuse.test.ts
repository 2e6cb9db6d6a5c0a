import { describe, expect, test } from 'bun:test';
import { parseCacheControl } from './cache-control.ts';
import { type ReuseInput, reuse } from './reuse.ts';

/** Born at 1000, fresh until 1100, stale-while-revalidate until 1150, stale-if-error until 1200. */
function at(nowS: number, request: string | undefined, changes: Partial<ReuseInput> = {}): string {
  const decision = reuse({
    nowS,
    bornS: 1000,
    freshUntilS: 1100,
    staleWhileRevalidateUntilS: 1150,
    staleIfErrorUntilS: 1200,
    alwaysValidate: false,
    lastKnownGood: false,
    requestCc: parseCacheControl(request),
    pragmaNoCache: false,
    obeyRequestDirectives: true,
    ...changes,
  });
  return decision.use === 'validate' && decision.mayServeStaleOnError ? 'validate-or-stale' : decision.use;
}

const NO_WINDOWS = { staleWhileRevalidateUntilS: 1100, staleIfErrorUntilS: 1100 };

describe('reuse by age', () => {
  test.each<[nowS: number, use: string]>([
    [900, 'fresh'],
    [1000, 'fresh'],
    [1099, 'fresh'],
    [1100, 'stale-while-revalidate'],
    [1149, 'stale-while-revalidate'],
    [1150, 'validate-or-stale'],
    [1199, 'validate-or-stale'],
    [1200, 'validate'],
  ])('at %p: %s, obeyed or not', (nowS, use) => {
    expect(at(nowS, undefined)).toBe(use);
    expect(at(nowS, undefined, { obeyRequestDirectives: false })).toBe(use);
  });

  test('no-cache in the response: validated always, and nothing stands in', () => {
    for (const nowS of [1000, 1120, 1180, 1300]) {
      expect(at(nowS, undefined, { alwaysValidate: true })).toBe('validate');
      expect(at(nowS, 'max-stale', { alwaysValidate: true })).toBe('validate');
    }
  });
});

describe('request directives', () => {
  test.each<[what: string, nowS: number, request: string, use: string, changes: Partial<ReuseInput>]>([
    ['no-cache', 1010, 'no-cache', 'validate-or-stale', {}],
    ['Pragma', 1010, '', 'validate-or-stale', { pragmaNoCache: true }],
    ['young enough', 1010, 'max-age=10', 'fresh', {}],
    ['too old', 1011, 'max-age=10', 'validate-or-stale', {}],
    ['max-age=0', 1001, 'max-age=0', 'validate-or-stale', {}],
    ['max-age wants nothing stale', 1120, 'max-age=500', 'validate-or-stale', {}],
    ['max-age with max-stale', 1120, 'max-age=500, max-stale=20', 'stale-while-revalidate', {}],
    ['max-age exceeded, max-stale or not', 1120, 'max-age=50, max-stale', 'validate-or-stale', {}],
    ['fresh for long enough', 1049, 'min-fresh=50', 'fresh', {}],
    ['not fresh for long enough', 1050, 'min-fresh=50', 'validate-or-stale', {}],
    ['min-fresh wants nothing stale', 1120, 'min-fresh=0', 'validate-or-stale', {}],
    ['max-stale any, inside the windows', 1190, 'max-stale', 'stale-while-revalidate', {}],
    ['max-stale enough', 1160, 'max-stale=60', 'stale-while-revalidate', {}],
    ['max-stale too little', 1161, 'max-stale=60', 'validate-or-stale', {}],
    ['max-stale does not reach beyond the windows', 1200, 'max-stale', 'validate', {}],
    ['max-stale where staleness is forbidden', 1101, 'max-stale', 'validate', NO_WINDOWS],
    ['only-if-cached, fresh', 1010, 'only-if-cached', 'fresh', {}],
    ['only-if-cached, usable', 1120, 'only-if-cached', 'stale-while-revalidate', {}],
    ['only-if-cached, stale', 1180, 'only-if-cached', 'gateway-timeout', {}],
    ['only-if-cached and no-cache', 1010, 'only-if-cached, no-cache', 'gateway-timeout', {}],
  ])('%s', (_what, nowS, request, use, changes) => {
    expect(at(nowS, request, changes)).toBe(use);
  });

  test('not obeyed: no request changes anything, but only-if-cached', () => {
    const requests = [
      'no-cache',
      'max-age=0',
      'min-fresh=9999',
      'max-stale',
      'no-store',
      'max-age=0, max-stale',
    ];
    for (let nowS = 990; nowS < 1210; nowS++) {
      const plain = at(nowS, undefined, { obeyRequestDirectives: false });
      for (const request of requests) {
        const changes = { obeyRequestDirectives: false, pragmaNoCache: true };
        expect(at(nowS, request, changes)).toBe(plain);
      }
    }
    expect(at(1180, 'only-if-cached', { obeyRequestDirectives: false })).toBe('gateway-timeout');
    expect(at(1010, 'only-if-cached, no-cache', { obeyRequestDirectives: false })).toBe('fresh');
  });
});
