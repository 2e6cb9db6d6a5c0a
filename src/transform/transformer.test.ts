import { describe, expect, test } from 'bun:test';
import { type ScriptedProcess, scriptedWorker } from '../../test/support/scripted-worker.ts';
import { type VirtualClock, virtualClock } from '../../test/support/virtual-clock.ts';
import { PLAIN } from '../image/variant.ts';
import type { Transformer, TransformJob, TransformResult, TransformTicket } from './transform.ts';
import { createTransformer, type TransformerOptions } from './transformer.ts';

const LIMITS = {
  inputBytes: 1000,
  pixels: 1000,
  frames: 10,
  outputPixels: 1000,
  timeoutMs: 5000,
  memoryBytes: 10_000,
};

interface Bench {
  readonly transformer: Transformer;
  readonly clock: VirtualClock;
  readonly started: ScriptedProcess[];
  /** The process that there is. */
  readonly process: ScriptedProcess;
  readonly log: string[];
  /** Hands over a job, told by its number, and notes how it ends. */
  ask(number: number, job?: Partial<TransformJob>): TransformTicket;
  /** `number: ok` or `number: cause`, in the order in which they ended. */
  readonly ends: string[];
  /** The numbers of the jobs that the process has. */
  has(): number[];
}

function bench(changes: Partial<TransformerOptions> = {}): Bench {
  const clock = virtualClock();
  const { start, started } = scriptedWorker();
  const ends: string[] = [];
  const log: string[] = [];
  const note = (message: string): void => void log.push(message);
  const transformer = createTransformer({
    limits: LIMITS,
    concurrency: 3,
    queue: { max: 100, timeoutMs: 60_000, sizeBytes: 100 },
    clock,
    log: { info: note, warn: note, error: note },
    start,
    ...changes,
  });
  return {
    transformer,
    clock,
    started,
    log,
    ends,
    get process() {
      return started.at(-1)!;
    },
    ask(number, job = {}) {
      let hasReturned = false;
      const done = (result: TransformResult): void => {
        expect(hasReturned).toBe(true);
        ends.push(`${number}: ${result.ok ? 'ok' : result.failure.cause}`);
      };
      const plain = {
        original: new Uint8Array(4),
        overlay: undefined,
        background: false,
        provisional: false,
      };
      const variant = { ...PLAIN, width: number };
      const ticket = transformer.transform({ ...plain, variant, ...job }, done);
      hasReturned = true;
      return ticket;
    },
    has: () => started.at(-1)?.orders.map(({ variant }) => variant.width ?? 0) ?? [],
  };
}

