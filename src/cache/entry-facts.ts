import { type Entries, FACTS, Flag, Word } from './entries.ts';

/** Until when a response may be used, and how. Times in seconds since the Unix epoch. */
export interface Lifetime {
  readonly bornS: number;
  readonly freshUntilS: number;
  readonly revalidateUntilS: number;
  readonly errorUntilS: number;
  /** {@link Flag.VARY}, VALIDATE and VALIDATOR. */
  readonly flags: number;
}

/** The facts of a response that the cache decides by. */
export interface EntryFacts extends Lifetime {
  readonly route: number;
  /** Bytes that the store will hold for it. */
  readonly chargeBytes: number;
  readonly recordBytes: number;
  readonly keyBytes: number;
  readonly headBytes: number;
  /** Status code of the response. */
  readonly status: number;
}

/** Fills a row that has just been taken: filling, and pinned once. */
export function describe(
  entries: Entries,
  slot: number,
  facts: Omit<EntryFacts, 'chargeBytes'>,
  nowS: number,
): void {
  entries.set(slot, Word.RECORD_BYTES, facts.recordBytes);
  entries.set(slot, Word.KEY_BYTES, facts.keyBytes);
  entries.set(slot, Word.HEAD_BYTES, facts.headBytes);
  entries.set(slot, Word.STATUS, facts.status);
  entries.set(slot, Word.ROUTE, facts.route);
  entries.set(slot, Word.STORED_S, nowS);
  entries.setFlags(slot, Flag.FILLING | facts.flags);
  entries.set(slot, Word.PINS, 1);
  writeLifetime(entries, slot, facts);
}

/** Gives a row other times and marks. Whether its response varies stays as it is. */
export function writeLifetime(entries: Entries, slot: number, lifetime: Lifetime): void {
  const marks = FACTS & ~Flag.VARY;
  entries.setFlags(slot, (entries.flags(slot) & ~marks) | (lifetime.flags & marks));
  entries.set(slot, Word.BORN_S, lifetime.bornS);
  entries.set(slot, Word.FRESH_UNTIL_S, lifetime.freshUntilS);
  entries.set(slot, Word.REVALIDATE_UNTIL_S, lifetime.revalidateUntilS);
  entries.set(slot, Word.ERROR_UNTIL_S, lifetime.errorUntilS);
}
