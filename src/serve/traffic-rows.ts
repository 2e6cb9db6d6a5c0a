import type { HashKey } from '../base/hash.ts';
import { NONE } from '../cache/entries.ts';
import { KeyBuffer } from '../cache/key.ts';
import type { NotStoredReason, Outcome } from '../cache/outcome.ts';
import { maskQuery } from '../monitor/access-line.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { type ResponseLife, type ServedKind, UNKNOWN_LIFE } from '../traffic/batch.ts';
import type { TrafficRecorder } from '../traffic/live/recorder.ts';
import { emptyRow, RowBit } from '../traffic/live/row-ring.ts';
import type { Route } from './1-route.ts';
import type { Flight } from './4-origin.ts';
import type { CacheRequest } from './answer.ts';
import type { Asked } from './asked.ts';
import { fieldLines } from './field-lines.ts';
import { keptFields } from './upstream.ts';

/** A request whose look-up was noted, and is not answered yet. */
type Waiting = Asked & { readonly key: string };

/** What a request had to wait for. Times in milliseconds. */
interface Waited {
  readonly outcome: Outcome;
  readonly originMs: number | undefined;
}

/**
 * What the request path says to the traffic record: one row for each GET and HEAD that was looked up, or went past the cache.
 * A plain hit is noted at once; who had to wait, when it is known what came of it.
 */
export class TrafficRows {
  readonly #recorder: TrafficRecorder;
  readonly #tier: MemoryTier;
  readonly #key: KeyBuffer;
  readonly #row = emptyRow();

  /** @param hashKey that of the tier's index. */
  constructor(recorder: TrafficRecorder, tier: MemoryTier, hashKey: HashKey) {
    this.#recorder = recorder;
    this.#tier = tier;
    this.#key = new KeyBuffer(hashKey);
  }

  /** The time of a look-up, for the row that comes when the request is answered. */
  stamp({ receivedMs }: CacheRequest): number {
    return this.#recorder.stamp(receivedMs);
  }

  /**
   * A fresh stored response answers at once. Some 50 ns; 150 for a variant, whose original's key has to be hashed.
   *
   * @param resource primary key of what it is a variant of; undefined for what is no variant.
   */
  hit(request: CacheRequest, route: Route, resource: string | undefined, slot: number): void {
    if (!isRecorded(request)) return;
    const { entries } = this.#tier.cache;
    const row = this.#row;
    const keyBytes = entries.keyBytes(slot);
    const headBytes = entries.headBytes(slot);
    row.atMs = this.#recorder.stamp(request.receivedMs);
    row.keyLo = entries.hashLo(slot);
    row.keyHi = resource === undefined ? entries.hashHi(slot) : this.#key.set(resource).hi;
    row.bodyBytes = entries.recordBytes(slot) - keyBytes - headBytes;
    row.besideBytes = keyBytes + headBytes;
    row.route = route.id;
    row.status = entries.status(slot);
    row.bits =
      (request.method === 'HEAD' ? RowBit.HEAD : 0) | (request.internal === undefined ? 0 : RowBit.INTERNAL);
    row.bornS = entries.bornS(slot);
    row.freshUntilS = entries.freshUntilS(slot);
    row.revalidateUntilS = entries.revalidateUntilS(slot);
    row.errorUntilS = entries.errorUntilS(slot);
    row.flags = entries.flags(slot);
    this.#recorder.hit(row);
  }

  /**
   * A stored response answers, and it was not that simple.
   *
   * @param flight the one that confirmed it, if one did.
   */
  stored(asked: Waiting, slot: number, { outcome, originMs }: Waited, flight?: Flight): void {
    const { entries } = this.#tier.cache;
    const guest = this.#tier.guest(slot);
    const kind = {
      status: entries.status(slot),
      outcome,
      tier: asked.fromDisk === true || guest !== undefined ? 'disk' : 'memory',
      notStored: flight?.notStored ?? '',
    } as const;
    const freshUntilS = entries.freshUntilS(slot);
    const applied = {
      known: 'applied',
      lifetimeS: freshUntilS - entries.bornS(slot),
      whileRevalidateS: entries.revalidateUntilS(slot) - freshUntilS,
      ifErrorS: entries.errorUntilS(slot) - freshUntilS,
      flags: entries.flags(slot),
    } as const;
    const sizes = {
      bodyBytes: this.#tier.bodyBytes(slot),
      besideBytes: entries.keyBytes(slot) + entries.headBytes(slot),
    };
    this.#add(asked, asked.key, sizes, originMs, kind, flight?.said ?? applied);
  }

