import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { type StartWorker, startWorker } from '../../transform/process.ts';
import { eventually, RawClient } from '../harness.suite.ts';
import { type Answer, type Gallery, parsed, smallImages, startGallery } from './images.fixture.ts';

/** More variants asked for than can be made, by clients that do not stay: nobody pays for it but those who ask. */

// Machines may be slow, and busy with other things.
setDefaultTimeout(60_000);

const CONCURRENCY = 2;
let gallery: Gallery | undefined;

afterEach(async () => {
  await gallery?.stop();
  expect(gallery?.faults).toEqual([]);
  gallery = undefined;
});

/** The way to the process that transforms, with a gate in it: while that is closed, nothing is encoded. */
class Gate {
  #waiting: (() => void)[] | undefined;
  readonly start: StartWorker = (...args) => {
    const worker = startWorker(...args);
    const send: typeof worker.send = (...order) => {
      if (this.#waiting === undefined) worker.send(...order);
      else this.#waiting.push(() => worker.send(...order));
    };
    return { ...worker, send };
  };
  close(): void {
    this.#waiting = [];
  }
  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const send of waiting) send();
  }
}

const IMAGES = 20;

/** A node whose originals, and one variant of each, are stored. */
async function startFlooded(gate: Gate, images: string, queue = 'queue: { max: 30 }'): Promise<Gallery> {
  gallery = await startGallery(
    `cache: { memory: { size: 64MiB } }
images: { ${queue} }
routes: [{ name: all, origin: web, images: { ${images} } }]
`,
    { transforms: { start: gate.start, concurrency: CONCURRENCY } },
  );
  const { jpg } = await smallImages();
  for (let i = 0; i < IMAGES; i += 1) {
    gallery.origin.can(`/${i}.jpg`, { body: jpg!, fields: { 'content-type': 'image/jpeg' } });
    for (const target of [`/${i}.jpg`, `/${i}.jpg?w=7`]) expect((await gallery.ask(target)).status).toBe(200);
  }
  return gallery;
}

async function expectHits({ ask, origin }: Gallery, variantsFrom = 0): Promise<void> {
  for (let i = 0; i < IMAGES; i += 1) {
    const targets = i < variantsFrom ? [`/${i}.jpg`] : [`/${i}.jpg`, `/${i}.jpg?w=7`];
    for (const target of targets) {
      const { status, fields } = await ask(target);
      expect([target, status, fields.get('cache-status')]).toEqual([
        target,
        200,
        expect.stringContaining('; hit'),
      ]);
    }
    expect(origin.requests(`/${i}.jpg`)).toBe(1);
  }
}

/** How many variants of an image are stored. */
async function variantsOf({ admin }: Gallery, path: string): Promise<number> {
  const url = encodeURIComponent(`http://127.0.0.1${path}?w=9999`);
  const told = (await (await admin(`/api/explain?url=${url}`)).json()) as {
    variant: { siblings: { count: number } };
  };
  return told.variant.siblings.count;
}

function expectNothingHeld({ node }: Gallery): Promise<void> {
  return eventually(() => {
    const { images, fetches } = node.snapshot();
    return fetches === 0 && images!.active === 0 && images!.waiting === 0 && images!.heldBytes === 0;
  });
}

test('while all encoders are busy, hits are answered, and what does not fit the queue is refused at once', async () => {
  const gate = new Gate();
  const flooded = await startFlooded(gate, 'onFailure: error');
  gate.close();
  const answers: Answer[] = [];
  const asked = Array.from({ length: 400 }, (_, i) =>
    flooded.ask(`/0.jpg?w=${100 + i}`).then((answer) => void answers.push(answer)),
  );
  // No more come: the others wait for encoders that do nothing.
  await eventually(() => answers.length >= 400 - 30 - CONCURRENCY - 1);
  for (const { status, fields, body } of answers) {
    expect([status, fields.get('retry-after')]).toEqual([503, '1']);
    expect(fields.get('cache-control')).toBe('no-store');
    expect(body.toString()).toContain('(image-queue-full)');
    expect(body.length).toBeLessThan(300);
  }
  const refused = answers.length;
  await expectHits(flooded);
  expect(answers.length).toBe(refused);
  expect(flooded.node.snapshot().images!.waiting).toBeGreaterThanOrEqual(29);
  gate.open();
  await Promise.all(asked);
  expect(answers.slice(refused).map(({ status }) => status)).toEqual(answers.slice(refused).map(() => 200));
  await expectNothingHeld(flooded);
  // They are asked for again as they were told to, and made: a full queue is not remembered against them.
  expect((await flooded.ask('/0.jpg?w=499')).status).toBe(200);
});

