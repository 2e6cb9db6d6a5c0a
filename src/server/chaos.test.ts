import { expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import type { MessageBody } from '../origin/origin.ts';
import { BROKEN, END, type Responder } from '../serve/answer.ts';
import { Account, type Bench, eventually, type Serve, serverWith } from './harness.suite.ts';

const PIECES = [
  'GET /a HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'HEAD /c HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'PUT /h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n',
  'PUT /i HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody',
  `POST /j HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2_000)}`,
  'POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n',
  'GET /e HTTP/1.0\r\n\r\n',
  'GET /f HTTP/1.1\r\n\r\n',
  'GET /g HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'nonsense',
];

interface Exchange {
  readonly account: Account;
  responded: boolean;
  late: boolean;
  abandoned: number;
}

/** Receives a body and holds it back at random; returns what it was told at the end. */
function receive(body: MessageBody, random: Random): string[] {
  const ends: string[] = [];
  body.receive({
    onData() {
      if (ends.length > 0) ends.push('data');
      if (random.u32() % 3 > 0) return;
      body.pause();
      setImmediate(() => body.resume());
    },
    onEnd: () => void ends.push('end'),
    onFail: () => void ends.push('fail'),
  });
  return ends;
}

/** A handler that answers at random: at once or later, whole or in pieces, broken, twice, or not at all but an exception. */
function erratic(random: Random, exchanges: Exchange[], bodies: string[][]): Serve {
  return (request, responder) => {
    const known = random.u32() % 2 === 0;
    const body = Buffer.alloc(random.u32() % (random.u32() % 8 === 0 ? 12_000_000 : 3_000), 'x');
    const account = new Account(
      body,
      known,
      random.u32() % 2 === 0 ? body.length : random.u32() % (body.length + 1),
    );
    if (request.body !== undefined && random.u32() % 3 > 0) bodies.push(receive(request.body, random));
    const exchange: Exchange = { account, responded: false, late: false, abandoned: 0 };
    const fate = random.u32() % 10;
    if (fate === 0) throw new Error('handler');
    exchanges.push(exchange);
    if (fate < 6) answer(exchange, responder, random);
    else setImmediate(() => answer(exchange, responder, random));
    return exchange.responded ? undefined : () => (exchange.abandoned += 1);
  };
}

function answer(exchange: Exchange, responder: Responder, random: Random): void {
  exchange.late = exchange.abandoned > 0;
  if (exchange.late && random.u32() % 2 === 0) return; // handlers should stop then; an answer is settled all the same
  exchange.responded = true;
  const { account } = exchange;
  responder.respond(account.answer());
  const feed = (): void => {
    if (account.released > 0) return;
    if (random.u32() % 3 > 0) {
      account.feed(random.u32() % 6_000_000);
      setImmediate(feed);
    } else {
      account.feed(12_000_000);
      account.end(random.u32() % 4 === 0 ? BROKEN : END);
    }
  };
  setImmediate(feed);
}

/** A client that sends requests in random pieces and leaves in one of several ways, at any point. */
async function visit(bench: Bench, random: Random): Promise<void> {
  const client = bench.client();
  const stalled = random.u32() % 5 === 0;
  if (stalled) client.socket.pause();
  let text = '';
  for (let count = 1 + (random.u32() % 4); count > 0; count -= 1)
    text += PIECES[random.u32() % PIECES.length]!;
  while (text !== '' && !client.ended && !client.closed) {
    const bytes = 1 + (random.u32() % 60);
    client.send(text.slice(0, bytes));
    text = text.slice(bytes);
    for (let turns = random.u32() % 3; turns > 0; turns -= 1)
      await new Promise((resolve) => setImmediate(resolve));
    if (random.u32() % 20 === 0) break;
  }
  for (let turns = random.u32() % 6; turns > 0; turns -= 1)
    await new Promise((resolve) => setImmediate(resolve));
  const leaving = random.u32() % (stalled ? 2 : 4);
  if (leaving === 0) client.socket.resetAndDestroy();
  else if (leaving === 1) client.socket.destroy();
  else if (leaving === 2) client.socket.end();
}

test.each([1, 2, 3])(
  'every answer is settled once, whatever clients and handler do (seed %d)',
  async (seed) => {
    const random = seededRandom(seed);
    const exchanges: Exchange[] = [];
    const bodies: string[][] = [];
    await using bench = serverWith(erratic(random, exchanges, bodies));
    const visits: Promise<void>[] = [];
    for (let count = 0; count < 150; count += 1) {
      visits.push(visit(bench, random));
      if (count % 10 === 9) await Promise.all(visits.splice(0));
    }
    await eventually(() => exchanges.every((it) => it.account.settled || it.abandoned > 0));
    const drained = bench.server.drain(60_000);
    bench.clock.advance(60_000);
    await drained;
    expect(bench.server.connections()).toBe(0);
    await eventually(() => bodies.every((ends) => ends.length > 0));
    for (const ends of bodies) expect(ends).toBeOneOf([['end'], ['fail']]);
    expect(bodies.filter(([end]) => end === 'end').length).toBeGreaterThan(10);
    const thrown = bench.faults.filter((fault) => String(fault) === 'Error: handler').length;
    expect(exchanges.length + thrown).toBe(bench.server.stats.requests);
    expect(exchanges.length).toBeGreaterThan(100);
    await eventually(() => exchanges.every((it) => it.late || it.responded));
    for (const { account, responded, abandoned } of exchanges) {
      expect(account.settled).toBe(responded);
      expect(abandoned).toBeLessThanOrEqual(1);
      if (account.whole === true) expect(account.sentBytes).toBeGreaterThan(0);
    }
    const faults = bench.faults.map(String).filter((fault) => fault !== 'Error: handler');
    expect(faults).toEqual([]);
  },
);