/** Lets what was promised happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

async function running(numbers: readonly number[], changes?: Partial<TransformerOptions>): Promise<Bench> {
  const it = bench(changes);
  for (const number of numbers) it.ask(number);
  await settle();
  it.process.ready();
  return it;
}

describe('the line', () => {
  test('the process is started by the first job, and gets jobs when it is ready', async () => {
    const it = bench();
    expect(it.started).toEqual([]);
    it.ask(1);
    await settle();
    expect(it.started.length).toBe(1);
    expect(it.process.threads).toBe(3);
    expect(it.has()).toEqual([]);
    it.process.ready();
    expect(it.has()).toEqual([1]);
    it.process.make();
    expect(it.ends).toEqual(['1: ok']);
    it.ask(2);
    await settle();
    expect(it.started.length).toBe(1);
    expect(it.has()).toEqual([2]);
  });

  test('as many as there are places are under way, one more is sent ahead, the others wait in order', async () => {
    const it = await running([1, 2, 3, 4, 5, 6]);
    expect(it.has()).toEqual([1, 2, 3, 4]);
    expect(it.transformer.gauges()).toMatchObject({ active: 3, waiting: 2 });
    it.process.make(it.process.orders[1]);
    expect(it.has()).toEqual([1, 3, 4, 5]);
    it.process.fail();
    expect(it.has()).toEqual([3, 4, 5, 6]);
    expect(it.ends).toEqual(['2: ok', '1: corrupt']);
  });

  test('with one place there is one at a time', async () => {
    const it = await running([1, 2], { concurrency: 1 });
    expect(it.has()).toEqual([1]);
  });

  test('those that no client waits for come last, and leave a place free', async () => {
    const it = bench();
    for (const number of [1, 2, 3, 4]) it.ask(number, { background: true });
    for (const number of [5, 6]) it.ask(number);
    await settle();
    it.process.ready();
    expect(it.has()).toEqual([5, 6, 1]);
    it.process.make();
    expect(it.has()).toEqual([6, 1, 2]);
    it.process.make();
    expect(it.has()).toEqual([1, 2]);
    it.ask(7);
    await settle();
    expect(it.has()).toEqual([1, 2, 7]);
  });

  test('a single place serves both', async () => {
    const it = bench({ concurrency: 1 });
    it.ask(1, { background: true });
    await settle();
    it.process.ready();
    expect(it.has()).toEqual([1]);
  });

  test('a full line refuses; a client goes before what no client waits for', async () => {
    const it = await running([1, 2], { concurrency: 1, queue: { max: 3, timeoutMs: 1000, sizeBytes: 1 } });
    it.ask(3, { background: true });
    it.ask(4, { background: true });
    await settle();
    expect(it.ends).toEqual([]);
    it.ask(5, { background: true });
    await settle();
    expect(it.ends).toEqual(['5: queue-full']);
    it.ask(6);
    it.ask(7);
    it.ask(8);
    await settle();
    expect(it.ends).toEqual(['5: queue-full', '4: queue-full', '3: queue-full', '8: queue-full']);
    expect(it.transformer.gauges().waiting).toBe(3);
  });

  test('who waits too long is refused, who is under way is not', async () => {
    const it = await running([1], { concurrency: 1, queue: { max: 9, timeoutMs: 1000, sizeBytes: 1 } });
    it.ask(2);
    await settle();
    it.clock.advance(999);
    expect(it.ends).toEqual([]);
    it.clock.advance(1);
    expect(it.ends).toEqual(['2: queue-timeout']);
    it.process.make();
    expect(it.ends).toEqual(['2: queue-timeout', '1: ok']);
    expect(it.transformer.gauges().waiting).toBe(0);
  });

  test('who has left is not called; what is under way takes its place until it is over', async () => {
    const it = bench({ concurrency: 1 });
    const [first, second] = [it.ask(1), it.ask(2)];
    it.ask(3);
    await settle();
    it.process.ready();
    second.abandon();
    first.abandon();
    first.abandon();
    expect(it.transformer.gauges()).toMatchObject({ active: 1, waiting: 1 });
    it.process.make();
    expect(it.has()).toEqual([3]);
    it.process.make();
    expect(it.ends).toEqual(['3: ok']);
  });

  test('an original above the limit is refused without being sent', async () => {
    const it = bench();
    it.ask(1, { original: new Uint8Array(1001) });
    await settle();
    expect(it.ends).toEqual(['1: too-many-bytes']);
    expect(it.started).toEqual([]);
  });

  test('the original itself is handed back without being sent', async () => {
    const it = bench();
    const original = Uint8Array.of(1, 2, 3);
    const results: TransformResult[] = [];
    const job = { original, overlay: undefined, background: false, provisional: false, variant: PLAIN };
    it.transformer.transform(job, (result) => void results.push(result));
    await settle();
    it.process.ready();
    expect(it.process.orders[0]).toMatchObject({ originalBytes: 3, hasOverlay: false });
    it.process.make(undefined, { isOriginal: true });
    expect(results[0]).toMatchObject({ ok: true, isOriginal: true });
    expect(results[0]!.ok && results[0]!.body).toBe(original);
  });

  test('whoever takes a result badly costs nobody else anything', async () => {
    const it = bench();
    const job = {
      original: new Uint8Array(1),
      overlay: undefined,
      background: false,
      provisional: false,
      variant: PLAIN,
    };
    it.transformer.transform(job, () => {
      throw new Error('no');
    });
    it.ask(2);
    await settle();
    it.process.ready();
    it.process.make();
    it.process.make();
    expect(it.ends).toEqual(['2: ok']);
    expect(it.log).toEqual(['the result of a transform could not be handed over']);
  });
});

describe('when the process dies', () => {
  test('who was under way is tried again alone, and all are made if none is to blame', async () => {
    const it = await running([1, 2, 3, 4, 5]);
    it.process.die();
    await settle();
    expect(it.started.length).toBe(2);
    it.process.ready();
    for (const number of [1, 2, 3, 4]) {
      expect(it.has()).toEqual([number]);
      it.process.make();
    }
    expect(it.has()).toEqual([5]);
    it.process.make();
    expect(it.ends).toEqual(['1: ok', '2: ok', '3: ok', '4: ok', '5: ok']);
    expect(it.transformer.gauges().restarts).toBe(1);
  });

  test('who is alone when it dies again is to blame, and the others go on', async () => {
    const it = await running([1, 2, 3]);
    it.process.die();
    it.process.ready();
    it.process.make();
    expect(it.has()).toEqual([2]);
    it.process.die('ended by SIGSEGV: malloc');
    expect(it.ends).toEqual(['1: ok', '2: crashed']);
    it.process.ready();
    it.process.make();
    expect(it.ends).toEqual(['1: ok', '2: crashed', '3: ok']);
    expect(it.transformer.gauges()).toMatchObject({ active: 0, waiting: 0, restarts: 2 });
  });

  test('one that was alone by chance is tried again', async () => {
    const it = await running([1]);
    it.process.die();
    it.process.ready();
    expect(it.has()).toEqual([1]);
    it.process.make();
    expect(it.ends).toEqual(['1: ok']);
  });

  test('who has left is not tried again', async () => {
    const it = bench();
    const tickets = [1, 2, 3].map((number) => it.ask(number));
    await settle();
    it.process.ready();
    tickets[0]!.abandon();
    it.process.die();
    tickets[1]!.abandon();
    it.process.ready();
    expect(it.has()).toEqual([3]);
  });

  test('above its memory it is ended; who does that alone is to blame', async () => {
    const it = await running([1, 2]);
    it.clock.advance(200);
    expect(it.process.isKilled).toBe(false);
    it.process.residentBytes = LIMITS.memoryBytes + 1;
    it.clock.advance(60);
    expect(it.process.isKilled).toBe(true);
    it.process.die('ended by SIGKILL');
    it.process.ready();
    it.process.make();
    expect(it.has()).toEqual([2]);
    it.process.residentBytes = LIMITS.memoryBytes + 1;
    it.clock.advance(60);
    it.process.die('ended by SIGKILL');
    expect(it.ends).toEqual(['1: ok', '2: memory']);
  });

  test('one with nothing to do that has kept much memory is replaced, and nobody notices', async () => {
    const it = await running([1]);
    it.process.residentBytes = LIMITS.memoryBytes * 0.6;
    it.process.make();
    expect(it.process.isKilled).toBe(true);
    it.ask(2);
    await settle();
    expect(it.started.length).toBe(2);
    it.started[0]!.die('ended by SIGKILL');
    it.process.ready();
    it.process.make();
    expect(it.ends).toEqual(['1: ok', '2: ok']);
    expect(it.log).toEqual([]);
    expect(it.transformer.gauges().restarts).toBe(0);
  });
});

describe('a job that takes too long', () => {
  test('is answered in time, and may come to an end by itself', async () => {
    const it = await running([1]);
    it.clock.advance(LIMITS.timeoutMs);
    expect(it.ends).toEqual(['1: timeout']);
    expect(it.transformer.gauges().active).toBe(1);
    it.process.make();
    expect(it.ends).toEqual(['1: timeout']);
    it.clock.advance(60_000);
    expect(it.process.isKilled).toBe(false);
  });

  test('is ended with the process when it does not, and the others are tried again together', async () => {
    const it = await running([1]);
    it.clock.advance(LIMITS.timeoutMs);
    it.ask(2);
    it.ask(3);
    await settle();
    it.clock.advance(LIMITS.timeoutMs * 0.5 + 1000);
    expect(it.process.isKilled).toBe(true);
    it.process.die('ended by SIGKILL');
    it.process.ready();
    expect(it.has()).toEqual([2, 3]);
    it.process.make();
    it.process.make();
    expect(it.ends).toEqual(['1: timeout', '2: ok', '3: ok']);
  });

  test('the time of one that was sent ahead begins when it has a place', async () => {
    const it = await running([1, 2, 3, 4]);
    it.clock.advance(LIMITS.timeoutMs - 1);
    it.process.make();
    it.clock.advance(1);
    expect(it.ends).toEqual(['1: ok', '2: timeout', '3: timeout']);
    it.clock.advance(LIMITS.timeoutMs - 2);
    expect(it.ends.length).toBe(3);
    it.clock.advance(1);
    expect(it.ends.at(-1)).toBe('4: timeout');
  });
});

describe('a process that does not start', () => {
  test('makes images unavailable for a while that grows, and is tried again by the next job', async () => {
    const it = await bench();
    for (const pauseMs of [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      it.ask(1);
      it.ask(2);
      await settle();
      const starts = it.started.length;
      it.process.die('cannot find sharp');
      expect(it.ends.splice(0)).toEqual(['1: unavailable', '2: unavailable']);
      it.ask(3);
      await settle();
      expect(it.ends.splice(0)).toEqual(['3: unavailable']);
      it.clock.advance(pauseMs - 1);
      it.ask(4);
      await settle();
      expect(it.ends.splice(0)).toEqual(['4: unavailable']);
      expect(it.started.length).toBe(starts);
      it.clock.advance(1);
    }
    it.ask(5);
    await settle();
    it.process.ready();
    it.process.make();
    expect(it.ends).toEqual(['5: ok']);
    expect(it.log.every((line) => line === 'the process that transforms images does not start')).toBe(true);
  });

  test('one that says nothing is ended', async () => {
    const it = bench();
    it.ask(1);
    await settle();
    it.clock.advance(10_000);
    expect(it.process.isKilled).toBe(true);
    it.process.die('ended by SIGKILL');
    expect(it.ends).toEqual(['1: unavailable']);
  });
});

describe('room for originals', () => {
  function reserve(it: Bench, name: string, bytes: number, background = false): () => void {
    let hasReturned = false;
    const end = (word: string): void => {
      expect(hasReturned).toBe(true);
      it.ends.push(`${name}: ${word}`);
    };
    const release = it.transformer.reserve(
      bytes,
      background,
      () => end('ready'),
      ({ cause }) => end(cause),
    );
    hasReturned = true;
    return release;
  }

  test('is given out in the order of asking: the small do not overtake the large', async () => {
    const it = bench();
    const a = reserve(it, 'a', 60);
    const b = reserve(it, 'b', 40);
    reserve(it, 'large', 90);
    reserve(it, 'small', 1);
    await settle();
    expect(it.ends).toEqual(['a: ready', 'b: ready']);
    expect(it.transformer.gauges().heldBytes).toBe(100);
    a();
    await settle();
    expect(it.ends.length).toBe(2);
    b();
    await settle();
    expect(it.ends.slice(2)).toEqual(['large: ready', 'small: ready']);
    expect(it.transformer.gauges().heldBytes).toBe(91);
  });

  test('what is larger than all of it gets it alone', async () => {
    const it = bench();
    const a = reserve(it, 'a', 10);
    const huge = reserve(it, 'huge', 1000);
    reserve(it, 'b', 10);
    await settle();
    expect(it.ends).toEqual(['a: ready']);
    a();
    await settle();
    expect(it.ends).toEqual(['a: ready', 'huge: ready']);
    huge();
    await settle();
    expect(it.ends.at(-1)).toBe('b: ready');
  });

  test('clients come first; who waits too long, or gives up, waits no longer', async () => {
    const it = bench({ queue: { max: 3, timeoutMs: 1000, sizeBytes: 100 } });
    const a = reserve(it, 'a', 100);
    reserve(it, 'idle', 10, true);
    const gone = reserve(it, 'gone', 10);
    reserve(it, 'b', 10);
    reserve(it, 'c', 10, true);
    await settle();
    expect(it.ends.splice(0)).toEqual(['a: ready', 'c: queue-full']);
    gone();
    a();
    await settle();
    expect(it.ends.splice(0)).toEqual(['b: ready', 'idle: ready']);
    reserve(it, 'd', 90);
    await settle();
    it.clock.advance(1000);
    expect(it.ends).toEqual(['d: queue-timeout']);
  });

  test('what is given back at once is never handed out', async () => {
    const it = bench();
    reserve(it, 'a', 10)();
    await settle();
    expect(it.ends).toEqual([]);
    expect(it.transformer.gauges().heldBytes).toBe(0);
  });
});

test('closing ends everything: each is told once, and the process is gone', async () => {
  const it = await running([1, 2, 3, 4, 5]);
  it.transformer.reserve(
    200,
    false,
    () => undefined,
    () => undefined,
  );
  it.transformer.reserve(
    10,
    false,
    () => it.ends.push('room'),
    ({ cause }) => it.ends.push(`no room: ${cause}`),
  );
  await settle();
  const closed = it.transformer.close();
  expect(it.process.isKilled).toBe(true);
  it.process.die('ended by SIGKILL');
  await closed;
  it.ask(6);
  await settle();
  expect([...it.ends].sort()).toEqual([
    '1: unavailable',
    '2: unavailable',
    '3: unavailable',
    '4: unavailable',
    '5: unavailable',
    '6: unavailable',
    'no room: unavailable',
  ]);
  expect(it.started.length).toBe(1);
});

test('closing does not wait for a process that does not die', async () => {
  const it = await running([1]);
  let isClosed = false;
  const closed = it.transformer.close().then(() => {
    isClosed = true;
  });
  await settle();
  expect(isClosed).toBe(false);
  it.clock.advance(2000);
  await closed;
  expect(it.clock.pending).toBe(0);
});
