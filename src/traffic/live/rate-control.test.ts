import { describe, expect, test } from 'bun:test';
import { RateControl } from './rate-control.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Lets time pass: each minute so many bytes come at a rate of 1, and it decides. */
class Trial {
  rate = 1;
  nowMs = 0;
  readonly rates: number[] = [1];
  readonly control: RateControl;

  constructor(sizeBytes: number, keepMs: number) {
    this.control = new RateControl(sizeBytes, keepMs, 0);
  }

  pass(forMs: number, bytesAMinute: number): this {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; ) {
      this.nowMs += 60_000;
      this.control.wrote(bytesAMinute * this.rate, this.rate, this.nowMs);
      this.rate = this.control.decide(this.rate, this.nowMs);
      if (this.rates.at(-1) !== this.rate) this.rates.push(this.rate);
    }
    return this;
  }
}

/** What fills a ring of 7 days in exactly that time. */
const FITS = (1024 * MIB) / (7 * 24 * 60);
const ring = () => new Trial(1024 * MIB, 7 * DAY_MS);

describe('the rate', () => {
  test('stays at 1 while all fits', () => {
    expect(ring().pass(10 * DAY_MS, FITS * 0.99).rates).toEqual([1]);
  });

  test('is halved as often as it takes, as what is too much comes together', () => {
    const trial = ring().pass(4 * HOUR_MS, FITS * 5);
    expect(trial.rates).toEqual([1]);
    expect(trial.pass(2 * DAY_MS, FITS * 5).rates).toEqual([1, 0.5, 0.25, 0.125]);
  });

  test('is not made out of a few seconds after the start', () => {
    const trial = ring().pass(60_000, 100 * MIB);
    expect(trial.pass(2 * DAY_MS, FITS / 10).rates).toEqual([1]);
    // What would fill a seventh of the space in a day, with a burst of half the space before: a quarter, and not for long.
    const worse = ring().pass(60_000, 512 * MIB);
    expect(worse.rate).toBe(0.25);
    expect(worse.pass(1.2 * DAY_MS, FITS / 10).rates).toEqual([1, 0.25, 1]);
  });

  test('does not follow a burst', () => {
    const trial = ring()
      .pass(DAY_MS, FITS / 2)
      .pass(HOUR_MS, FITS * 5);
    expect(trial.pass(DAY_MS, FITS / 2).rates).toEqual([1]);
  });

  test('follows a flood at once: what it records of it is less than the space', () => {
    const trial = ring();
    let bytes = 0;
    for (let minute = 0; minute < 600; minute += 1) {
      bytes += 100 * MIB * trial.rate;
      trial.pass(60_000, 100 * MIB);
    }
    expect(trial.rate).toBeLessThan(0.01);
    expect(bytes).toBeLessThan(1024 * MIB);
  });

  test('looks back only as far as the record is to reach', () => {
    const trial = new Trial(60 * MIB, HOUR_MS).pass(5 * HOUR_MS, 0.9 * MIB);
    expect(trial.rates).toEqual([1]);
    expect(trial.pass(2 * HOUR_MS, 3 * MIB).rate).toBe(0.25);
    expect(trial.pass(3 * HOUR_MS, 0.3 * MIB).rate).toBe(1);
  });

  test('comes back when there is room, within the day', () => {
    const trial = ring().pass(DAY_MS, FITS * 3);
    expect(trial.rate).toBe(0.25);
    expect(trial.pass(DAY_MS / 2, FITS / 4).rate).toBe(0.25);
    trial.pass(DAY_MS / 2 + 2 * HOUR_MS, FITS / 4);
    expect(trial.rates.slice(-3)).toEqual([0.25, 0.5, 1]);
  });

  test('comes back from far down in one step', () => {
    const trial = ring().pass(10 * 60_000, 3000 * MIB);
    expect(trial.rate).toBeLessThan(0.01);
    trial.pass(DAY_MS + 2 * HOUR_MS, FITS / 10);
    expect(trial.rate).toBe(1);
  });

  test('does not go back and forth at the border', () => {
    const trial = ring();
    for (let day = 0; day < 30; day += 1) trial.pass(DAY_MS / 2, FITS * 1.4).pass(DAY_MS / 2, FITS * 0.8);
    expect(trial.rates.length).toBeLessThanOrEqual(2);
  });

  test('is never 0', () => {
    expect(ring().pass(DAY_MS, FITS * 1e9).rate).toBe(2 ** -12);
  });
});
