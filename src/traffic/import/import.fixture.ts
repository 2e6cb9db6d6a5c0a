import type { TrafficBatch, TrafficRow } from '../batch.ts';
import type { TrafficRecord } from '../record.ts';
import { rowsOf } from '../rows.fixture.ts';
import { type ImportOptions, importLogs } from './import.ts';
import type { ImportInput } from './input.ts';
import { IMPORT_HASH_KEY, PlainNamer } from './naming.ts';
import type { ImportReport } from './report.ts';

/** One route, path and query. */
export const PLAIN = new PlainNamer({ route: 'all', keyHost: false, query: 'all', hashKey: IMPORT_HASH_KEY });

/** Some bytes as a file, in pieces of a size. */
export function fileOf(name: string, content: string | Uint8Array, pieceBytes = 65_536): ImportInput {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    name,
    once: false,
    async *open() {
      for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    },
    record: () => {
      throw new Error('no record');
    },
  };
}

/** A record as a file. Its bytes are those that detection looks at. */
export function recordFile(name: string, record: TrafficRecord): ImportInput {
  const magic = Uint8Array.of(0x89, 0x48, 0x46, 0x54, 0x0d, 0x0a, 0x1a, 0x0a);
  return { ...fileOf(name, magic), record: () => record };
}

/** Imports files, and says what came of it. */
export async function imported(
  inputs: readonly ImportInput[],
  options: Partial<ImportOptions> = {},
): Promise<{ readonly report: ImportReport; readonly rows: TrafficRow[]; readonly batches: TrafficBatch[] }> {
  const batches: TrafficBatch[] = [];
  const report = await importLogs(inputs, { namer: PLAIN, ...options }, (batch) => batches.push(batch));
  return { report, rows: rowsOf(batches), batches };
}

/** Imports one text, and gives its rows with what is of interest, without keys. */
export async function rowsOfText(
  text: string,
  options: Partial<ImportOptions> = {},
): Promise<readonly (readonly unknown[])[]> {
  const { rows } = await imported([fileOf('a.log', text)], options);
  return rows.map(({ atMs, bodyBytes, originMs, kind }) => [
    new Date(atMs).toISOString(),
    bodyBytes,
    kind.status,
    kind.head ? 'HEAD' : 'GET',
    kind.outcome,
    originMs,
  ]);
}

/** The hash of a path's key, as the other rows of an import have it. */
export function keyOf(target: string, namer = PLAIN): string {
  const bytes = Buffer.from(target);
  const span = (of: Uint8Array) => ({ bytes: of, from: 0, to: of.length });
  const named = { route: '', keyLo: 0, keyHi: 0, variant: false };
  namer.name(
    {
      timeMs: 0,
      method: 'GET',
      target: span(bytes),
      host: span(new Uint8Array(0)),
      query: span(new Uint8Array(0)),
      named: false,
      status: 200,
      sizeBytes: 0,
      whole: false,
      outcome: undefined,
      originMs: -1,
      image: undefined,
      own: undefined,
    },
    named,
  );
  return `${named.keyHi} ${named.keyLo}`;
}

/** The key of a row, to be compared with {@link keyOf}. */
export function keyText({ keyHi, keyLo }: TrafficRow): string {
  return `${keyHi} ${keyLo}`;
}
