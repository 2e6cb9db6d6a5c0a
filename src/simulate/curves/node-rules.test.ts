import { describe, expect, test } from 'bun:test';
import { type ServedKind, Stated, statedLife, UNKNOWN_LIFE } from '../../traffic/batch.ts';
import type { SimulatedRoute } from '../plan.ts';
import { LIVE_RULES } from './curve.ts';
import { HIT, lasting } from './curves.fixture.ts';
import { nodeRules } from './node-rules.ts';

const ROUTE: SimulatedRoute = {
  caches: true,
  pinned: false,
  objectBytesMax: 1e9,
  origin: 'o',
  negativeTtlS: 5,
};

const memory = { sizeBytes: 1e9, policy: 'lru', objectBytesMax: 10_000 } as const;

function rules(route: Partial<SimulatedRoute> = {}) {
  return nodeRules({
    memory,
    routes: new Map([['images', { ...ROUTE, ...route }]]),
    otherRoute: { ...ROUTE, caches: false },
  });
}

const SILENT = statedLife(undefined, { flags: Stated.IMAGE });
const MISS: ServedKind = { ...HIT, outcome: 'miss', tier: 'none' };

describe('the rules of a node', () => {
  test('a route says what a response that says nothing is good for', () => {
    expect(rules().usableS(MISS, SILENT)).toBe(0);
    expect(rules({ defaultTtlS: 600 }).usableS(MISS, SILENT)).toBe(600);
    expect(rules({ defaultTtlS: 600 }).usableS(MISS, { ...SILENT, ageS: 100 })).toBe(500);
    expect(rules({ overrideTtlS: 60 }).usableS(MISS, { ...SILENT, lifetimeS: 10_000 })).toBe(60);
    expect(rules({ staleWhileRevalidateS: 30 }).usableS(MISS, { ...SILENT, lifetimeS: 70 })).toBe(100);
    expect(rules({ defaultTtlS: 600 }).usableS({ ...MISS, status: 404 }, { ...SILENT, flags: 0 })).toBe(5);
  });

  test('what was given stays given, and nothing known is a day', () => {
    expect(rules({ overrideTtlS: 60 }).usableS(HIT, lasting(300))).toBe(300);
    expect(rules().usableS(HIT, UNKNOWN_LIFE)).toBe(86_400);
    expect(rules({ defaultTtlS: 50 }).usableS(HIT, UNKNOWN_LIFE)).toBe(50);
  });

  test('what may not be stored is of no use', () => {
    const good = { ...SILENT, lifetimeS: 100 };
    expect(rules().usableS({ ...MISS, notStored: 'private' }, good)).toBe(0);
    expect(rules().usableS({ ...MISS, notStored: 'no-room' }, good)).toBe(100);
    expect(rules().usableS(MISS, { ...good, flags: Stated.NO_CACHE })).toBe(0);
    expect(rules().usableS({ ...MISS, route: 'another' }, good)).toBe(0);
    expect(rules().usableS({ ...MISS, outcome: 'failed', status: 0 }, UNKNOWN_LIFE)).toBe(0);
  });

  test('the memory tier refuses what is too large for it', () => {
    expect(rules().chargeOf(10_000, 300)).toBe(LIVE_RULES.chargeOf(10_000, 300));
    expect(rules().chargeOf(10_001, 300)).toBe(0);
  });
});
