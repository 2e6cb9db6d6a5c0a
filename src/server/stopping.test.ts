import { expect, test } from 'bun:test';
import { echo, eventually, RawClient, serverWith } from './harness.suite.ts';
import { stopping } from './stopping.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';

function setUp(drainDelayMs: number) {
  const bench = serverWith(echo);
  const events: string[] = [];
  const { server, clock } = bench;
  const release = async (): Promise<void> => void events.push('released');
  return { bench, events, stop: stopping({ server, clock, drainDelayMs, release }) };
}

test('during the delay it says that it goes, and serves new connections as before', async () => {
  const { bench, events, stop } = setUp(5_000);
  await using _ = bench;
  const before = bench.client().send(GET);
  await before.until(() => before.received.endsWith('/a'));
  expect(bench.server.draining).toBe(false);
  const stopped = stop(30_000);
  expect(bench.server.draining).toBe(true);
  bench.clock.advance(4_500);
  const during = bench.client().send(GET);
  await during.until(() => during.received.endsWith('/a'));
  expect(during.received).not.toContain('close');
  bench.clock.advance(500);
  await stopped;
  expect(events).toEqual(['released']);
  const after = new RawClient(bench.server.port);
  await eventually(() => after.closed);
  expect(after.reset).toBe(true);
});

test.each([
  ['no delay', 0, 30_000, false],
  ['a deadline of 0', 5_000, 0, false],
  ['a second call', 5_000, 30_000, true],
])('it ends at once with %s', async (_how, drainDelayMs, deadlineMs, twice) => {
  const { bench, events, stop } = setUp(drainDelayMs);
  await using _ = bench;
  const stopped = stop(deadlineMs);
  if (twice) void stop(0);
  await stopped;
  expect(events).toEqual(['released']);
  expect(bench.server.connections()).toBe(0);
});
