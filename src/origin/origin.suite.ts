import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { get, type Recorder, start, TestBody, until } from './origin.fixture.ts';
import type { Origin } from './origin.ts';

/** One implementation, with a way to put bytes behind a path. */
export interface OriginUnderTest {
  readonly origin: Origin;
  /** From now on the path has these bytes. Paths are plain: `/name.jpg`. */
  publish(path: string, bytes: Uint8Array): Promise<void> | void;
  stop(): Promise<void> | void;
}

/** Bytes that may arrive after a pause; the body is much larger. */
const READ_AHEAD_BYTES_MAX = 2 * 1024 * 1024;

function noise(seed: number, sizeBytes: number): Uint8Array {
  const random = seededRandom(seed);
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  for (let i = 0; i < words.length; i += 1) words[i] = random.u32();
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

/** What every implementation of {@link Origin} owes. */
export function originSuite(name: string, create: () => Promise<OriginUnderTest>): void {
  describe(`${name}: origin contract`, () => {
    let subject: OriginUnderTest;
    let origin: Origin;
    beforeAll(async () => {
      subject = await create();
      ({ origin } = subject);
    });
    afterAll(() => subject.stop());

    test.each([0, 1, 2, 1000, 65_535, 65_536, 65_537, 300_000, 5_000_000])(
      'delivers a body of %d bytes intact',
      async (sizeBytes) => {
        const bytes = noise(sizeBytes, sizeBytes);
        await subject.publish('/body.jpg', bytes);
        const got = await get(origin, '/body.jpg');
        expect(got.violations).toEqual([]);
        expect(got.ending).toBe('end');
        expect(got.head).toMatchObject({ status: 200, framing: 'length', bodyBytes: sizeBytes });
        expect(got.head?.fields.get('content-length')).toBe(String(sizeBytes));
        expect(got.head?.fields.get('content-type')).toBe('image/jpeg');
        expect(got.body.equals(bytes)).toBe(true);
      },
    );

    test('HEAD has the fields of GET and no body', async () => {
      await subject.publish('/head.png', noise(7, 4321));
      const got = await get(origin, '/head.png', { method: 'HEAD' });
      expect(got.violations).toEqual([]);
      expect(got.ending).toBe('end');
      expect(got.head).toMatchObject({ status: 200, framing: 'none', bodyBytes: 0 });
      expect(got.head?.fields.get('content-length')).toBe('4321');
      expect(got.head?.fields.get('content-type')).toBe('image/png');
      expect(got.receivedBytes).toBe(0);
    });

    test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
      '%s is done or answered with an error, and leaves GET alone',
      async (method) => {
        await subject.publish('/written.jpg', noise(8, 1000));
        const body = new TestBody(5);
        const wrote = start(origin, '/written.jpg', { method, body });
        await until(() => body.sink !== undefined || wrote.ending !== undefined);
        body.sink?.onData(Buffer.from('hello'));
        body.sink?.onEnd();
        expect(await wrote.ended).toBe('end');
        expect(wrote.violations).toEqual([]);
        const got = await get(origin, '/written.jpg');
        expect(got.violations).toEqual([]);
        expect(got.body.equals(noise(8, 1000))).toBe(true);
      },
    );

    test('a path without anything is a 404, not a failure', async () => {
      const got = await get(origin, '/nothing-here.jpg');
      expect(got.violations).toEqual([]);
      expect(got.ending).toBe('end');
      expect(got.head?.status).toBe(404);
    });

    test('answers a matching validator with 304 and another with the body', async () => {
      await subject.publish('/conditional.jpg', noise(3, 2000));
      const first = await get(origin, '/conditional.jpg');
      const etag = first.head?.fields.get('etag') ?? '';
      const lastModified = first.head?.fields.get('last-modified') ?? '';
      expect(etag).toMatch(/^"[^"]+"$/);
      const byTag = await get(origin, '/conditional.jpg', { fields: ['if-none-match', etag] });
      expect(byTag.head).toMatchObject({ status: 304, framing: 'none', bodyBytes: 0 });
      expect(byTag.head?.fields.get('etag')).toBe(etag);
      expect(byTag.receivedBytes).toBe(0);
      const byDate = await get(origin, '/conditional.jpg', { fields: ['if-modified-since', lastModified] });
      expect(byDate.head?.status).toBe(304);
      const other = await get(origin, '/conditional.jpg', { fields: ['if-none-match', '"other"'] });
      expect(other.head?.status).toBe(200);
      expect(other.receivedBytes).toBe(2000);
      for (const one of [first, byTag, byDate, other]) expect(one.violations).toEqual([]);
    });

    test('other bytes get another entity tag', async () => {
      await subject.publish('/changing.jpg', noise(1, 1000));
      const before = await get(origin, '/changing.jpg');
      await subject.publish('/changing.jpg', noise(2, 1001));
      const after = await get(origin, '/changing.jpg');
      expect(after.head?.fields.get('etag')).not.toBe(before.head?.fields.get('etag'));
      expect(after.body.equals(noise(2, 1001))).toBe(true);
    });

    test('an aborted exchange is silent, at every stage', async () => {
      await subject.publish('/abort.jpg', noise(4, 3_000_000));
      await subject.publish('/other.jpg', noise(5, 100_000));
      const aborted: Recorder[] = [];
      const abort = (recorder: Recorder): void => {
        recorder.exchange?.abort();
        recorder.exchange?.abort(); // idempotent
        recorder.silenced = true;
      };
      const atOnce = start(origin, '/abort.jpg');
      abort(atOnce);
      aborted.push(atOnce);
      const midBody = start(origin, '/abort.jpg', { onPart: abort });
      aborted.push(midBody);
      await until(() => midBody.silenced);
      const paused = start(origin, '/abort.jpg', { onPart: (recorder) => recorder.exchange?.pause() });
      await until(() => paused.receivedBytes > 0);
      abort(paused);
      aborted.push(paused);
      for (let i = 0; i < 20; i += 1) expect((await get(origin, '/other.jpg')).receivedBytes).toBe(100_000);
      for (const one of aborted) {
        expect(one.violations).toEqual([]);
        expect(one.ending).toBeUndefined();
      }
      expect(origin.gauges().active).toBe(0);
    });

    test('abort after the end changes nothing', async () => {
      await subject.publish('/late.jpg', noise(4, 3000));
      const done = await get(origin, '/late.jpg');
      done.exchange?.abort();
      done.exchange?.resume();
      done.exchange?.pause();
      expect((await get(origin, '/late.jpg')).ending).toBe('end');
      expect(done.violations).toEqual([]);
      expect(origin.gauges().active).toBe(0);
    });

    test('a pause holds the body back, a resume brings the rest', async () => {
      const bytes = noise(6, 8_000_000);
      await subject.publish('/paused.jpg', bytes);
      await subject.publish('/other.jpg', noise(5, 100_000));
      let pauses = 0;
      const slow = start(origin, '/paused.jpg', {
        onPart: (recorder) => {
          if (pauses++ === 0) recorder.exchange?.pause();
        },
      });
      await until(() => pauses > 0);
      for (let i = 0; i < 50; i += 1) await get(origin, '/other.jpg');
      expect(slow.receivedBytes).toBeLessThanOrEqual(READ_AHEAD_BYTES_MAX);
      slow.exchange?.resume();
      expect(await slow.ended).toBe('end');
      expect(slow.body.equals(bytes)).toBe(true);
      expect(slow.violations).toEqual([]);
    });

    test('a hundred exchanges at once do not mix', async () => {
      const bodies = Array.from({ length: 100 }, (_, i) => noise(1000 + i, 1 + ((i * 7919) % 100_000)));
      for (const [i, bytes] of bodies.entries()) await subject.publish(`/many-${i}.jpg`, bytes);
      const all = await Promise.all(bodies.map((_, i) => get(origin, `/many-${i}.jpg`)));
      for (const [i, got] of all.entries()) {
        expect(got.violations).toEqual([]);
        expect(got.body.equals(bodies[i]!)).toBe(true);
      }
      expect(origin.gauges().active).toBe(0);
    });

    test('a sink that throws ends its own exchange only', async () => {
      await subject.publish('/other.jpg', noise(5, 100_000));
      const throwing = start(origin, '/other.jpg', {
        onPart: (recorder) => {
          recorder.silenced = true;
          throw new Error('sink at fault');
        },
      });
      await until(() => throwing.silenced);
      expect((await get(origin, '/other.jpg')).receivedBytes).toBe(100_000);
      expect(throwing.violations).toEqual([]);
      expect(origin.gauges().active).toBe(0);
    });

    test.each([1, 2, 3, 4, 5])('keeps the order of calls whatever is done to it (seed %d)', (seed) =>
      mayhem(subject, seed),
    );

    test('holds nothing once it is closed and idle', async () => {
      await get(origin, '/other.jpg');
      const running = start(origin, '/other.jpg');
      origin.close();
      expect(await running.ended).toBe('end');
      await until(() => origin.gauges().connections === 0);
      expect(origin.gauges()).toEqual({ active: 0, connections: 0 });
    });
  });
}

