import type { FieldPairs } from '../../test/support/scripted-origin.ts';
import { seededRandom } from '../base/random.ts';
import {
  batchesOf,
  type ResponseLife,
  type ServedKind,
  Stated,
  type StatedLife,
  servedKind,
  statedLife,
  stratumOf,
  type TrafficRow,
  TrafficTables,
  UNKNOWN_LIFE,
} from '../traffic/batch.ts';
import type { TrafficRecord } from '../traffic/record.ts';
import { memoryRecord } from '../traffic/rows.fixture.ts';
import { placeOf, thresholdOf } from '../traffic/sample.ts';
import type { SimulatedNode, SimulatedRoute } from './plan.ts';

/** Records and nodes by hand, for tests. */

export const START_MS = 1_700_000_000_000;
const MIB = 1024 ** 2;

export const MISSED = servedKind('images');

/** What most origins say. */
export function stated(
  lifetimeS: number | undefined,
  more: Parameters<typeof statedLife>[1] = {},
): StatedLife {
  return statedLife(lifetimeS, { flags: Stated.VALIDATOR | Stated.IMAGE, ...more });
}

export interface RowInput {
  /** Seconds from the start. */
  readonly atS: number;
  readonly key: number;
  readonly bytes?: number;
  readonly originMs?: number | undefined;
  readonly kind?: Partial<ServedKind>;
  readonly life?: ResponseLife;
  readonly beside?: number;
  /** The resource, where it is a variant. */
  readonly of?: number;
}

/** Makes kinds and lives of all records of a test one object each. */
export const TABLES = new TrafficTables();

/** Rows out of what is said of them. */
export function rowsOf(inputs: readonly RowInput[]): TrafficRow[] {
  return inputs.map(
    ({ atS, key, bytes = 1000, kind = {}, life = stated(3600), beside = 300, of, ...rest }) => ({
      atMs: START_MS + atS * 1000,
      keyLo: key,
      keyHi: hashOf(of ?? key),
      bodyBytes: bytes,
      besideBytes: beside,
      originMs: 'originMs' in rest ? rest.originMs : 0,
      kind: TABLES.kind({ ...MISSED, ...kind }),
      life: life.known === 'unknown' ? UNKNOWN_LIFE : TABLES.life(life),
    }),
  );
}

export function hashOf(key: number): number {
  return Math.imul(key + 1, 0x9e37_79b1) >>> 0;
}

/** A record in memory. */
export function recordOf(rows: readonly TrafficRow[], rate = 1): TrafficRecord {
  return memoryRecord(batchesOf(rows, rate));
}

/** Only the requests for a share of the keys, with the totals of all. */
export function sampleOf(record: TrafficRecord, rate: number): TrafficRecord {
  const threshold = thresholdOf(rate);
  const batches = [...record.batches()].map((batch) => {
    const totals = new Map<string, { route: string; stratum: number; requests: number; bodyBytes: number }>();
    const rows: number[] = [];
    for (let row = 0; row < batch.count; row += 1) {
      const { route } = batch.kindTable[batch.kinds[row]!]!;
      const stratum = stratumOf(batch.bodyBytes[row]!);
      const total = totals.get(`${route} ${stratum}`) ?? { route, stratum, requests: 0, bodyBytes: 0 };
      total.requests += 1;
      total.bodyBytes += batch.bodyBytes[row]!;
      totals.set(`${route} ${stratum}`, total);
      if (placeOf(batch.keyHi[row]!) < threshold) rows.push(row);
    }
    const pick = <T extends Uint32Array | Uint16Array>(column: T): T =>
      column.filter((_, row) => placeOf(batch.keyHi[row]!) < threshold) as T;
    return {
      ...batch,
      count: rows.length,
      timeUs: pick(batch.timeUs),
      keyLo: pick(batch.keyLo),
      keyHi: pick(batch.keyHi),
      bodyBytes: pick(batch.bodyBytes),
      besideBytes: pick(batch.besideBytes),
      originMs: pick(batch.originMs),
      kinds: pick(batch.kinds),
      lives: pick(batch.lives),
      rate,
      totals: [...totals.values()],
    };
  });
  return { ...memoryRecord(batches), info: { ...record.info, rateMin: rate, rateMax: rate } };
}

export const ROUTE: SimulatedRoute = {
  negativeTtlS: 10,
  fallbackTtlS: 1,
  staleWhileRevalidateS: 0,
  staleIfErrorS: 0,
  lastKnownGood: 'never',
  caches: true,
  pinned: false,
  objectBytesMax: 64 * MIB,
  origin: 'origin',
};

/** A node; by default one route, no floor, no disk, no limits. */
export function nodeWith(
  more: Omit<Partial<SimulatedNode>, 'memory'> & {
    readonly memory?: Partial<SimulatedNode['memory']>;
    readonly route?: Partial<SimulatedRoute>;
  } = {},
): SimulatedNode {
  const { memory, route, ...rest } = more;
  return {
    name: 'node',
    memory: { sizeBytes: 10 * MIB, policy: 'lru', objectBytesMax: 64 * MIB, ...memory },
    disk: undefined,
    routes: new Map(),
    otherRoute: { ...ROUTE, ...route },
    room: { minResidencyS: 0, pinnedShare: 0 },
    ghosts: 1000,
    origins: new Map(),
    ...rest,
  };
}

/** Image-like traffic: popular keys by a power law, sizes over four orders of magnitude, a request every few milliseconds. */
export function imageTraffic(
  seed: number,
  requests: number,
  keys: number,
  life: ResponseLife = stated(10 ** 9),
): TrafficRow[] {
  const random = seededRandom(seed);
  const sizeOf = (key: number): number => {
    const dice = seededRandom(seed * 7919 + key);
    const bell = dice.next() + dice.next() + dice.next() + dice.next() - 2;
    return Math.round(300 + 15_000 * Math.exp(bell * 2.2));
  };
  const sizes = Array.from({ length: keys }, (_, key) => sizeOf(key));
  let atS = 0;
  return rowsOf(
    Array.from({ length: requests }, () => {
      atS += random.next() * 0.01;
      const key = Math.floor(keys * random.next() ** 5);
      return { atS, key: key ^ (seed << 20), bytes: sizes[key]!, life };
    }),
  );
}

/** As `storedHead` of step 6 writes it, with what is added. */
export function headBytes(fields: FieldPairs, bodyBytes: number): number {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value as string}\r\n`);
  const date = 'date: Mon, 23 Nov 2026 17:00:00 GMT\r\nvia: 1.1 holdfast\r\n';
  return `${lines.join('')}${date}content-length: ${bodyBytes}\r\n\r\n`.length;
}
