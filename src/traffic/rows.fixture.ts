import type { Random } from '../base/random.ts';
import type { ResponseLife, ServedKind, TrafficBatch, TrafficRow } from './batch.ts';
import { NOT_ASKED, servedKind, TrafficTables } from './batch.ts';
import { partOf } from './record/reading.ts';
import type { TrafficRecord } from './record.ts';

const KINDS: readonly ServedKind[] = [
  servedKind('images', { outcome: 'hit', tier: 'memory' }),
  servedKind('images', { variant: true, head: true }),
  servedKind('bilder "ü" \n', { status: 404, tier: 'disk', notStored: 'too-large', internal: true }),
  servedKind('', { status: 0, outcome: 'failed', notStored: 'truncated' }),
];

const LIVES: readonly ResponseLife[] = [
  { known: 'unknown' },
  { known: 'applied', lifetimeS: 3600, whileRevalidateS: 60, ifErrorS: 86_400, flags: 16 },
  { known: 'applied', lifetimeS: -5, whileRevalidateS: 0, ifErrorS: 0, flags: 0 },
  {
    known: 'stated',
    lifetimeS: undefined,
    modifiedAgoS: 1_000_000,
    ageS: 3,
    whileRevalidateS: undefined,
    ifErrorS: 0,
    flags: 63,
  },
  {
    known: 'stated',
    lifetimeS: 31_536_000,
    modifiedAgoS: undefined,
    ageS: 0,
    whileRevalidateS: 30,
    ifErrorS: undefined,
    flags: 0,
  },
];

/** Rows of all kinds in the order of their times, and of few keys, so that they come again. */
export function madeRows(random: Random, count: number, startMs = 1_700_000_000_000): TrafficRow[] {
  const tables = new TrafficTables();
  let atUs = startMs * 1000;
  return Array.from({ length: count }, () => {
    if (random.next() < 0.9) atUs += Math.floor(random.next() ** 3 * 40_000);
    const key = Math.floor(random.next() ** 2 * 1000) + 1;
    return {
      atMs: atUs / 1000,
      keyLo: Math.imul(key, 0x9e37_79b1) >>> 0,
      keyHi: Math.imul(key, 0x85eb_ca6b) >>> 0,
      bodyBytes: Math.floor(2 ** ((32 * ((key * 7919) % 1000)) / 1000)),
      besideBytes: (key * 37) % 65_536,
      originMs: random.next() < 0.7 ? undefined : Math.floor(random.next() * 3000),
      kind: tables.kind(KINDS[Math.floor(random.next() ** 2 * KINDS.length)]!),
      life: tables.life(LIVES[Math.floor(random.next() * LIVES.length)]!),
    };
  });
}

/** The rows of batches, one by one; times to the microsecond. */
export function rowsOf(batches: Iterable<TrafficBatch>): TrafficRow[] {
  const rows: TrafficRow[] = [];
  for (const batch of batches) {
    for (let i = 0; i < batch.count; i += 1) {
      const waitedMs = batch.originMs[i]!;
      rows.push({
        atMs: Math.round(batch.baseMs * 1000 + batch.timeUs[i]!) / 1000,
        keyLo: batch.keyLo[i]!,
        keyHi: batch.keyHi[i]!,
        bodyBytes: batch.bodyBytes[i]!,
        besideBytes: batch.besideBytes[i]!,
        originMs: waitedMs === NOT_ASKED ? undefined : waitedMs,
        kind: batch.kindTable[batch.kinds[i]!]!,
        life: batch.lifeTable[batch.lives[i]!]!,
      });
    }
  }
  return rows;
}

/** Batches as a record in memory, all of one rate. */
export function memoryRecord(batches: readonly TrafficBatch[], name = 'memory'): TrafficRecord {
  const rows = batches.reduce((sum, { count }) => sum + count, 0);
  const [first, last] = [batches[0], batches.at(-1)];
  const rate = first?.rate ?? 1;
  return {
    info: {
      name,
      fromMs: first?.baseMs ?? 0,
      toMs: last === undefined ? 0 : last.baseMs + (last.timeUs[last.count - 1] ?? 0) / 1000,
      rows,
      requests: rows,
      rateMin: rate,
      rateMax: rate,
      storedBytes: 0,
      damage: [],
    },
    batches: (range) =>
      range === undefined ? batches : batches.flatMap((batch) => partOf(batch, range) ?? []),
  };
}
