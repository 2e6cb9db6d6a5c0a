import { Flag, Word } from '../../cache/entries.ts';
import type { MemoryTier, ResponseFacts } from './tier.ts';
import type { TierReader } from './tier-reader.ts';

/** Records that say what they are, so that a torn, stale or foreign one cannot pass for the right one. */

const HOUR: Omit<ResponseFacts, 'status'> = {
  route: 0,
  bornS: 0,
  freshUntilS: 3600,
  revalidateUntilS: 3600,
  errorUntilS: 3600,
  flags: 0,
};

/** Stores a version of a key, or says that there is no room. `status` carries the version besides. */
export function store(tier: MemoryTier, key: number, version: number, bodyBytes: number): boolean {
  tier.key.set(nameOf(key));
  // Of those that are many, every other key is a variant's.
  const nature = { flags: key >= 10 && key % 2 === 1 ? Flag.VARIANT : 0, status: 200 + (version % 300) };
  const slot = tier.reserve(headOf(version, 0), bodyBytes, { ...HOUR, ...nature }, 0);
  if (slot < 0) return false;
  const body = bodyOf(key, version, bodyBytes);
  const half = bodyBytes >> 1;
  tier.writeBody(slot, 0, body.subarray(0, half));
  tier.writeBody(slot, half, body.subarray(half));
  tier.key.set(nameOf(key));
  tier.publish(slot);
  return true;
}

/** Renews the lifetime and head of a key, in place where nobody reads it. False when it is not there. */
export function refresh(tier: MemoryTier, key: number): boolean {
  tier.key.set(nameOf(key));
  const slot = tier.find();
  if (slot < 0) return false;
  tier.cache.pin(slot);
  const [, version, generation] = HEAD.exec(tier.head(slot))!;
  const head = headOf(Number(version), (Number(generation) + 1) % 1000);
  const now = tier.refresh(slot, head, { ...HOUR, status: tier.cache.entries.status(slot) }, 0);
  tier.cache.unpin(now);
  return true;
}

/** Forgets a key, if it is there. */
export function purge(tier: MemoryTier, key: number): void {
  tier.key.set(nameOf(key));
  const slot = tier.find();
  if (slot >= 0) tier.cache.remove(slot, 'purged');
}

/** The name of a key; they differ in length. */
export function nameOf(key: number): string {
  return `r /${'x'.repeat(key % 50)}/${key}`;
}

/** Reads a pinned record whole. @returns its version, and how often it was refreshed. @throws Error when it is damaged. */
export function readWhole(
  reader: TierReader,
  slot: number,
  key: number,
): { version: number; generation: number } {
  const place = reader.place(slot);
  const length = reader.word(slot, Word.RECORD_BYTES) - reader.word(slot, Word.KEY_BYTES);
  const bytes = Buffer.alloc(length);
  const copied = reader.read(place, 0, length, bytes, 0);
  const head = bytes.toString('latin1', 0, HEAD_BYTES);
  const [, version, generation] = HEAD.exec(head) ?? [];
  if (copied !== length || version === undefined)
    throw new Error(`${key}: ${copied} of ${length} bytes, head ${JSON.stringify(head)}`);
  if (!bytes.subarray(HEAD_BYTES).equals(bodyOf(key, Number(version), length - HEAD_BYTES)))
    throw new Error(`${key}: version ${version} has not its own body`);
  return { version: Number(version), generation: Number(generation) };
}

const HEAD = /^V: (\d{10}) (\d{3})\r\n\r\n$/;
const HEAD_BYTES = 21;

function headOf(version: number, generation: number): string {
  return `V: ${String(version).padStart(10, '0')} ${String(generation).padStart(3, '0')}\r\n\r\n`;
}

function bodyOf(key: number, version: number, bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = (Math.imul(key + 1, 0x9e3779b9) ^ Math.imul(version + 1, 0x85ebca6b)) | 1;
  for (let i = 0; i < words.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}
