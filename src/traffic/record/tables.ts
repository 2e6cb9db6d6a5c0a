import { NOT_STORED_REASONS, OUTCOMES } from '../../cache/outcome.ts';
import {
  type KnownPath,
  type ResponseLife,
  type ServedKind,
  type StratumTotal,
  type TrafficBatch,
  type TrafficTables,
  UNKNOWN_LIFE,
} from '../batch.ts';
import { BadBlock } from './bad-block.ts';

/** What the rows of a batch point into. */
export interface BatchTables {
  readonly kindTable: readonly ServedKind[];
  readonly lifeTable: readonly ResponseLife[];
  readonly totals: readonly StratumTotal[];
  readonly paths: readonly KnownPath[];
}

const TIERS = ['memory', 'disk', 'none'] as const;
const VARIANT = 1;
const INTERNAL = 2;
const HEAD = 4;
/** Longest list in the tables. Positions have 16 bits; paths and totals have no more reason to be longer. */
const LIST_MAX = 0x1_0000;

/** The tables of a batch as JSON: lists of lists, in the order of the fields. */
export function tablesText({ kindTable, lifeTable, totals, paths = [] }: TrafficBatch): string {
  return JSON.stringify({
    kinds: kindTable.map((kind) => [
      kind.route,
      kind.status,
      kind.outcome,
      kind.tier,
      kind.notStored,
      (kind.variant ? VARIANT : 0) | (kind.internal ? INTERNAL : 0) | (kind.head ? HEAD : 0),
    ]),
    lives: lifeTable.map(lifeText),
    totals: totals.map(({ route, stratum, requests, bodyBytes }) => [route, stratum, requests, bodyBytes]),
    paths: paths.map(({ keyLo, keyHi, path }) => [keyLo, keyHi, path]),
  });
}

function lifeText(life: ResponseLife): readonly unknown[] {
  if (life.known === 'unknown') return [life.known];
  const { known, lifetimeS, whileRevalidateS, ifErrorS, flags } = life;
  const common = [known, lifetimeS ?? null, whileRevalidateS ?? null, ifErrorS ?? null, flags];
  return known === 'applied' ? common : [...common, life.modifiedAgoS ?? null, life.ageS];
}

/** @throws BadBlock when that is not what {@link tablesText} writes. */
export function readTables(text: Uint8Array, tables: TrafficTables): BatchTables {
  const read = parsed(text);
  return {
    kindTable: list(read['kinds']).map((row) => tables.kind(kindOf(list(row)))),
    lifeTable: list(read['lives']).map((row) => tables.life(lifeOf(list(row)))),
    totals: list(read['totals']).map((row) => totalOf(list(row))),
    paths: list(read['paths']).map((row) => pathOf(list(row))),
  };
}

function parsed(text: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString());
  } catch (error) {
    throw new BadBlock('its tables are no JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null) throw new BadBlock('its tables are no tables');
  return value as Record<string, unknown>;
}

function kindOf([route, status, outcome, tier, notStored, bits]: readonly unknown[]): ServedKind {
  const marks = whole(bits, 7);
  return {
    route: words(route),
    status: whole(status, 999),
    outcome: oneOf(OUTCOMES, outcome),
    tier: oneOf(TIERS, tier),
    notStored: notStored === '' ? '' : oneOf(NOT_STORED_REASONS, notStored),
    variant: (marks & VARIANT) !== 0,
    internal: (marks & INTERNAL) !== 0,
    head: (marks & HEAD) !== 0,
  };
}

function lifeOf(row: readonly unknown[]): ResponseLife {
  const [known, lifetimeS, whileRevalidateS, ifErrorS, flags, modifiedAgoS, ageS] = row;
  if (known === 'unknown') return UNKNOWN_LIFE;
  if (known === 'applied') {
    return {
      known,
      lifetimeS: seconds(lifetimeS),
      whileRevalidateS: seconds(whileRevalidateS),
      ifErrorS: seconds(ifErrorS),
      flags: whole(flags, 0xffff_ffff),
    };
  }
  if (known !== 'stated') throw new BadBlock('its lifetimes are of a kind that is not known here');
  return {
    known,
    lifetimeS: maybe(lifetimeS),
    modifiedAgoS: maybe(modifiedAgoS),
    ageS: seconds(ageS),
    whileRevalidateS: maybe(whileRevalidateS),
    ifErrorS: maybe(ifErrorS),
    flags: whole(flags, 0xffff_ffff),
  };
}

function totalOf([route, stratum, requests, bodyBytes]: readonly unknown[]): StratumTotal {
  return {
    route: words(route),
    stratum: whole(stratum, 32),
    requests: whole(requests, Number.MAX_SAFE_INTEGER),
    bodyBytes: whole(bodyBytes, Number.MAX_SAFE_INTEGER),
  };
}

function pathOf([keyLo, keyHi, path]: readonly unknown[]): KnownPath {
  return { keyLo: whole(keyLo, 0xffff_ffff), keyHi: whole(keyHi, 0xffff_ffff), path: words(path) };
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > LIST_MAX) throw new BadBlock('its tables are no lists');
  return value;
}

function words(value: unknown): string {
  if (typeof value !== 'string') throw new BadBlock('its tables have something else where text belongs');
  return value;
}

function whole(value: unknown, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max)
    throw new BadBlock('its tables have a number that is out of range');
  return value;
}

/** Lifetimes may be negative: a response can be stale on arrival. */
function seconds(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new BadBlock('its tables have a time that is none');
  return value;
}

function maybe(value: unknown): number | undefined {
  return value === null ? undefined : seconds(value);
}

function oneOf<W extends string>(known: readonly W[], value: unknown): W {
  const found = known.find((word) => word === value);
  if (found === undefined) throw new BadBlock('its tables have a word that is not known here');
  return found;
}
