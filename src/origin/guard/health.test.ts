import { expect, test } from 'bun:test';
import { guardOptions } from '../../../test/support/guard-script.ts';
import { ScriptedOrigin } from '../../../test/support/scripted-origin.ts';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { seededRandom } from '../../base/random.ts';
import { Health } from './health.ts';

function subject() {
  const clock = virtualClock();
  const origin = new ScriptedOrigin(() => undefined);
  const changes: string[] = [];
  const { health: options } = guardOptions({ health: {} });
  const health = new Health(options!, origin, {
    clock,
    random: seededRandom(1),
    onChange: (healthy, reason) => changes.push(`${healthy} ${reason}`),
  });
  /** Lets the next check come, and answers it. */
  const check = (status: number | 'hangs' | 'refused'): void => {
    const before = origin.calls.length;
    while (origin.calls.length === before) clock.step();
    const { last } = origin;
    expect(last.request).toMatchObject({ method: 'GET', target: '/healthz' });
    if (status === 'hangs') clock.advance(2_000);
    else if (status === 'refused') last.fail('refused');
    else last.answer({ status }, Buffer.from('ok'));
  };
  return { clock, origin, changes, health, check };
}

test('an origin changes sides after checks in a row, and the reason is said once', () => {
  const { changes, health, check } = subject();
  check(500);
  check('hangs');
  check(200);
  check('refused');
  check(302);
  expect([health.healthy, changes]).toEqual([true, []]);
  check('hangs');
  expect(health.healthy).toBe(false);
  check(200);
  check(404);
  check(200);
  expect(health.healthy).toBe(false);
  check(200);
  expect(health.healthy).toBe(true);
  expect(changes).toEqual([
    'false 3 checks in a row of /healthz failed: no answer within 2000 ms',
    'true 2 checks in a row of /healthz succeeded',
  ]);
  health.stop();
});

test('comes once in each interval, also when nothing answers', () => {
  const { clock, origin, check, health } = subject();
  check('hangs');
  const first = origin.calls.length;
  clock.advance(79_000);
  expect(origin.calls.length).toBe(first + 8);
  expect(origin.running).toBe(1);
  health.stop();
  expect([origin.running, clock.pending]).toEqual([0, 0]);
});

test('reads a short answer to its end, and cuts an endless one', () => {
  const { clock, origin, health } = subject();
  while (origin.calls.length === 0) clock.step();
  const { last } = origin;
  last.head({ framing: 'chunked' });
  last.data(new Uint8Array(40_000));
  expect(last.state).toBe('body');
  last.data(new Uint8Array(40_000));
  expect([last.state, health.healthy]).toEqual(['aborted', true]);
  health.stop();
});
