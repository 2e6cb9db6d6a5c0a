import type { Hash64 } from '../../base/hash.ts';
import type { PurgeRule } from '../../cache/purge-rules.ts';
import type { ResponseFacts } from '../memory/tier.ts';

/**
 * The disk tier's contract, as the request path uses it. Lookups and bookkeeping are synchronous and in memory; bytes are
 * read and written behind promises. Nothing here ever fails a request: what cannot be read is gone, what cannot be written
 * is not kept, and both are counted.
 */
export interface DiskTier {
  /** The hash under which this directory's index knows a key: keyed by a secret kept with the data, for it outlives the process. */
  hash(key: Uint8Array, length: number): Hash64;
  /** The entry of a key, or NONE. By hash alone: {@link load} compares the key itself. O(1). */
  find(hash: Hash64): number;
  /** What is known of an entry without reading it. */
  facts(slot: number): DiskFacts;
  /** It was served from: its segment's eviction re-inserts it. */
  hit(slot: number): void;
  /**
   * Reads and verifies the whole record of an entry. Undefined when it is damaged, unreadable, gone meanwhile or of another
   * key; a damaged entry is dropped and counted.
   */
  load(slot: number, key: Uint8Array): Promise<DiskRecord | undefined>;
  /** Opens an entry for serving its body piece by piece. The same conditions; reads and verifies key and head only. */
  open(slot: number, key: Uint8Array): Promise<DiskReader | undefined>;
  /**
   * Appends a whole response. Bytes are copied before it returns and written in the background; the entry answers at once.
   *
   * @param body copies the body into the buffer it is handed, at an offset: one copy, from the memory tier's segments.
   * @returns false when it is refused: too large, the backlog is full, everything is too young to leave, or the disk is in trouble.
   */
  put(record: DiskHead, body: (into: Uint8Array, at: number) => void): boolean;
  /** Starts a response that is appended as it arrives; undefined as for {@link put} false. For bodies too large for memory. */
  begin(record: DiskHead): DiskWriter | undefined;
  /** New lifetimes for an entry, as a 304 brings them. Survives a restart; the stored head stays. */
  renew(slot: number, facts: ResponseFacts): void;
  /** From now on nothing that the rule matches and is older is found to answer, also across a restart. */
  purge(rule: PurgeRule): void;
  /** Resolves when all purges are durable, or the disk has failed them. */
  purged(): Promise<void>;
  /** Forgets an entry, also across a restart. */
  remove(slot: number): void;
  /** The same for a key that {@link find} does not know: it may be on disk, and not known yet. */
  removeUnknown(hash: Hash64): void;
}

/** The entry below of the first bytes of `key`, by default all of them, or NONE. As {@link DiskTier.find}. */
export function findKey(disk: DiskTier, key: Uint8Array, length = key.length): number {
  return disk.find(disk.hash(key, length));
}

export interface DiskFacts extends ResponseFacts {
  readonly bodyBytes: number;
  /** When it was written, in seconds since the epoch. */
  readonly storedS: number;
}

/** What a record starts with. */
export interface DiskHead {
  /** latin1 bytes of the key. */
  readonly key: Uint8Array;
  /** Field lines and the empty line, latin1; empty for Vary markers. */
  readonly head: string;
  readonly bodyBytes: number;
  readonly facts: ResponseFacts;
}

/** A record as it was read. */
export interface DiskRecord {
  readonly head: string;
  readonly body: Uint8Array;
  facts: DiskFacts;
}

/** Serves one stored body. Its segment stays readable until it is closed, evicted or not. */
export interface DiskReader {
  readonly head: string;
  facts: DiskFacts;
  /**
   * Reads and verifies bytes `from..to` of the body.
   *
   * @returns the bytes, or undefined when they are damaged or unreadable: the entry is dropped then.
   */
  read(from: number, to: number): Promise<Uint8Array | undefined>;
  close(): void;
}

/** Appends one body. Exactly one of finish and abort ends it. */
export interface DiskWriter {
  /** Copies the chunk. @returns false when the disk is behind: wait for `drained`. */
  append(chunk: Uint8Array): boolean;
  /** Calls back once when there is room again, or the write failed. */
  drained(fn: () => void): void;
  /** True once the disk failed it: nothing more is kept. */
  readonly failed: boolean;
  /** All arrived: it answers from now on. @returns false when it could not be kept. */
  finish(): boolean;
  abort(): void;
}