  /** The answer of a flight is the request's: what came of it is known when it ends, whether the client is still there or not. */
  fetched(asked: Waiting, flight: Flight, waited: Waited): void {
    if (flight.ending !== undefined) this.#ended(asked, flight, waited);
    else flight.whenEnded.push(() => this.#ended(asked, flight, waited));
  }

  /** Nothing that is anybody's response answers: the node says no by itself. */
  unanswered(asked: Waiting, { outcome, originMs }: Waited): void {
    const kind = { status: 0, outcome, tier: 'none', notStored: '' } as const;
    this.#add(asked, asked.key, { bodyBytes: 0, besideBytes: 0 }, originMs, kind, UNKNOWN_LIFE);
  }

  #ended(asked: Waiting, flight: Flight, { outcome, originMs }: Waited): void {
    const { head, place, renewed, ending } = flight;
    if (head === undefined) {
      this.unanswered(asked, { outcome: 'failed', originMs });
      return;
    }
    const key = place?.key ?? asked.key;
    if (renewed !== NONE) {
      const slot = this.#tier.findKey(asked.key);
      if (slot !== NONE) this.stored(asked, slot, { outcome, originMs }, flight);
      return;
    }
    const isStored = ending === 'stored';
    const notStored: NotStoredReason | '' = isStored ? '' : (flight.notStored ?? 'truncated');
    const kind = { status: wholeStatus(head.status), outcome, tier: 'none', notStored } as const;
    const sizes = (isStored ? this.#storedSizes(key) : undefined) ?? {
      bodyBytes: wholeBytes(flight),
      // As it would have been stored, but for a field or two.
      besideBytes: key.length + fieldLines(keptFields(head.fields, flight.plan.requestedS)).length + 2,
    };
    this.#add(asked, key, sizes, originMs, kind, flight.said ?? UNKNOWN_LIFE);
  }

  #storedSizes(key: string): { readonly bodyBytes: number; readonly besideBytes: number } | undefined {
    const { entries } = this.#tier.cache;
    const slot = this.#tier.findKey(key);
    if (slot === NONE) return undefined;
    const besideBytes = entries.keyBytes(slot) + entries.headBytes(slot);
    return { bodyBytes: this.#tier.bodyBytes(slot), besideBytes };
  }

  #add(
    asked: Asked,
    key: string,
    sizes: { readonly bodyBytes: number; readonly besideBytes: number },
    originMs: number | undefined,
    kind: Pick<ServedKind, 'status' | 'outcome' | 'tier' | 'notStored'>,
    life: ResponseLife,
  ): void {
    const { request, route, variant, seenMs } = asked;
    if (seenMs === undefined || !isRecorded(request)) return;
    const keyHi = this.#resourceHi(asked);
    const internal = request.internal !== undefined;
    this.#recorder.add({
      atMs: seenMs,
      keyLo: this.#key.set(key).lo,
      keyHi,
      ...sizes,
      originMs,
      kind: {
        route: route.name,
        ...kind,
        variant: variant !== undefined,
        internal,
        head: request.method === 'HEAD',
      },
      life,
      path: () => tellable(asked.primary),
    });
  }

  /** High half of the hash of what a response is a variant of, or is. */
  #resourceHi({ variant, primary }: Asked): number {
    return this.#key.set(variant?.primary ?? primary).hi;
  }
}

/**
 * What a key stands for, as it may be written down: without the route, without the values of fields that chose among
 * representations, and with queries as the access log has them.
 */
function tellable(primary: string): string {
  return primary
    .slice(primary.indexOf(' ') + 1)
    .split(' ')
    .map(maskQuery)
    .join(' ');
}

/** Of what the node asks for itself, only originals: overlays are parts of what is made. */
function isRecorded({ method, internal }: CacheRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && internal !== 'overlay';
}

/** Status of the whole of what a part or a confirmation was sent of. */
function wholeStatus(status: number): number {
  return status === 206 || status === 304 ? 200 : status;
}

/** Length of a whole body, of which a part may have come, or none. */
function wholeBytes({ head, receivedBytes }: Flight): number {
  const { fields, bodyBytes, status } = head!;
  const said = status === 206 ? /\/(\d{1,15})$/.exec(fields.get('content-range') ?? '')?.[1] : undefined;
  return said === undefined ? Math.max(bodyBytes ?? 0, receivedBytes) : Number(said);
}
