import { FingerprintColumn, scattered } from './ghost.ts';

/** Places of a set. A key can be in one set only, in any of its places. */
const WAYS = 8;
const ENTRIES_MIN = 64;

/**
 * How often keys were asked for that are not resident any more, or never were: fingerprints and frequencies, no content.
 * Set-associative: a key's set follows from its fingerprint, and of each set the one that was put there first is forgotten.
 *
 * Cost: put and take O(1), 8 neighbouring places looked at; growing is amortised. 5 bytes per place (9 once a fingerprint above
 * 2^32 - 1 was met), and no fewer places than entries that it was made for, at most twice as many.
 */
export class Remembered {
  private places = 0;
  private fingerprints = new FingerprintColumn(0);
  /** 0 where nothing is; the latest of a set comes first. */
  private frequencies = new Uint8Array(0);

  constructor() {
    this.ensure(ENTRIES_MIN);
  }

  /** Makes it remember at least so many keys, keeping those it knows. O(its size), amortised O(1) as it doubles. */
  ensure(entries: number): void {
    if (entries <= this.places) return;
    const { places, fingerprints, frequencies } = this;
    this.places = 2 ** Math.ceil(Math.log2(entries));
    this.fingerprints = new FingerprintColumn(this.places);
    this.frequencies = new Uint8Array(this.places);
    for (let set = 0; set < places; set += WAYS) {
      for (let at = set + WAYS - 1; at >= set; at -= 1)
        if (frequencies[at] !== 0) this.put(fingerprints.get(at), frequencies[at]!);
    }
  }

  /** Remembers a key. @param frequency 1 to 255, in place of the one that was remembered. */
  put(fingerprint: number, frequency: number): void {
    this.take(fingerprint);
    const { fingerprints, frequencies } = this;
    const set = this.setOf(fingerprint);
    for (let at = set + WAYS - 1; at > set; at -= 1) {
      if (frequencies[at - 1] === 0) continue;
      frequencies[at] = frequencies[at - 1]!;
      fingerprints.set(at, fingerprints.get(at - 1));
    }
    frequencies[set] = frequency;
    fingerprints.set(set, fingerprint);
  }

  /** Forgets a key. @returns its frequency, 0 when it was not remembered. */
  take(fingerprint: number): number {
    const { fingerprints, frequencies } = this;
    const set = this.setOf(fingerprint);
    const end = set + WAYS;
    let at = set;
    while (at < end && (frequencies[at] === 0 || fingerprints.get(at) !== fingerprint)) at += 1;
    if (at === end) return 0;
    const frequency = frequencies[at]!;
    for (; at < end - 1; at += 1) {
      frequencies[at] = frequencies[at + 1]!;
      if (frequencies[at] !== 0) fingerprints.set(at, fingerprints.get(at + 1));
    }
    frequencies[end - 1] = 0;
    return frequency;
  }

  private setOf(fingerprint: number): number {
    return (scattered(fingerprint) & (this.places / WAYS - 1)) * WAYS;
  }
}
