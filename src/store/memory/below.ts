import { FACTS, NONE } from '../../cache/entries.ts';
import { type DiskHead, type DiskReader, type DiskTier, findKey } from '../disk/disk.ts';
import type { MemoryTier, ResponseFacts } from './tier.ts';

/** A response whose body the tier below holds. */
export interface Guest {
  readonly key: Uint8Array;
  readonly reader: DiskReader;
  /** Its entry there, when it was lent. */
  readonly below: number;
}

/**
 * What the memory tier tells the tier below it: each published response is written down at once, so that a restart is warm
 * and an eviction costs nothing; one that could not be written then gets a second chance when it is evicted.
 */
export class Below {
  readonly #tier: MemoryTier;
  readonly #disk: DiskTier;

  constructor(tier: MemoryTier, disk: DiskTier) {
    this.#tier = tier;
    this.#disk = disk;
  }

  /**
   * Appends the entry of the tier's key. Errors are too short-lived to be worth it, and a 5xx must not take the place of an
   * image; any other response does, or an older one would come back.
   */
  write(slot: number): void {
    const { key } = this.#tier;
    const status = this.#tier.cache.entries.status(slot);
    if (status >= 500) return;
    if (status < 400 && this.#put(slot, key.bytes.subarray(0, key.length))) return;
    this.#remove(key.bytes, key.length);
  }

  /** An evicted entry that is not below (any more) goes there, unless it is an error. */
  demote(slot: number): void {
    // What a purge meant must not come back as something new.
    if (this.#tier.cache.entries.status(slot) >= 400 || this.#tier.purges.ruleOf(slot) !== undefined) return;
    const key = Buffer.from(this.#tier.keyText(slot), 'latin1');
    if (findKey(this.#disk, key) === NONE) this.#put(slot, key);
  }

  forget(slot: number): void {
    const key = Buffer.from(this.#tier.keyText(slot), 'latin1');
    this.#remove(key, key.length);
  }

  /** A 304 came. Lifetimes alone cost a few bytes; a head that says something new is worth the whole record. */
  renew(slot: number, headBefore: string, facts: ResponseFacts): void {
    const { key } = this.#tier;
    const old = findKey(this.#disk, key.bytes, key.length);
    if (old === NONE || essence(this.#tier.head(slot)) !== essence(headBefore)) this.write(slot);
    else this.#disk.renew(old, facts);
  }

  /** The same for one that was lent, unless it has left meanwhile: its place may be another's. */
  renewLent({ key, reader, below }: Guest, facts: ResponseFacts): void {
    if (findKey(this.#disk, key) !== below) return;
    const { storedS, bodyBytes } = this.#disk.facts(below);
    if (storedS === reader.facts.storedS && bodyBytes === reader.facts.bodyBytes)
      this.#disk.renew(below, facts);
  }

  #put(slot: number, key: Uint8Array): boolean {
    const tier = this.#tier;
    const from = tier.cache.entries.headBytes(slot);
    const to = from + tier.bodyBytes(slot);
    return this.#disk.put(this.#headOf(slot, key), (into, at) => {
      for (let done = from; done < to; ) done += tier.read(slot, done, to, into, at + done - from);
    });
  }

  #headOf(slot: number, key: Uint8Array): DiskHead {
    const tier = this.#tier;
    const { entries } = tier.cache;
    return {
      key,
      head: tier.head(slot),
      bodyBytes: tier.bodyBytes(slot),
      facts: {
        route: entries.route(slot),
        status: entries.status(slot),
        bornS: entries.bornS(slot),
        freshUntilS: entries.freshUntilS(slot),
        revalidateUntilS: entries.revalidateUntilS(slot),
        errorUntilS: entries.errorUntilS(slot),
        flags: entries.flags(slot) & FACTS,
      },
    };
  }

  #remove(key: Uint8Array, length: number): void {
    const hash = this.#disk.hash(key, length);
    const old = this.#disk.find(hash);
    if (old === NONE) this.#disk.removeUnknown(hash);
    else this.#disk.remove(old);
  }
}

/**
 * A head without what only says when it was sent and how long it is good for: facts have that. The order of its fields says nothing
 * (RFC 9110 section 5.3), but for those of one name; a 304 changes it.
 */
function essence(head: string): string {
  const lines = head.split('\r\n').filter((line) => !/^(?:date|expires|age):/i.test(line));
  return lines.sort((a, b) => compare(nameOf(a), nameOf(b))).join('\r\n');
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':') + 1).toLowerCase();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
