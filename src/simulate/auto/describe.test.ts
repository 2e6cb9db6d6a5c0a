import { expect, test } from 'bun:test';
import { FIXTURE_AUTO } from '../../monitor/snapshot.fixture.ts';
import { describeDecision, describeStandings } from './describe.ts';

test('a decision is one sentence with its figures', () => {
  const figures = {
    from: 'lru',
    to: 's3-fifo',
    lead: 0.0312,
    error: 0.004,
    windows: 8,
    requests: 2_412,
    rate: 0.0625,
  } as const;
  expect(describeDecision(figures, { measure: 'hit ratio', to: 0.871, from: 0.8398 })).toBe(
    's3-fifo instead of lru: its hit ratio was 87.1 %, not 84.0 %; 3.12 points more (standard error 0.40) over 8 windows, 2,412 requests for 6.3 % of the keys',
  );
  expect(describeDecision({ ...figures, rate: 1 }, { measure: 'hit ratio', to: 0, from: 0 })).toEndWith(
    'requests for all keys',
  );
});

test('standings name who serves, and the next best', () => {
  expect(describeStandings(FIXTURE_AUTO)).toBe(
    'auto (favour: balanced), s3-fifo; sieve would be 0.50 points worse, by 128 windows; switches 1',
  );
  const ahead = FIXTURE_AUTO.policies.map((one) => (one.policy === 'lru' ? { ...one, lead: 0.004 } : one));
  expect(describeStandings({ ...FIXTURE_AUTO, policies: ahead })).toContain(
    'lru would be 0.40 points better',
  );
  expect(describeStandings({ ...FIXTURE_AUTO, windows: 3 })).toContain(
    'too early to say who is better, after 3 of at least 4 windows',
  );
  expect(describeStandings({ ...FIXTURE_AUTO, policies: [], windows: 0 })).toBe(
    'auto (favour: balanced), s3-fifo; nobody has had to evict yet; switches 1',
  );
});
