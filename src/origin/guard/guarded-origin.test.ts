import { describe, expect, test } from 'bun:test';
import { guardOptions } from '../../../test/support/guard-script.ts';
import { startOriginServer } from '../../../test/support/origin-server.ts';
import { realClock } from '../../../test/support/real-clock.ts';
import { seededRandom } from '../../base/random.ts';
import { httpOrigin } from '../http.fixture.ts';
import { originSuite } from '../origin.suite.ts';
import { OriginGuard } from './guard.ts';
import { failTimes, guarded } from './guarded.fixture.ts';
import { createGuardedOrigin } from './guarded-origin.ts';

originSuite('guarded http', async () => {
  const server = startOriginServer();
  server.can('/nothing-here.jpg', { status: 404, body: 'not here' });
  const inner = httpOrigin(
    server.url,
    { maxBodyBytes: 100_000_000, maxConnections: 16 },
    { onFault: () => undefined },
  );
  const options = guardOptions({ connections: 16, queueMax: 100, breaker: {}, retries: 1, health: {} });
  const deps = { clock: realClock, random: seededRandom(1) };
  const events = {
    exchanged: () => undefined,
    failed: () => undefined,
    queued: () => undefined,
    circuit: () => undefined,
    health: () => undefined,
  };
  const guards = [new OriginGuard(inner, options, { ...deps, events })];
  return {
    origin: createGuardedOrigin({ name: 'shop', guards, deadlineMs: 30_000, hedgeAfterMs: undefined }, deps),
    publish: (path, bytes) => {
      server.change(path);
      server.can(path, { body: bytes });
    },
    stop: () => {
      expect(guards[0]!.gauges()).toMatchObject({ active: 0, waiting: 0 });
      return server.stop();
    },
  };
});

const BODY = Buffer.from('body');

describe('the budget of exchanges', () => {
  test('holds, and those that wait have their turn in order', () => {
    const g = guarded({ connections: 2 });
    const asked = ['/1', '/2', '/3', '/4'].map((target) => g.ask(target));
    expect(g.origins[0]!.calls.map(({ request }) => request.target)).toEqual(['/1', '/2']);
    expect(g.guards[0]!.gauges()).toMatchObject({ active: 2, waiting: 2 });
    g.origins[0]!.calls[0]!.answer({}, BODY);
    expect(g.call().request.target).toBe('/3');
    asked[1]!.exchange!.abort();
    expect(g.call().request.target).toBe('/4');
    asked[2]!.exchange!.abort();
    g.call().answer({}, BODY);
    expect([asked[0]!.ending, asked[3]!.ending]).toEqual(['end', 'end']);
    expect(g.guards[0]!.gauges()).toMatchObject({ active: 0, waiting: 0 });
    for (const one of asked) expect(one.violations).toEqual([]);
    expect(g.clock.pending).toBe(0);
  });

  test('a full queue fails at once, a long wait in time, each by its name', () => {
    const g = guarded({ connections: 1, queueMax: 1, queueMs: 1000 });
    g.ask('/1');
    const late = g.ask('/2');
    const full = g.ask('/3');
    expect(full.ending).toBeUndefined();
    g.clock.advance(0);
    expect(full.failure).toEqual({
      cause: 'queue-full',
      detail: 'origin a: all 1 exchanges (connections) were busy and 1 requests (queue.max) already waited',
      retryAfterS: 1,
    });
    g.clock.advance(1000);
    expect(late.failure?.cause).toBe('queue-timeout');
    expect(late.failure?.detail).toContain('for 1000 ms (queue.timeout)');
    for (const one of [late, full]) expect(one.violations).toEqual([]);
    expect(g.told).toEqual(['a failed queue-full', 'a failed queue-timeout']);
  });

  test('a queue that is half full is no place for who has a copy', () => {
    const g = guarded({ connections: 1, queueMax: 4 });
    g.ask('/1');
    const first = g.ask('/2');
    expect(g.origin.trouble!()).toBeUndefined();
    g.ask('/3');
    expect(g.origin.trouble!()).toBe('queue-full');
    first.exchange!.abort();
    expect(g.origin.trouble!()).toBeUndefined();
  });

  test('renewals give their places back', () => {
    const g = guarded({ connections: 1 });
    for (let i = 0; i < 3; i += 1) {
      const renewal = g.ask(`/${i}`, { background: true });
      g.call().answer({}, BODY);
      expect(renewal.ending).toBe('end');
    }
  });

  test('what nobody waits for is dropped first', () => {
    const g = guarded({ connections: 1, queueMax: 1 });
    g.ask('/1');
    const behind = g.ask('/2', { background: true });
    const client = g.ask('/3');
    expect(behind.failure?.cause).toBe('queue-full');
    g.call().answer({}, BODY);
    g.call().answer({}, BODY);
    expect(client.ending).toBe('end');
  });
});

