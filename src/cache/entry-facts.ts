import type { EntryFacts } from './contract.ts';
import { type Entries, FACTS, Flag, NATURE, Word } from './entries.ts';

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
  setLifetime(entries, slot, facts);
}

/** Renews an entry's freshness, as a validation does (RFC 9111 section 4.3.4). */
export function setLifetime(
  entries: Entries,
  slot: number,
  facts: Pick<EntryFacts, 'bornS' | 'freshUntilS' | 'revalidateUntilS' | 'errorUntilS' | 'flags'>,
): void {
  const marks = FACTS & ~NATURE;
  entries.setFlags(slot, (entries.flags(slot) & ~marks) | (facts.flags & marks));
  entries.set(slot, Word.BORN_S, facts.bornS);
  entries.set(slot, Word.FRESH_UNTIL_S, facts.freshUntilS);
  entries.set(slot, Word.REVALIDATE_UNTIL_S, facts.revalidateUntilS);
  entries.set(slot, Word.ERROR_UNTIL_S, facts.errorUntilS);
}
