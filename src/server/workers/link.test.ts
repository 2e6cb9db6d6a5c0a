import { describe, expect, test } from 'bun:test';
import { Flag } from '../../cache/entries.ts';
import { Fields } from '../../http/fields.ts';
import type { BodySink, MessageBody } from '../../origin/origin.ts';
import { type Answer, BROKEN, type CacheRequest, END, WAIT } from '../../serve/answer.ts';
import { StoredPayload } from '../../serve/flight-body.ts';
import { MemoryTier } from '../../store/memory/tier.ts';
import { TierReader } from '../../store/memory/tier-reader.ts';
import { Account, held, type Serve } from '../harness.suite.ts';
import { Forwarder } from './forwarder.ts';
import { OwnerLink } from './link.ts';
import type { ToOwner, ToWorker } from './messages.ts';

/** Both ends of the seam between a worker and its owner, in one thread; messages are delivered when the test says so. */
function seam(serve: Serve) {
  const faults: unknown[] = [];
  const toOwner: ToOwner[] = [];
  const toWorker: ToWorker[] = [];
  const tier = new MemoryTier({
    budgetBytes: 2 ** 20,
    policy: 's3-fifo',
    routes: 1,
    ghosts: 1,
    hashKey: { k0: 1, k1: 2 },
    segmentBytes: 2 ** 17,
    onLayout: (layout) => reader?.renew(layout),
  });
  let reader: TierReader | undefined;
  reader = new TierReader(tier.share(), tier.readers!.add());
  const link = new OwnerLink({
    handler: { handle: serve },
    tier,
    send: (message) => toWorker.push(message),
    nowMs: () => 0,
    onFault: (error) => faults.push(error),
  });
  const forwarder = new Forwarder(reader, (message) => toOwner.push(message));
  const deliver = (): void => {
    while (toOwner.length + toWorker.length > 0) {
      for (const message of structuredClone(toOwner.splice(0))) {
        if (message.kind === 'ask') link.ask(message);
        else if ('id' in message) link.receive(message);
      }
      for (const message of toWorker.splice(0)) if ('id' in message) forwarder.receive(message);
    }
  };
  const ask = (more: Partial<CacheRequest> = {}) => {
    const got: { answer: Answer | undefined } = { answer: undefined };
    const abandon = forwarder.handle(
      {
        method: 'GET',
        target: '/a.jpg',
        host: 'img.example',
        fields: new Fields(['accept', 'image/avif']),
        client: '127.0.0.1',
        receivedMs: 5,
        ...more,
      },
      {
        respond(answer) {
          got.answer = answer;
        },
      },
    );
    return { got, abandon };
  };
  return { faults, toOwner, toWorker, tier, link, ask, deliver };
}

/** Reads what there is of a payload, as a client that takes pieces of `pieceBytes`, delivering messages in between. */
function take(
  answer: Answer,
  deliver: () => void,
  from = 0,
  pieceBytes = 10_000,
): { body: Buffer; last: number } {
  const pieces: Buffer[] = [];
  let position = from;
  for (;;) {
    const piece = Buffer.alloc(pieceBytes);
    const count = answer.payload!.read(position, piece, 0);
    deliver();
    if (count <= 0) {
      if (count === WAIT && answer.payload!.read(position, piece, 0) > 0) continue;
      return { body: Buffer.concat(pieces), last: count };
    }
    pieces.push(piece.subarray(0, count));
    position += count;
    if (position === answer.payload!.bytes) return { body: Buffer.concat(pieces), last: END };
  }
}

const noise = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 7919) >> 3));