describe('the circuit', () => {
  test('opens on failures, sends those that wait away, and fails the next ones at once', () => {
    const g = guarded({ connections: 5, breaker: {} });
    const asked = Array.from({ length: 6 }, (_, i) => g.ask(`/${i}`));
    expect(g.origin.trouble!()).toBeUndefined();
    for (const call of g.origins[0]!.calls.slice(0, 5)) call.fail('connect-timeout');
    // The place of the first that failed was given on before the circuit opened.
    expect(asked.slice(0, 5).map((one) => one.failure?.cause)).toEqual(Array(5).fill('connect-timeout'));
    expect(asked[5]!.ending).toBeUndefined();
    expect(g.guards[0]!.gauges().circuit).toBe('open');
    expect(g.origin.trouble!()).toBe('circuit-open');
    const refused = g.ask('/7');
    g.clock.advance(0);
    expect(refused.failure).toMatchObject({ cause: 'circuit-open', retryAfterS: 1 });
    expect(refused.violations).toEqual([]);
    expect(g.origins[0]!.calls.length).toBe(6);
    expect(g.told.filter((line) => line.includes('circuit '))).toEqual(['a circuit open']);
  });

  test('those in the queue do not wait for it', () => {
    const g = guarded({ connections: 1, breaker: { consecutive: 1 } });
    g.ask('/1');
    const waiting = [g.ask('/2'), g.ask('/3')];
    g.call().fail('reset');
    expect(waiting.map((one) => one.failure?.cause)).toEqual(['circuit-open', 'circuit-open']);
    expect(g.origins[0]!.calls.length).toBe(1);
  });

  test('is tried with real requests, and closes when these succeed', () => {
    const g = guarded({ breaker: {} });
    failTimes(g, 5);
    g.clock.advance(1000);
    expect(g.origin.trouble!()).toBe('circuit-open'); // who has a copy does not wait for a try
    const probes = [g.ask('/1'), g.ask('/2')];
    const third = g.ask('/3');
    g.clock.advance(0);
    expect(third.failure?.cause).toBe('circuit-open');
    for (const call of g.origins[0]!.calls.slice(-2)) call.answer({ status: 404 }, BODY);
    expect(probes.map((one) => one.ending)).toEqual(['end', 'end']);
    expect(g.origin.trouble!()).toBeUndefined();
  });

  test.each([
    ['a 503', 'sorry'],
    ['a 503, with a body', 'none'],
    ['a 500', 'good'],
    ['a 404', 'good'],
    ['truncated', 'bad'],
    ['idle-timeout', 'bad'],
    ['malformed', 'none'],
    ['too-large', 'none'],
    ['unreadable', 'none'],
    ['idle-timeout, held by its readers', 'none'],
    ['total-timeout, held by its readers before', 'none'],
    ['truncated, with a body', 'none'],
    ['reset, with a body', 'none'],
    ['first-byte-timeout, with a body', 'bad'],
    ['aborted before its head', 'none'],
    ['aborted in its body', 'good'],
  ])('%s is %s', (what, verdict) => {
    const g = guarded({ breaker: { consecutive: 2 } });
    failTimes(g, 1);
    const body = { bytes: 9, receive() {}, pause() {}, resume() {} };
    const one = g.ask('/1', what.endsWith('with a body') ? { method: 'POST', body } : {});
    const status = /^a (\d+)/.exec(what)?.[1];
    const cause = what.split(',')[0]! as 'truncated';
    if (status !== undefined) g.call().answer({ status: Number(status) }, BODY);
    else if (what === 'aborted before its head') one.exchange!.abort();
    else {
      g.call().head({ bodyBytes: 100 }).data(BODY);
      if (what.includes('held')) one.exchange!.pause();
      if (what.includes('before')) one.exchange!.resume();
      if (what === 'aborted in its body') one.exchange!.abort();
      else g.call().fail(cause);
    }
    const { breaker } = g.guards[0]!;
    expect(breaker!.state).toBe(verdict === 'bad' ? 'open' : 'closed');
    if (verdict === 'bad') return;
    failTimes(g, 1);
    // Only a good answer ends a row of failures.
    expect(breaker!.state).toBe(verdict === 'good' ? 'closed' : 'open');
  });
});