test('one image asked for in hundreds of widths keeps as many variants as it may, and costs no other its place', async () => {
  const gate = new Gate();
  const flooded = await startFlooded(gate, 'onFailure: error, variants: { max: 25 }', 'queue: { max: 500 }');
  let width = 100;
  const flood = async (): Promise<void> => {
    while (width < 500) {
      width += 1;
      expect((await flooded.ask(`/0.jpg?w=${width}`)).status).toBe(200);
    }
  };
  await Promise.all([...Array.from({ length: 16 }, flood), expectHits(flooded, 1)]);
  await expectHits(flooded, 1);
  expect(await variantsOf(flooded, '/0.jpg')).toBe(25);
  // Originals, a variant of each, and what the one may have.
  expect(flooded.node.snapshot().memory.entries).toBeLessThanOrEqual(2 * IMAGES - 1 + 25);
  expect(flooded.node.snapshot().memory.removals.crowded).toBeGreaterThan(300);
  await expectNothingHeld(flooded);
});

test('clients that leave in the middle leave nothing behind', async () => {
  const gate = new Gate();
  const flooded = await startFlooded(gate, 'onFailure: original');
  gate.close();
  const port = Number(new URL(flooded.node.url).port);
  const clients = Array.from({ length: 200 }, (_, i) => {
    const target = i % 4 === 0 ? `/new-${i}.jpg?w=9` : `/${i % IMAGES}.jpg?w=${200 + i}`;
    return new RawClient(port).send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  });
  await eventually(() => flooded.node.snapshot().images!.waiting >= 20);
  for (const [i, client] of clients.entries()) {
    if (i % 3 === 0) client.socket.resetAndDestroy();
    else if (i % 3 === 1) client.socket.end();
  }
  await expectHits(flooded);
  gate.open();
  for (const [i, client] of clients.entries()) {
    if (i % 3 !== 2) continue;
    await client.until(() => client.received.includes('\r\n\r\n'));
    const answer = parsed(client.received);
    // What came as its image is none: the origin has random bytes for it.
    expect(answer.status).toBeOneOf(i % 4 === 0 ? [422, 200, 502, 503] : [200]);
  }
  for (const { socket } of clients) socket.destroy();
  await expectNothingHeld(flooded);
  await eventually(() => flooded.node.snapshot().origins[0]!.active === 0);
  await expectHits(flooded);
});

/** A few hundred bytes that take minutes to draw. */
const SLOW = `<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="2000"><filter id="f">${'<feTurbulence baseFrequency="0.9" numOctaves="1000"/><feGaussianBlur stdDeviation="999"/>'.repeat(9)}</filter>${'<rect width="2000" height="2000" filter="url(#f)"/>'.repeat(9)}</svg>`;

test('drawings that take for ever cost themselves their picture, and nobody else', async () => {
  const flooded = await startFlooded(new Gate(), 'onFailure: error', 'timeout: 2s');
  for (const i of [1, 2])
    flooded.origin.can(`/slow-${i}.svg`, { body: SLOW, fields: { 'content-type': 'image/svg+xml' } });
  const slow = [1, 2].map((i) => flooded.ask(`/slow-${i}.svg?w=2000&fm=png`));
  await eventually(() => flooded.node.snapshot().images!.active === CONCURRENCY);
  // Behind them both: lost with the process that they block, and made by the next one.
  const others = [3, 4, 5].map((i) => flooded.ask(`/${i}.jpg?w=30&fm=png`));
  await expectHits(flooded);
  for (const { status, body } of await Promise.all(slow)) {
    expect(status).toBe(504);
    expect(body.toString()).toContain('(image-timeout)');
  }
  for (const { status, body } of await Promise.all(others))
    expect([status, body.toString('latin1').slice(0, 60)]).toEqual([200, expect.stringContaining('PNG')]);
  expect(flooded.node.snapshot().images!.restarts).toBeGreaterThanOrEqual(1);
  // What took too long is not tried again for a while.
  expect((await flooded.ask('/slow-1.svg?w=2000&fm=png')).status).toBe(504);
  expect(flooded.node.snapshot().images!.active).toBe(0);
  await expectNothingHeld(flooded);
}, 60_000);

test('a node that is stopped in the middle of it leaves no process behind', async () => {
  const gate = new Gate();
  const flooded = await startFlooded(gate, 'onFailure: error');
  expect(flooded.pids().length).toBe(process.platform === 'linux' ? 1 : 0);
  gate.close();
  const asked = Array.from({ length: 40 }, (_, i) =>
    flooded.ask(`/0.jpg?w=${100 + i}`).catch(() => undefined),
  );
  await eventually(() => flooded.node.snapshot().images!.waiting >= 10);
  await flooded.node.stop(0);
  await Promise.all(asked);
  await eventually(() => flooded.pids().length === 0);
});
