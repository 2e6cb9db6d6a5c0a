import { expect, test } from 'bun:test';
import { Account, TestClock } from './harness.suite.ts';
import type { ConnectionHost, ServerSocket } from './host.ts';
import { DEFAULT_SERVER_LIMITS, newServerStats, type ServerLimits } from './limits.ts';
import { Sender } from './sender.ts';

/** A sender before a kernel that takes what the test says, up to any number of bytes. */
function senderBefore(kernel: { takes: number }, limits: Partial<ServerLimits> = {}) {
  const clock = new TestClock();
  const events: string[] = [];
  let received = '';
  let writes = 0;
  const host: ConnectionHost = {
    handler: { handle: () => undefined },
    clock,
    limits: { ...DEFAULT_SERVER_LIMITS, ...limits },
    stats: newServerStats(),
    scratch: Buffer.alloc(64),
    scratchBusy: false,
    draining: false,
    defaultAuthority: '',
    fault: (error) => events.push(String(error)),
    onClosed() {},
  };
  const socket = {
    write(bytes: Buffer, at: number, count: number): number {
      writes += 1;
      const taken = Math.min(count, kernel.takes);
      kernel.takes -= taken;
      received += bytes.toString('latin1', at, at + taken);
      return taken;
    },
  } as unknown as ServerSocket;
  const sender = new Sender(host, socket, {
    sent: () => events.push('sent'),
    broken: () => events.push('broken'),
  });
  return { sender, host, clock, events, received: () => received, writes: () => writes };
}

const BODY = Buffer.from(Array.from({ length: 2_000 }, (_, i) => 97 + (i % 26)));

test('a long answer gives way to others after a few writes, and goes on in a later turn', async () => {
  const it = senderBefore({ takes: Number.POSITIVE_INFINITY });
  it.sender.start(new Account(BODY, true).answer(), 'lead\r\n', 'length');
  expect(it.writes()).toBe(8);
  expect(it.events).toEqual([]);
  for (let turn = 0; it.events.length === 0 && turn < 100; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(it.events).toEqual(['sent']);
  expect(it.received()).toBe(`lead\r\nContent-Length: 2000\r\n\r\n${BODY.toString('latin1')}`);
});

test('a payload whose read makes another connection send does not mix the two up', async () => {
  const it = senderBefore({ takes: Number.POSITIVE_INFINITY });
  const other = new Sender(it.host, it.host as unknown as ServerSocket, { sent() {}, broken() {} });
  const inner = new Account(Buffer.from('inner'), true);
  const outer = new Account(Buffer.from('outer'), true);
  const read = outer.read.bind(outer);
  outer.read = (position, into, at) => {
    other.start(inner.answer(), 'inner lead ', 'length');
    return read(position, into, at);
  };
  it.sender.start(outer.answer(), '', 'length');
  expect(it.received()).toBe('Content-Length: 5\r\n\r\nouter');
  expect(inner.released).toBe(0); // it waits for a turn of its own
  other.abort();
  expect(inner).toMatchObject({ settled: true, whole: false });
});

test('only bytes taken count as progress of a client', () => {
  const kernel = { takes: 100 };
  const it = senderBefore(kernel, { sendRateMin: 0, writeTimeoutMs: 10_000 });
  const account = new Account(BODY, true);
  const stalled = (): boolean => it.sender.tooSlow(it.clock.monotonicMs());
  expect(stalled()).toBe(false);
  it.sender.start(account.answer(), '', 'length');
  it.clock.advance(9_500);
  it.sender.onDrain(); // a drain that lets nothing through
  expect(stalled()).toBe(false);
  it.clock.advance(500);
  expect(stalled()).toBe(true);
  kernel.takes = 10;
  it.sender.onDrain();
  expect(stalled()).toBe(false);
  it.clock.advance(9_500);
  expect(stalled()).toBe(false);
  it.clock.advance(500);
  expect(stalled()).toBe(true);
  it.sender.abort();
  expect(account).toMatchObject({ settled: true, whole: false, sentBytes: 110 });
  expect(stalled()).toBe(false);
  expect(it.events).toEqual([]);
});

test('room that the kernel does not tell of is found when the client seems to have stalled', () => {
  const kernel = { takes: 100 };
  const it = senderBefore(kernel, { sendRateMin: 0 });
  const account = new Account(BODY, true);
  it.sender.start(account.answer(), '', 'length');
  const stalled = (): boolean => it.sender.tooSlow(it.clock.monotonicMs());
  for (let round = 0; round < 5; round += 1) {
    it.clock.advance(29_000);
    kernel.takes = 20; // less than what makes it tell
    expect(stalled()).toBe(false);
    expect(kernel.takes).toBe(20); // not tried before its time
    it.clock.advance(1_000);
    expect(stalled()).toBe(false);
    expect(kernel.takes).toBe(0);
  }
  it.clock.advance(30_000);
  expect(stalled()).toBe(true);
  kernel.takes = Number.POSITIVE_INFINITY;
  expect(stalled()).toBe(false); // the rest goes out
  it.clock.advance(500);
});

test.each([
  [20, 30, true],
  [30, 30, false],
  [29, 30, true],
])('%d bytes in each second, where %d are the least: %p', (taken, least, slow) => {
  const kernel = { takes: 100 };
  const it = senderBefore(kernel, { sendRateMin: least, writeTimeoutMs: 10_000 });
  it.sender.start(new Account(BODY, true).answer(), '', 'length');
  const verdicts: boolean[] = [];
  for (let second = 0; second <= 20; second += 1) {
    verdicts.push(it.sender.tooSlow(it.clock.monotonicMs()));
    it.clock.advance(1_000);
    kernel.takes = taken;
    it.sender.onDrain();
  }
  expect(verdicts.indexOf(true)).toBe(slow ? 10 : -1);
  it.sender.abort();
});

test('a client that waits for the origin is not slow', () => {
  const kernel = { takes: Number.POSITIVE_INFINITY };
  const it = senderBefore(kernel, { sendRateMin: 1_000, writeTimeoutMs: 10_000 });
  const account = new Account(BODY, true, 10);
  it.sender.start(account.answer(), '', 'length');
  for (let second = 0; second < 100; second += 1) {
    expect(it.sender.tooSlow(it.clock.monotonicMs())).toBe(false);
    it.clock.advance(1_000);
    account.feed(1);
  }
  it.sender.abort();
});
