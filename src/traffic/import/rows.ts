import {
  type ResponseLife,
  type ServedKind,
  Stated,
  servedKind,
  statedLife,
  type TrafficRow,
  TrafficTables,
  UNKNOWN_LIFE,
} from '../batch.ts';
import { type Line, type OwnRow, spanText } from './line.ts';
import type { Named, Namer } from './naming.ts';
import type { ImportReport, LeftOutReason } from './report.ts';
import { SizeMemory } from './sizes.ts';

/** Extensions of images, in front of a query, a further extension (`a.jpg.webp`), or options (`a.jpg@webp`). */
const IMAGE_PATH =
  /\.(?:jpe?g|jfif|png|apng|gif|webp|avif|svgz?|ico|bmp|tiff?|heic|heif|jxl|jp2|cur)(?:$|[?@./;,!:])/i;

/** Largest size of a record: 32 bits. */
const BODY_BYTES_MAX = 2 ** 32 - 1;

/** Makes rows of a record out of lines of logs. */
export class RowMaker {
  readonly #namer: Namer;
  readonly #life: ResponseLife;
  readonly #onlyImages: boolean;
  readonly #report: ImportReport;
  readonly #sizes = new SizeMemory();
  readonly tables = new TrafficTables();
  /** Kinds by what they are made of, so that no text is put together for each row. */
  readonly #kinds = new Map<string, Map<number, ServedKind>>();
  readonly #named: Named = { route: '', keyLo: 0, keyHi: 0, variant: false };

  /** @param life of every response, where the operator says it. */
  constructor(namer: Namer, life: ResponseLife, onlyImages: boolean, report: ImportReport) {
    this.#namer = namer;
    this.#life = life;
    this.#onlyImages = onlyImages;
    this.#report = report;
  }

  /** @returns the row; or `path` when nobody should serve that path; or undefined when the request is left out, and counted. */
  make(line: Line, namer: Namer = this.#namer): TrafficRow | 'path' | undefined {
    if (line.method === 'other') return this.#leaveOut('method');
    if (line.own !== undefined) return this.#own(line, line.own);
    if (this.#onlyImages && !(line.image ?? IMAGE_PATH.test(pathText(line)))) return this.#leaveOut('image');
    const named = this.#named;
    const trouble = namer.name(line, named);
    if (trouble === 'route') return this.#leaveOut('route');
    if (trouble !== undefined) return trouble;
    const bodyBytes = this.#atMost4GiB(this.#bodyBytes(line, named));
    if (line.outcome !== undefined) this.#report.served += 1;
    this.#report.rows += 1;
    return {
      atMs: line.timeMs,
      keyLo: named.keyLo,
      keyHi: named.keyHi,
      bodyBytes,
      besideBytes: 0,
      // What a log calls the time to the first byte is no origin's where it was a hit.
      originMs: line.originMs < 0 || line.outcome === 'hit' ? undefined : line.originMs,
      kind: this.#kind(line, named),
      life: this.#life,
    };
  }

  /** A row that was a record's already. */
  #own(line: Line, { keyLo, keyHi, besideBytes, lifetimeS, ...named }: OwnRow): TrafficRow {
    this.#report.rows += 1;
    if (line.outcome !== undefined) this.#report.served += 1;
    const { internal } = named;
    const kind = this.#kind(line, { ...named, keyLo, keyHi });
    return {
      atMs: line.timeMs,
      keyLo,
      keyHi,
      bodyBytes: this.#atMost4GiB(Math.max(0, line.sizeBytes)),
      besideBytes,
      originMs: line.originMs < 0 ? undefined : line.originMs,
      kind: internal ? this.tables.kind({ ...kind, internal }) : kind,
      life: this.#life.known === 'unknown' ? this.tables.life(lifeOf(lifetimeS)) : this.#life,
    };
  }

  #atMost4GiB(bytes: number): number {
    if (bytes <= BODY_BYTES_MAX) return bytes;
    this.#report.sizesCut += 1;
    return BODY_BYTES_MAX;
  }

  #leaveOut(reason: LeftOutReason): undefined {
    this.#report.leftOut[reason] += 1;
    return undefined;
  }

  /** The length of the whole body. What a log says of a 206, a 304 or a HEAD is the length of something else. */
  #bodyBytes(line: Line, { keyLo, keyHi }: Named): number {
    const { status, sizeBytes, method } = line;
    if (line.whole) return sizeBytes;
    const isSent = method === 'GET' && sizeBytes >= 0;
    if (isSent && status === 200) {
      this.#sizes.set(keyLo, keyHi, sizeBytes);
      return sizeBytes;
    }
    const isPart = status === 206 || status === 499;
    if (isSent && !isPart && status !== 304 && status !== 416) return sizeBytes;
    const known = method === 'HEAD' && status >= 300 && status !== 304 ? 0 : this.#sizes.get(keyLo, keyHi);
    if (isSent && isPart) {
      const largest = Math.max(known, sizeBytes);
      if (largest > known) this.#sizes.set(keyLo, keyHi, largest);
      this.#report.sizesGuessed += 1;
      return largest;
    }
    if (known < 0) this.#report.sizesUnknown += 1;
    else this.#report.sizesGuessed += 1;
    return Math.max(0, known);
  }

  #kind(line: Line, { route, variant }: Named): ServedKind {
    const isHead = line.method === 'HEAD';
    const { outcome } = line;
    let ofRoute = this.#kinds.get(route);
    if (ofRoute === undefined) {
      ofRoute = new Map();
      this.#kinds.set(route, ofRoute);
    }
    const flags = (isHead ? 2 : 0) + (variant ? 1 : 0);
    const code = (line.status * 16 + outcomeCode(outcome)) * 4 + flags;
    const known = ofRoute.get(code);
    if (known !== undefined) return known;
    const served = outcome ?? 'miss';
    const kind = this.tables.kind(
      servedKind(route, {
        status: wholeStatus(line.status),
        outcome: served,
        tier: served === 'hit' || served === 'revalidated' || served === 'stale' ? 'memory' : 'none',
        variant,
        head: isHead,
      }),
    );
    ofRoute.set(code, kind);
    return kind;
  }
}

/** A lifetime that the operator knows: the origin stated it, and the response has a validator, as files have. */
export function lifeOf(lifetimeS: number | undefined): ResponseLife {
  return lifetimeS === undefined ? UNKNOWN_LIFE : statedLife(lifetimeS, { flags: Stated.VALIDATOR });
}

/** Of the response as a whole: 200 where a part was sent, nothing was sent because it had not changed, or the client went away. */
function wholeStatus(status: number): number {
  return status === 206 || status === 304 || status === 416 || status === 499 ? 200 : status;
}

const CODES: ReadonlyMap<Line['outcome'], number> = new Map<Line['outcome'], number>([
  [undefined, 0],
  ['hit', 1],
  ['revalidated', 2],
  ['stale', 3],
  ['collapsed', 4],
  ['miss', 5],
  ['bypass', 6],
  ['refused', 7],
  ['failed', 8],
]);

function outcomeCode(outcome: Line['outcome']): number {
  return CODES.get(outcome) ?? 0;
}

function pathText({ target }: Line): string {
  const text = spanText(target);
  const query = text.indexOf('?');
  return query < 0 ? text : text.slice(0, query);
}
