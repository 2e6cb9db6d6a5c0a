import { NOT_ASKED, type ResponseLife, type TrafficBatch } from './batch.ts';
import { KeyValues } from './key-values.ts';

/** First line of a record as a table. `holdfast traffic import` takes it back, key for key. */
export const CSV_HEADER =
  'time_s,key,size_bytes,route,status,outcome,method,variant,internal,origin_ms,beside_bytes,lifetime_s\n';

/**
 * The rows of a batch as lines of a table: seconds since the epoch with microseconds where there are any, the key's hash as 16
 * hexadecimal digits, and empty fields for what is not known.
 */
export function csvLines(batch: TrafficBatch): string {
  const heads = batch.kindTable.map(
    ({ route, status, outcome, head, variant, internal }) =>
      `${quoted(route)},${status},${outcome},${head ? 'HEAD' : 'GET'},${variant ? 1 : ''},${internal ? 1 : ''}`,
  );
  const lives = batch.lifeTable.map(lifetimeText);
  const lines: string[] = [];
  for (let i = 0; i < batch.count; i += 1) {
    const key = hex(batch.keyHi[i]!) + hex(batch.keyLo[i]!);
    const waitedMs = batch.originMs[i]!;
    lines.push(
      `${secondsText(batch.baseMs, batch.timeUs[i]!)},${key},${batch.bodyBytes[i]!},${heads[batch.kinds[i]!]!},` +
        `${waitedMs === NOT_ASKED ? '' : waitedMs},${batch.besideBytes[i]! || ''},${lives[batch.lives[i]!]!}\n`,
    );
  }
  return lines.join('');
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0');
}

function secondsText(baseMs: number, timeUs: number): string {
  const us = Math.round(baseMs * 1000) + timeUs;
  const rest = us % 1_000_000;
  const whole = `${Math.floor(us / 1_000_000)}`;
  return rest === 0 ? whole : `${whole}.${String(rest).padStart(6, '0').replace(/0+$/, '')}`;
}

function lifetimeText(life: ResponseLife): string {
  return life.known === 'unknown' || life.lifetimeS === undefined ? '' : String(life.lifetimeS);
}

/** A name of a route has no commas; one out of a record that somebody else made might. */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', "'").replace(/[\r\n]/g, ' ')}"` : text;
}

/** Bytes of a row of libCacheSim's oracleGeneral. */
export const ORACLE_ROW_BYTES = 24;

/**
 * For each request of clients, by its position among them, the position of the next one of its key; its own where there is none. Reads
 * the record once. Memory: 4 bytes a request and at most 43 a key.
 */
export function nextRequests(batches: Iterable<TrafficBatch>, requests: number): Uint32Array {
  const next = new Uint32Array(requests).map((_, position) => position);
  const last = new KeyValues();
  let position = 0;
  for (const batch of batches) {
    for (let i = 0; i < batch.count; i += 1) {
      if (batch.kindTable[batch.kinds[i]!]!.internal) continue;
      const before = last.get(batch.keyLo[i]!, batch.keyHi[i]!);
      if (before >= 0) next[before] = position;
      last.set(batch.keyLo[i]!, batch.keyHi[i]!, position);
      position += 1;
    }
  }
  return next;
}

/**
 * The requests of clients in a batch as rows of oracleGeneral: time in seconds (u32), id (u64), size (u32), position of the next request
 * of the id or -1 (i64), little endian.
 *
 * @param next of {@link nextRequests}.
 * @param first position of the first of them.
 */
export function oracleRows(batch: TrafficBatch, next: Uint32Array, first: number): Uint8Array {
  const bytes = new Uint8Array(batch.count * ORACLE_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  let position = first;
  for (let i = 0; i < batch.count; i += 1) {
    if (batch.kindTable[batch.kinds[i]!]!.internal) continue;
    const at = (position - first) * ORACLE_ROW_BYTES;
    const seconds = Math.floor((Math.round(batch.baseMs * 1000) + batch.timeUs[i]!) / 1e6);
    view.setUint32(at, Math.min(seconds, 0xffff_ffff), true);
    view.setUint32(at + 4, batch.keyLo[i]!, true);
    view.setUint32(at + 8, batch.keyHi[i]!, true);
    view.setUint32(at + 12, batch.bodyBytes[i]!, true);
    const after = next[position]!;
    view.setInt32(at + 16, after === position ? -1 : after, true);
    view.setInt32(at + 20, after === position ? -1 : 0, true);
    position += 1;
  }
  return bytes.subarray(0, (position - first) * ORACLE_ROW_BYTES);
}