describe('second tries', () => {
  test('follow a failed connection after a moment, within the budget, and the answer is whole', () => {
    const g = guarded({ retries: 2 });
    const one = g.ask('/1');
    g.call().fail('refused');
    expect([one.ending, g.origins[0]!.calls.length]).toEqual([undefined, 1]);
    g.clock.advance(75);
    g.call().fail('reset');
    g.clock.advance(49);
    expect(g.origins[0]!.calls.length).toBe(2);
    g.clock.advance(101);
    g.call().answer({}, BODY);
    expect([one.ending, one.body.toString(), one.violations]).toEqual(['end', 'body', []]);
    expect(g.guards[0]!.gauges()).toMatchObject({ retries: 2, active: 0 });
    expect(g.told).toEqual(['a ended 0', 'a failed refused', 'a ended 0', 'a failed reset', 'a ended 200']);
  });

  test('are held back where the first one was', () => {
    const g = guarded({ retries: 1 });
    const one = g.ask('/1');
    one.exchange!.pause();
    g.call().fail('refused');
    g.clock.advance(75);
    expect(g.call().paused).toBe(true);
    one.exchange!.resume();
    g.call().answer({}, BODY);
    expect(one.ending).toBe('end');
  });

  test('end with the last failure', () => {
    const g = guarded({ retries: 1 });
    const one = g.ask('/1');
    g.call().fail('refused');
    g.clock.advance(75);
    g.call().fail('reset');
    expect([one.failure?.cause, one.violations]).toEqual(['reset', []]);
  });

  test.each(['first-byte-timeout', 'malformed', 'tls', 'too-large'] as const)('none after %s', (cause) => {
    const g = guarded({ retries: 3 });
    const one = g.ask('/1');
    g.call().fail(cause);
    expect(one.failure?.cause).toBe(cause);
  });

  test('none once anything was delivered', () => {
    const g = guarded({ retries: 3 });
    const one = g.ask('/1');
    g.call().head({ bodyBytes: 4 });
    g.call().fail('reset');
    expect(one.failure?.cause).toBe('reset');
  });

  test.each([
    ['another method', { method: 'DELETE' }],
    ['a renewal in the background', { background: true }],
  ])('none for %s', (_, options) => {
    const g = guarded({ retries: 3 });
    const one = g.ask('/1', options);
    g.call().fail('reset');
    expect(one.failure?.cause).toBe('reset');
  });

  test('none for a 503: the origin has answered', () => {
    const g = guarded({ retries: 3 });
    const one = g.ask('/1');
    g.call().answer({ status: 503 }, Buffer.from('busy'));
    g.clock.advance(1000);
    expect([one.head?.status, one.body.toString()]).toEqual([503, 'busy']);
    expect([g.origins[0]!.calls.length, g.guards[0]!.retries]).toEqual([1, 0]);
  });

  test('an outage of the origin costs it a tenth more at most', () => {
    const g = guarded({ retries: 3 });
    for (let i = 0; i < 1_000; i += 1) {
      g.ask(`/${i}`);
      for (const call of g.origins[0]!.calls.slice(-5)) if (call.running) call.fail('refused');
      g.clock.advance(10);
    }
    expect(g.origins[0]!.calls.length).toBeLessThanOrEqual(1_110);
    expect(g.guards[0]!.retries).toBeGreaterThan(90);
  });
});

describe('several origins', () => {
  test('one that fails hands on to the next, at once', () => {
    const g = guarded({ origins: 3 });
    const one = g.ask('/1');
    g.call(0).fail('first-byte-timeout');
    g.call(1).head({ status: 502, bodyBytes: 3 });
    g.call(2).answer({}, BODY);
    expect([one.body.toString(), one.violations]).toEqual(['body', []]);
    expect(g.guards[0]!.failovers).toBe(2);
  });

  test('a 404 of the first is an answer', () => {
    const g = guarded({ origins: 2 });
    const one = g.ask('/1');
    g.call(0).answer({ status: 404 }, BODY);
    expect([one.head?.status, g.origins[1]!.calls.length]).toEqual([404, 0]);
  });

  test('the last answer is passed on when it is an error as well', () => {
    const g = guarded({ origins: 2 });
    const one = g.ask('/1');
    g.call(0).fail('refused');
    g.call(1).answer({ status: 503, fields: { 'retry-after': '1' } }, BODY);
    expect([one.head?.status, one.ending]).toEqual([503, 'end']);
  });

  test('with an open circuit is skipped; the failure of one that was asked tells more than that', () => {
    const g = guarded({ origins: 2, breaker: { consecutive: 1 } });
    g.ask('/1');
    g.call(0).fail('refused');
    g.call(1).answer({}, BODY);
    expect(g.origin.trouble!()).toBeUndefined();
    const two = g.ask('/2');
    expect(g.origins[0]!.calls.length).toBe(1);
    g.call(1).fail('connect-timeout');
    expect(two.failure?.cause).toBe('connect-timeout');
    expect(g.origin.trouble!()).toBe('circuit-open');
    const three = g.ask('/3');
    g.clock.advance(0);
    expect(three.failure?.cause).toBe('circuit-open');
  });

  test('another method stays with the first', () => {
    const g = guarded({ origins: 2 });
    const one = g.ask('/1', { method: 'PUT' });
    g.call(0).fail('refused');
    expect([one.failure?.cause, g.origins[1]!.calls.length]).toEqual(['refused', 0]);
  });

  test('unhealthy ones are asked last, but they are asked: a check can be wrong as well', () => {
    const g = guarded({ origins: 2, health: { unhealthyAfter: 1, intervalMs: 1_000, timeoutMs: 500 } });
    let statuses = [500, 200];
    for (const [i, origin] of g.origins.entries()) {
      origin.onCall = (call) => {
        if (call.request.target === '/healthz') call.answer({ status: statuses[i]! });
      };
    }
    g.clock.advance(1_000);
    const one = g.ask('/1');
    expect(g.call(1).request.target).toBe('/1');
    g.call(1).fail('refused');
    expect(g.call(0).request.target).toBe('/1');
    g.call(0).answer({}, BODY);
    expect(one.ending).toBe('end');
    statuses = [500, 500];
    g.clock.advance(1_000);
    expect(g.origin.trouble!()).toBeUndefined();
    const two = g.ask('/2');
    g.call(0).answer({}, BODY);
    expect([two.ending, g.told.filter((line) => line.includes('healthy'))]).toEqual([
      'end',
      ['a healthy false', 'b healthy false'],
    ]);
    g.origin.close();
    g.clock.advance(0);
    expect(g.clock.pending).toBe(0);
  });
});

