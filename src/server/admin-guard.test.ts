import { describe, expect, test } from 'bun:test';
import { manualClock } from '../monitor/manual-clock.fixture.ts';
import { AdminGuard } from './admin-guard.ts';

const TOKEN = 'correct-horse-battery-staple';

function setUp() {
  const clock = manualClock();
  const guard = new AdminGuard({ token: TOKEN, clock, listenHost: 'Admin.Internal' });
  const present = (token: string, client = '192.0.2.1', host = '192.0.2.9:9090') =>
    guard.check({ headers: new Headers({ host, authorization: `Bearer ${token}` }), client });
  return { clock, present };
}

describe('the guard', () => {
  test('knows the name it listens on', () => {
    const { present } = setUp();
    expect(present(TOKEN, '192.0.2.1', 'admin.internal:9090')).toBeUndefined();
    expect(present(TOKEN, '192.0.2.1', 'admin.internal.evil.example')).toBe('host');
    expect(present(TOKEN, '192.0.2.1', '')).toBe('host');
  });

  test('tells an address that guesses from one that is mistaken, and never locks the right token out', () => {
    const { clock, present } = setUp();
    for (let i = 0; i < 10; i += 1) expect(present(`guess-${i}`)).toBe('token-wrong');
    expect(present('guess-10')).toBe('too-many-guesses');
    expect(present(TOKEN)).toBeUndefined();
    expect(present('guess-10')).toBe('too-many-guesses');
    expect(present('guess-10', '192.0.2.2')).toBe('token-wrong');
    clock.advance(1_000);
    expect(present('guess-11')).toBe('token-wrong');
    expect(present('guess-12')).toBe('too-many-guesses');
    expect(present(TOKEN)).toBeUndefined();
  });

  test('bounds the guesses per hour whatever their rhythm', () => {
    const { clock, present } = setUp();
    let read = 0;
    for (let i = 0; i < 36_000; i += 1) {
      clock.advance(100);
      if (present(`guess-${i}`) === 'token-wrong') read += 1;
    }
    expect(read).toBeLessThanOrEqual(3_600 + 10);
  });

  test('does not take a scraper with one wrong token for a guesser', () => {
    const { present } = setUp();
    for (let i = 0; i < 1_000; i += 1)
      expect(present(i % 2 === 0 ? 'old-token' : 'older-token')).toBe('token-wrong');
    expect(present(TOKEN)).toBeUndefined();
  });

  test('remembers a bounded number of addresses, and none of the innocent', () => {
    const { present } = setUp();
    for (let i = 0; i < 10; i += 1) present(`guess-${i}`, 'guesser');
    for (let i = 0; i < 255; i += 1) present('wrong', `address-${i}`);
    for (let i = 0; i < 5_000; i += 1) present(TOKEN, `innocent-${i}`);
    expect(present('guess-10', 'guesser')).toBe('too-many-guesses');
    present('wrong', 'one-more');
    expect(present('guess-10', 'guesser')).toBe('token-wrong');
  });
});
