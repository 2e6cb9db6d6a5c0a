import { parentPort } from 'node:worker_threads';
import { seededRandom } from '../../base/random.ts';
import { NONE } from '../../cache/entries.ts';
import type { ReaderShare } from '../../cache/readers.ts';
import { nameOf, readWhole } from './tier-reader.fixture.ts';
import { type TierLayout, TierReader, type TierShare } from './tier-reader.ts';

/** The reading thread of tier-reader.threads.test.ts: verifies every byte of what it finds, twice. */

export interface ReadOrders {
  readonly share: TierShare;
  readonly own: ReaderShare;
  readonly seed: number;
  readonly keys: number;
  readonly reads: number;
}

export interface ReadReport {
  readonly found: number;
  readonly wrong: readonly string[];
}

const HELD_MAX = 16;
/** Reads before news of the tier's memory are heard. */
const BATCH = 500;

const news: TierLayout[] = [];
parentPort!.on('message', (message: ReadOrders | TierLayout) => {
  if ('reads' in message) void read(message);
  else news.push(message);
});

async function read({ share, own, seed, keys, reads }: ReadOrders): Promise<void> {
  const reader = new TierReader(share, own);
  const random = seededRandom(seed);
  const held: { slot: number; key: number; was: string }[] = [];
  const wrong: string[] = [];
  let found = 0;
  const textOf = (slot: number, key: number): string => JSON.stringify(readWhole(reader, slot, key));
  const letGo = (): void => {
    const { slot, key, was } = held.shift()!;
    const is = textOf(slot, key);
    if (is !== was) wrong.push(`${key} was ${was} and is ${is}`);
    reader.unpin(slot);
  };
  for (let i = 0; i < reads && wrong.length === 0; i += 1) {
    if (i % BATCH === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const layout of news.splice(0)) reader.renew(layout);
    }
    const key = random.u32() % keys;
    reader.key.set(nameOf(key));
    const slot = reader.find();
    try {
      if (slot !== NONE) {
        found += 1;
        held.push({ slot, key, was: textOf(slot, key) });
        reader.hit(slot);
      }
      while (held.length > random.u32() % HELD_MAX) letGo();
    } catch (error) {
      wrong.push(String(error));
    }
  }
  try {
    while (held.length > 0) letGo();
  } catch (error) {
    wrong.push(String(error));
  }
  parentPort!.postMessage({ found, wrong } satisfies ReadReport);
}
