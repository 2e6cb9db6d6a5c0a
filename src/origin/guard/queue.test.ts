import { describe, expect, test } from 'bun:test';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { seededRandom } from '../../base/random.ts';
import { Queue, type Queued } from './queue.ts';

type News = 'granted' | 'expired' | 'dropped';

class One implements Queued {
  readonly name: string;
  readonly background: boolean;
  news: News | undefined;
  readonly #tell: (one: One) => void;

  constructor(name: string, background: boolean, tell: (one: One) => void) {
    this.name = name;
    this.background = background;
    this.#tell = tell;
  }

  granted(): void {
    this.#hear('granted');
  }
  expired(): void {
    this.#hear('expired');
  }
  dropped(): void {
    this.#hear('dropped');
  }

  #hear(news: News): void {
    expect(this.news).toBeUndefined();
    this.news = news;
    this.#tell(this);
  }
}

function subject(places: number, max: number, timeoutMs = 1000) {
  const clock = virtualClock();
  const queue = new Queue({ places, max, timeoutMs }, clock);
  const told: string[] = [];
  const enter = (name: string, background = false) => {
    const one = new One(name, background, ({ news }) => told.push(`${name} ${news}`));
    return { one, at: queue.enter(one, background) };
  };
  return { clock, queue, told, enter };
}

describe('places', () => {
  test('are given in order, and those that left are skipped', () => {
    const { queue, told, enter, clock } = subject(1, 10);
    expect(enter('a').at).toBe('granted');
    const b = enter('b');
    enter('c');
    enter('d');
    expect([b.at, queue.taken, queue.waiting]).toEqual(['waits', 1, 3]);
    queue.cancel(b.one);
    queue.leave(false);
    expect([told, queue.taken, queue.waiting]).toEqual([['c granted'], 1, 1]);
    queue.leave(false);
    queue.leave(false);
    expect([told, queue.taken, queue.waiting]).toEqual([['c granted', 'd granted'], 0, 0]);
    expect(clock.pending).toBe(0);
  });

  test('waiting for one has a time limit, and the queue a length', () => {
    const { queue, told, enter, clock } = subject(1, 2, 1000);
    enter('a');
    enter('b');
    clock.advance(500);
    enter('c');
    expect(enter('d').at).toBe('full');
    clock.advance(500);
    expect([told, queue.waiting]).toEqual([['b expired'], 1]);
    clock.advance(499);
    expect(told.length).toBe(1);
    clock.advance(1);
    expect(told).toEqual(['b expired', 'c expired']);
  });

  test('those that a client waits for go first, and take the room of those behind nobody', () => {
    const { queue, told, enter } = subject(1, 2);
    enter('a');
    enter('background 1', true);
    enter('background 2', true);
    expect(enter('background 3', true).at).toBe('full');
    expect(enter('b').at).toBe('waits');
    expect(told).toEqual(['background 1 dropped']);
    queue.leave(false);
    queue.leave(false);
    expect(told.slice(1)).toEqual(['b granted', 'background 2 granted']);
  });

  test('a quarter of them is never taken by the background', () => {
    const { queue, told, enter } = subject(4, 10);
    expect([1, 2, 3, 4].map((i) => enter(`background ${i}`, true).at)).toEqual([
      'granted',
      'granted',
      'granted',
      'waits',
    ]);
    expect([enter('a').at, enter('b').at]).toEqual(['granted', 'waits']);
    queue.leave(false);
    expect(told).toEqual(['b granted']);
    queue.leave(false);
    expect(told.length).toBe(1);
    queue.leave(true);
    expect(told).toEqual(['b granted', 'background 4 granted']);
  });

  test('a queue that is emptied tells everybody', () => {
    const { queue, told, enter, clock } = subject(1, 10);
    enter('a');
    enter('background', true);
    enter('b');
    queue.drop();
    expect([told, queue.waiting, clock.pending]).toEqual([['b dropped', 'background dropped'], 0, 0]);
  });
});

/** Places and lines as plain lists. */
class NaiveQueue {
  readonly holders: { readonly name: string; readonly background: boolean }[] = [];
  waiting: { readonly name: string; readonly background: boolean; readonly untilMs: number }[] = [];
  readonly told: string[] = [];
  readonly places: number;

  constructor(places: number) {
    this.places = places;
  }

  room(background: boolean): boolean {
    const behind = this.holders.filter((one) => one.background).length;
    if (this.holders.length >= this.places) return false;
    return !background || behind < Math.max(1, Math.floor((this.places * 3) / 4));
  }

  next(): void {
    const next = this.waiting.find((one) => !one.background) ?? this.waiting[0];
    if (next === undefined || !this.room(next.background)) return;
    this.waiting = this.waiting.filter((one) => one !== next);
    this.holders.push(next);
    this.told.push(`${next.name} granted`);
  }
}

test.each(Array.from({ length: 50 }, (_, i) => i + 1))('does what plain lists do (seed %d)', (seed) => {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random.next() * n);
  const [places, max, timeoutMs] = [1 + below(8), below(10), 1 + below(500)];
  const { clock, queue, told } = subject(places, max, timeoutMs);
  const model = new NaiveQueue(places);
  const all = new Map<string, One>();
  for (let step = 0; step < 500; step += 1) {
    const nowMs = clock.monotonicMs();
    const roll = random.next();
    if (roll < 0.5) {
      const background = random.next() < 0.5;
      const one = new One(`${step}`, background, ({ name, news }) => told.push(`${name} ${news}`));
      all.set(one.name, one);
      let expected: string = 'waits';
      if (model.room(background)) {
        expected = 'granted';
        model.holders.push(one);
      } else {
        const victim = background ? undefined : model.waiting.find((other) => other.background);
        if (model.waiting.length >= max && victim === undefined) expected = 'full';
        else {
          if (model.waiting.length >= max) {
            model.waiting = model.waiting.filter((other) => other !== victim);
            model.told.push(`${victim!.name} dropped`);
          }
          model.waiting.push({ name: one.name, background, untilMs: nowMs + timeoutMs });
        }
      }
      expect(queue.enter(one, background)).toBe(expected as never);
    } else if (roll < 0.75 && model.holders.length > 0) {
      const [gone] = model.holders.splice(below(model.holders.length), 1);
      model.next();
      queue.leave(gone!.background);
    } else if (roll < 0.8 && model.waiting.length > 0) {
      const [gone] = model.waiting.splice(below(model.waiting.length), 1);
      queue.cancel(all.get(gone!.name)!);
    } else {
      const untilMs = nowMs + below(100);
      for (const late of model.waiting
        .filter((one) => one.untilMs <= untilMs)
        .toSorted((a, b) => a.untilMs - b.untilMs))
        model.told.push(`${late.name} expired`);
      model.waiting = model.waiting.filter((one) => one.untilMs > untilMs);
      clock.advance(untilMs - nowMs);
    }
    expect(told).toEqual(model.told);
    expect([queue.taken, queue.waiting]).toEqual([model.holders.length, model.waiting.length]);
    expect(queue.taken).toBeLessThanOrEqual(places);
    expect(clock.pending).toBe(model.waiting.length);
  }
});