describe('hedging', () => {
  test('asks the next one when the first is slow; the first head wins and the other is let go', () => {
    const g = guarded({ origins: 2, hedgeAfterMs: 200, breaker: {} });
    const one = g.ask('/1');
    g.clock.advance(199);
    expect(g.origins[1]!.calls.length).toBe(0);
    g.clock.advance(1);
    g.call(1).answer({}, BODY);
    expect([one.body.toString(), g.call(0).state, g.guards[0]!.hedges]).toEqual(['body', 'aborted', 1]);
    const two = g.ask('/2');
    g.clock.advance(200);
    g.call(0).answer({}, Buffer.from('late but first'));
    expect([two.body.toString(), g.call(1).state]).toEqual(['late but first', 'aborted']);
    expect([one.violations, two.violations, g.clock.pending]).toEqual([[], [], 0]);
  });

  test('a failure of one waits for the other', () => {
    const g = guarded({ origins: 2, hedgeAfterMs: 200 });
    const one = g.ask('/1');
    g.clock.advance(200);
    g.call(0).fail('reset');
    expect(one.ending).toBeUndefined();
    g.call(1).head({ status: 503, bodyBytes: 1 }).data(BODY.subarray(1, 2)).end();
    expect([one.head?.status, one.ending]).toEqual([503, 'end']);
    const two = g.ask('/2');
    g.clock.advance(200);
    g.call(1).head({ status: 503, bodyBytes: 1 });
    expect([g.call(1).state, two.head]).toEqual(['aborted', undefined]);
    g.call(0).answer({}, BODY);
    expect(two.ending).toBe('end');
  });

  test('takes from the budget of second tries', () => {
    const g = guarded({ origins: 2, hedgeAfterMs: 10 });
    for (let i = 0; i < 500; i += 1) {
      g.ask(`/${i}`);
      g.clock.advance(10);
      for (const origin of g.origins) if (origin.calls.at(-1)?.running === true) origin.last.answer({}, BODY);
    }
    expect(g.guards[0]!.hedges).toBeWithin(50, 61);
    expect(g.origins[1]!.calls.length).toBe(g.guards[0]!.hedges);
  });
});

describe('the deadline', () => {
  test('ends the queue, further tries and other origins', () => {
    const g = guarded({ connections: 1, origins: 2, retries: 3, deadlineMs: 1_000 });
    g.ask('/0').exchange!.pause();
    g.call(0).head({ bodyBytes: 1 }); // keeps its place: the deadline is over with the head
    const one = g.ask('/1'); // waits
    g.clock.advance(1_000);
    expect([one.failure?.cause, one.violations]).toEqual(['deadline', []]);
    expect(g.told).toEqual(['a failed deadline']);
    expect(g.guards[0]!.gauges()).toMatchObject({ active: 1, waiting: 0 });
  });

  test('speaks against an origin that had enough of it, and not against one that was asked late', () => {
    const g = guarded({ origins: 2, deadlineMs: 1_000, breaker: { consecutive: 1 } });
    const one = g.ask('/1');
    g.clock.advance(700);
    g.call(0).fail('malformed');
    g.clock.advance(300);
    expect([one.failure?.cause, g.guards[1]!.good]).toEqual(['deadline', true]);
    g.ask('/2');
    g.clock.advance(1_000);
    expect(g.guards.map((guard) => guard.good)).toEqual([false, true]);
  });
});