test('a request arrives as it was sent, and its answer comes back', () => {
  const { requests, responders, serve } = held();
  const { ask, deliver, link } = seam(serve);
  const { got } = ask({ method: 'HEAD', target: '/x?y=1' });
  deliver();
  expect(requests).toEqual([
    {
      method: 'HEAD',
      target: '/x?y=1',
      host: 'img.example',
      fields: new Fields(['accept', 'image/avif']),
      client: '127.0.0.1',
      receivedMs: 5,
    },
  ]);
  const done: [number, boolean][] = [];
  responders[0]!.respond({
    status: 304,
    head: 'ETag: "1"\r\n\r\n',
    headInPayload: false,
    payload: undefined,
    done: (sentBytes, whole) => done.push([sentBytes, whole]),
  });
  deliver();
  expect(got.answer).toMatchObject({ status: 304, head: 'ETag: "1"\r\n\r\n', headInPayload: false });
  expect(got.answer!.payload).toBeUndefined();
  expect([done, link.count]).toEqual([[], 1]);
  got.answer!.done(123, true);
  deliver();
  expect([done, link.count]).toEqual([[[123, true]], 0]);
});

describe('streams', () => {
  test.each([
    [true, 1],
    [true, 500_000],
    [false, 500_000],
    [false, 0],
  ])('of known length %p, %i bytes: whole, and never more than a window ahead', (known, bytes) => {
    const account = new Account(noise(bytes), known);
    const { ask, deliver, link } = seam((_, responder) => {
      responder.respond(account.answer());
      return undefined;
    });
    const { got } = ask();
    let most = 0;
    const step = (): void => {
      deliver();
      most = Math.max(most, link.aheadBytes);
    };
    step();
    const { body, last } = take(got.answer!, step);
    expect([body.equals(noise(bytes)), last]).toEqual([true, END]);
    expect(most).toBeLessThanOrEqual(64 * 1024);
    got.answer!.payload!.release();
    got.answer!.done(bytes, true);
    deliver();
    expect([account.settled, account.whole, account.sentBytes]).toEqual([true, true, bytes]);
    expect([link.count, link.aheadBytes]).toEqual([0, 0]);
  });

  test('as they arrive: the reader waits, is woken, and sees that the rest never comes', () => {
    const account = new Account(noise(3_000), true, 1_000);
    const { ask, deliver } = seam((_, responder) => {
      responder.respond(account.answer());
      return undefined;
    });
    const { got } = ask();
    deliver();
    expect(take(got.answer!, deliver)).toEqual({ body: noise(3_000).subarray(0, 1_000), last: WAIT });
    let woken = 0;
    got.answer!.payload!.whenReadable(() => {
      woken += 1;
    });
    account.feed(500);
    deliver();
    expect(woken).toBe(1);
    account.end(BROKEN);
    deliver();
    expect(take(got.answer!, deliver, 1_000)).toEqual({
      body: noise(3_000).subarray(1_000, 1_500),
      last: BROKEN,
    });
  });
});

describe('stored bodies', () => {
  const facts = {
    route: 0,
    status: 200,
    bornS: 0,
    freshUntilS: 9,
    revalidateUntilS: 9,
    errorUntilS: 9,
    flags: Flag.VALIDATOR,
  };

  test('are read where they lie, and pinned until the answer is done', () => {
    const s = seam((_, responder) => {
      s.tier.cache.pin(slot);
      const account = new Account(Buffer.alloc(0), true);
      responder.respond({
        ...account.answer(206),
        payload: new StoredPayload(s.tier, slot, 2 + 1_000, 2 + 9_000),
      });
      return undefined;
    });
    s.tier.key.set('r /a');
    const slot = s.tier.reserve('\r\n', 10_000, facts, 0);
    s.tier.writeBody(slot, 0, noise(10_000));
    s.tier.publish(slot);
    const { got } = s.ask();
    s.deliver();
    expect(take(got.answer!, s.deliver).body.equals(noise(10_000).subarray(1_000, 9_000))).toBe(true);
    expect(s.tier.cache.entries.pins(slot)).toBe(1);
    s.tier.cache.remove(slot, 'purged');
    expect(take(got.answer!, s.deliver).body.equals(noise(10_000).subarray(1_000, 9_000))).toBe(true);
    got.answer!.done(8_000, true);
    s.deliver();
    expect(s.tier.cache.count).toBe(0);
    s.tier.check();
  });

  test('are given back when the worker dies in the middle', () => {
    const s = seam((_, responder) => {
      s.tier.cache.pin(slot);
      const done = (sentBytes: number, whole: boolean): void => void ends.push([sentBytes, whole]);
      const payload = new StoredPayload(s.tier, slot, 2, 10_002);
      responder.respond({ status: 200, head: '', headInPayload: false, payload, done });
      return undefined;
    });
    const ends: [number, boolean][] = [];
    s.tier.key.set('r /a');
    const slot = s.tier.reserve('\r\n', 10_000, facts, 0);
    s.tier.publish(slot);
    s.ask();
    s.deliver();
    expect(s.tier.cache.entries.pins(slot)).toBe(1);
    s.link.dispose();
    expect([s.tier.cache.entries.pins(slot), ends, s.link.count]).toEqual([0, [[0, false]], 0]);
  });
});