/** Exchanges that pause, resume and abort at random. Those that were left alone must be whole. */
async function mayhem({ origin, publish }: OriginUnderTest, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number): number => random.u32() % n;
  const bodies = Array.from({ length: 10 }, (_, i) =>
    noise(seed * 100 + i, below(i < 8 ? 50_000 : 2_000_000)),
  );
  for (const [i, bytes] of bodies.entries()) await publish(`/mayhem-${i}.jpg`, bytes);

  const act = (recorder: Recorder): void => {
    const what = below(10);
    if (what === 0) {
      recorder.exchange?.abort();
      recorder.silenced = true;
    } else if (what < 4) {
      recorder.exchange?.pause();
      setImmediate(() => recorder.exchange?.resume());
    }
  };
  const runs: { recorder: Recorder; body: Uint8Array; method: 'GET' | 'HEAD' }[] = [];
  for (let i = 0; i < 100; i += 1) {
    const which = below(bodies.length);
    const method = below(8) === 0 ? 'HEAD' : 'GET';
    const recorder = start(origin, `/mayhem-${which}.jpg`, { method, onPart: act });
    if (below(10) === 0) act(recorder);
    runs.push({ recorder, body: bodies[which]!, method });
    if (below(4) === 0) await Promise.race([recorder.ended, until(() => recorder.silenced)]);
  }
  await until(() => runs.every(({ recorder }) => recorder.ending !== undefined || recorder.silenced));
  for (const { recorder, body, method } of runs) {
    expect(recorder.violations).toEqual([]);
    expect(recorder.failure).toBeUndefined();
    if (recorder.silenced) continue;
    expect(recorder.head?.status).toBe(200);
    expect(recorder.body.equals(method === 'HEAD' ? new Uint8Array() : body)).toBe(true);
  }
  expect(origin.gauges().active).toBe(0);
}
