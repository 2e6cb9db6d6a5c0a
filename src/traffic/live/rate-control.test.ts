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

  test('is halved as often as it takes, once an hour is known', () => {
    const trial = ring().pass(HOUR_MS - 120_000, FITS * 5);
    expect(trial.rates).toEqual([1]);
    expect(trial.pass(DAY_MS, FITS * 5).rates).toEqual([1, 0.125]);
  });

  test('does not follow a burst', () => {
    const trial = ring()
      .pass(DAY_MS, FITS / 2)
      .pass(HOUR_MS, FITS * 5);
    expect(trial.pass(DAY_MS, FITS / 2).rates).toEqual([1]);
  });

  test('does not wait for the hour when half of the space is gone', () => {
    expect(ring().pass(600_000, 300 * MIB).rate).toBeLessThan(0.01);
  });

  test('comes back step by step when there has been room for a day', () => {
    const trial = ring().pass(DAY_MS, FITS * 3);
    expect(trial.rate).toBe(0.25);
    trial.pass(DAY_MS, FITS / 2);
    expect(trial.rate).toBe(0.25);
    trial.pass(4 * DAY_MS, FITS / 2);
    expect(trial.rates).toEqual([1, 0.25, 0.5, 1]);
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