describe('clients that go away', () => {
  test('before the answer: the handler is told, and what it answers is discarded', () => {
    const { responders, abandoned, serve } = held();
    const { ask, deliver, link, faults } = seam(serve);
    const { got, abandon } = ask();
    deliver();
    abandon();
    deliver();
    expect([abandoned, link.count]).toEqual([[0], 0]);
    const account = new Account(noise(10), true);
    responders[0]!.respond(account.answer());
    deliver();
    expect([account.settled, account.whole, got.answer, faults]).toEqual([true, false, undefined, []]);
  });

  test('while the answer is on its way: it is settled once', () => {
    const { responders, abandoned, serve } = held();
    const { ask, toOwner, deliver, link } = seam(serve);
    const { got, abandon } = ask();
    deliver();
    const account = new Account(noise(10), true);
    responders[0]!.respond(account.answer());
    abandon();
    expect(toOwner).toHaveLength(1);
    deliver();
    expect([account.settled, account.whole, abandoned, got.answer, link.count]).toEqual([
      true,
      false,
      [],
      undefined,
      0,
    ]);
  });
});

test('a fault of the handler is a 500, and is told', () => {
  const { ask, deliver, faults, link } = seam(() => {
    throw new Error('boom');
  });
  const { got } = ask();
  deliver();
  expect([got.answer!.status, faults.map(String)]).toEqual([500, ['Error: boom']]);
  expect(take(got.answer!, deliver).body.toString()).toContain('internal');
  got.answer!.payload!.release();
  got.answer!.done(1, true);
  deliver();
  expect(link.count).toBe(0);
});

test('a second answer is discarded, and is a fault', () => {
  const first = new Account(noise(5), true);
  const second = new Account(noise(6), true);
  const { ask, deliver, faults } = seam((_, responder) => {
    responder.respond(first.answer());
    responder.respond(second.answer());
    return undefined;
  });
  ask();
  deliver();
  expect([second.settled, faults.length]).toEqual([true, 1]);
});

test('the body of a request is received, held back and resumed across the seam', () => {
  const events: string[] = [];
  let sender: BodySink | undefined;
  const body: MessageBody = {
    bytes: 8,
    receive: (sink) => {
      sender = sink;
    },
    pause: () => void events.push('pause'),
    resume: () => void events.push('resume'),
  };
  const { ask, deliver } = seam((request) => {
    expect(request.body?.bytes).toBe(8);
    request.body!.receive({
      onData: (chunk) => void events.push(Buffer.from(chunk).toString()),
      onEnd: () => void events.push('end'),
      onFail: () => void events.push('fail'),
    });
    request.body!.pause();
    request.body!.resume();
    return () => undefined;
  });
  ask({ method: 'PUT', body });
  deliver();
  expect(events).toEqual(['pause', 'resume']);
  sender!.onData(Buffer.from('abcd'));
  sender!.onData(Buffer.from('efgh'));
  sender!.onEnd();
  deliver();
  expect(events).toEqual(['pause', 'resume', 'abcd', 'efgh', 'end']);
});
