import { describe, expect, test } from 'bun:test';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { AdminGuard } from './admin-guard.ts';

const TOKEN = 'correct-horse-battery-staple';
const SCRAPER = 'another-token-for-metrics';
const ANN = { name: 'ann', role: 'operate' } as const;

function setUp() {
  const clock = virtualClock();
  const guard = new AdminGuard({
    tokens: [
      { name: 'ann', token: TOKEN, role: 'operate' },
      { name: 'prometheus', token: SCRAPER, role: 'read' },
    ],
    clock,
    listenHost: 'Admin.Internal',
  });
  const present = (token: string, client = '192.0.2.1', host = '192.0.2.9:9090') =>
    guard.check({ headers: new Headers({ host, authorization: `Bearer ${token}` }), client });
  return { clock, present };
}

describe('the guard', () => {
  test('knows the name it listens on', () => {
    const { present } = setUp();
    expect(present(TOKEN, '192.0.2.1', 'admin.internal:9090')).toEqual(ANN);
    expect(present(TOKEN, '192.0.2.1', 'admin.internal.evil.example')).toBe('host');
    expect(present(TOKEN, '192.0.2.1', '')).toBe('host');
  });

  test('tells an address that guesses to stop, and lets the right token in from there all the same', () => {
    const { clock, present } = setUp();
    for (let i = 0; i < 10; i += 1) expect(present(`guess-${i}`)).toBe('token-wrong');
    expect(present('guess-10')).toBe('too-many-guesses');
    expect(present(TOKEN)).toEqual(ANN);
    expect(present(SCRAPER)).toEqual({ name: 'prometheus', role: 'read' });
    clock.advance(1_000);
    expect(present('guess-11')).toBe('token-wrong');
    expect(present('guess-12')).toBe('too-many-guesses');
  });

  test('limits what one token and one address may ask, and nobody else for it', () => {
    const { clock, present } = setUp();
    for (let i = 0; i < 200; i += 1) expect(present(TOKEN, `address-${i}`)).toEqual(ANN);
    expect(present(TOKEN, 'address-200')).toBe('too-many-requests');
    expect(present(SCRAPER, 'address-200')).toMatchObject({ name: 'prometheus' });
    clock.advance(10);
    expect(present(TOKEN, 'address-200')).toEqual(ANN);
    clock.advance(60_000);
    for (let i = 0; i < 200; i += 1) present(i % 2 === 0 ? TOKEN : SCRAPER, 'one');
    expect(present(TOKEN, 'one')).toBe('too-many-requests');
    expect(present(TOKEN, 'other')).toEqual(ANN);
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
    expect(present(TOKEN)).toEqual(ANN);
  });

  test('remembers a bounded number of addresses', () => {
    const { present } = setUp();
    for (let i = 0; i < 10; i += 1) present(`guess-${i}`, 'guesser');
    for (let i = 0; i < 255; i += 1) present('wrong', `address-${i}`);
    expect(present('guess-10', 'guesser')).toBe('too-many-guesses');
    for (let i = 0; i < 256; i += 1) present('wrong', `further-${i}`);
    expect(present('guess-10', 'guesser')).toBe('token-wrong');
  });
});
