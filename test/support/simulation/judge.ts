import { assert } from '../../../src/base/assert.ts';
import { NOT_STORED_REASONS } from '../../../src/cache/outcome.ts';
import { foldAccept } from '../../../src/http/negotiation.ts';
import type { RandomOrigin, Sent } from '../random-origin.ts';
import type { Reader } from '../reader.ts';
import type { Plan } from './plan.ts';
import type { Process } from './process.ts';

/** One request, and what its client saw. Times in milliseconds that no clock sets back. */
export interface Request {
  readonly path: string;
  readonly method: string;
  readonly accept: string | undefined;
  readonly startedMs: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly reader: Reader;
  readonly process: Process;
  /** Where a copy was that it had to be served from; undefined when there was none, or it asked for something else. */
  readonly copy: 'memory' | 'disk' | undefined;
  /** Of the disk, so far. */
  readonly diskEvictions: number | undefined;
  judged: boolean;
}

/** From that moment on nothing older is served. */
interface Forgotten {
  readonly atMs: number;
  readonly what: string;
  readonly matches: (path: string) => boolean;
}

/** A disk that is slow is waited for so long, besides the deadline: for what names the variants, and for one of them. */
const DISK_WAIT_MS = 2 * 2_000;

/** One that joined a fetch whose response turns out not to be for it asks again: for its variant, then for itself alone. */
const FETCHES_MAX = 3;
/** With less memory beside the tier, what goes to the disk alone may have to be passed on as it comes. */
const SCARCE_BYTES = 100_000;
/** It has a copy to fall back on, and the new response may not be stored: that one is handed on as it comes. */
const PASSED_ON = /fwd=stale.*detail=(?:private|no-store|set-cookie|unframed|no-freshness)/;

/** Says whether clients got what they may get, and all that they have a right to. */
export class Judge {
  readonly requests: Request[] = [];
  readonly etags: string[] = [];
  /** Requests that had to be served, by where the copy was. */
  readonly owed = { memory: 0, disk: 0 };
  /** Paths whose stored heads do not say how long they are good for: renewed without room for a new one, or purged softly. */
  readonly oldHeads = new Set<string>();
  readonly #plan: Plan;
  readonly #origin: RandomOrigin;
  readonly #isReadable: () => boolean;
  readonly #personalReaders = new Map<string, Request>();
  #forgotten: Forgotten[] = [];
  /** Soft ones and those that were not durable too. */
  readonly #purges: Omit<Forgotten, 'what'>[] = [];

  /** @param isReadable whether the disk has always been so that what is found on it can be read. */
  constructor(plan: Plan, origin: RandomOrigin, isReadable: () => boolean) {
    this.#plan = plan;
    this.#origin = origin;
    this.#isReadable = isReadable;
  }

  /** A purge was answered. */
  purged(what: string, isSoft: boolean, atMs: number, matches: (path: string) => boolean): void {
    this.#purges.push({ atMs, matches });
    if (isSoft)
      for (let i = 0; i < this.#plan.paths; i += 1) if (matches(`/${i}`)) this.oldHeads.add(`/${i}`);
    if (!isSoft) this.#forgotten.push({ what, atMs, matches });
  }

  /** Whether a purge since then, of whatever kind, was meant for that path. */
  isPurgedSince(path: string, sinceMs: number): boolean {
    return this.#purges.some(({ atMs, matches }) => atMs >= sinceMs && matches(path));
  }

  /** The process is gone, and what it had been told since then with it. */
  lost(sinceMs: number): void {
    this.#forgotten = this.#forgotten.filter(({ atMs }) => atMs <= sinceMs);
    const { changedMs, sent } = this.#origin;
    for (const [path, atMs] of changedMs) if (atMs > sinceMs) changedMs.delete(path);
    for (const one of sent.values()) if (one.taintedMs > sinceMs) one.taintedMs = Number.POSITIVE_INFINITY;
  }

  /** The process of those that are not done is gone. */
  cutOff(process: Process): void {
    for (const request of this.requests) {
      if (request.judged || request.process !== process || request.reader.done) continue;
      request.judged = true;
      if (request.reader.hasHead) this.#judgeAnswer(request);
    }
  }

  judgeDone(): void {
    for (const request of this.requests) {
      if (request.judged || !request.reader.done) continue;
      request.judged = true;
      this.#judgeWait(request);
      this.#judgeService(request);
      if (request.reader.hasHead) this.#judgeAnswer(request);
    }
  }

  #judgeWait({ path, startedMs, reader }: Request): void {
    const deadlineMs = this.#plan.guard?.deadlineMs;
    const { answeredMs } = reader;
    if (deadlineMs === undefined || answeredMs === undefined || !reader.hasHead) return;
    const waitedMs = answeredMs - startedMs;
    // A new body that a good copy could stand in for is handed on when it is whole.
    if (reader.cacheStatus.includes('fwd=stale')) return;
    const limitMs = FETCHES_MAX * deadlineMs + (this.#plan.disk === undefined ? 0 : DISK_WAIT_MS);
    assert(waitedMs <= limitMs + 1, `${path}: answered after ${waitedMs} ms of ${limitMs}`);
  }

  /** Whatever the origin does: an image of which there is a copy is served. */
  #judgeService({ path, startedMs, reader, copy, process, diskEvictions }: Request): void {
    if (copy === undefined || reader.state === 'gone') return;
    // What leaves while it is being read is gone.
    const evictions = process.disk?.snapshot().evictions;
    if (copy === 'disk' && (!this.#isReadable() || evictions !== diskEvictions)) return;
    const changedMs = this.#origin.changedMs.get(path) ?? -1;
    if (changedMs >= startedMs || this.isPurgedSince(path, startedMs)) return;
    this.owed[copy] += 1;
    if (reader.state === 'broken' && PASSED_ON.test(reader.cacheStatus)) return;
    // What it may have of memory besides the tier was used up: what had come so far had to be passed on.
    const isScarce = this.#plan.harness.spoolBytes! < SCARCE_BYTES || hasRunOut(process);
    if (reader.state === 'broken' && isScarce) return;
    const said = `${reader.status} ${reader.cacheStatus}`;
    assert(
      reader.state === 'whole' && reader.status! < 500,
      `${path}: a copy in ${copy} is served, not ${reader.state} ${said}`,
    );
  }

  /** What a client received is something that the origin sent for just this request, and says how old it is. */
  #judgeAnswer(request: Request): void {
    const { reader, path } = request;
    const { fields } = reader;
    const id = fields.get('x-id');
    const ownError = id === undefined && !fields.has('etag');
    if (ownError) return;
    if (reader.status === 304) {
      assert(fields.get('etag') === request.fields['if-none-match'], 'a 304 is about what the client has');
      return;
    }
    const one = this.#origin.sent.get(id ?? '');
    assert(one !== undefined, `${path}: the response has an id`);
    assert(one.path === path, `${path} was answered with ${one.path}`);
    if (this.#origin.varies(path))
      assert(one.accept === foldAccept(request.accept), `${path}: the right variant`);
    this.#judgeBody(request, one);
    this.#judgeSharing(request, one);
    if (!this.#plan.clockJumps) this.#judgeAge(request, one);
    const etag = fields.get('etag');
    if (etag !== undefined) this.etags.push(etag);
  }

  #judgeBody(request: Request, one: Sent): void {
    const { reader, path } = request;
    const { body, status } = reader;
    const range =
      status === 206
        ? /^bytes (\d+)-(\d+)\/(\d+)$/.exec(reader.fields.get('content-range') ?? '')
        : undefined;
    const from = Number(range?.[1] ?? 0);
    const to = range === undefined ? one.body.length : Number(range?.[2]) + 1;
    const expected = one.body.subarray(from, to);
    if (range !== undefined)
      assert(Number(range?.[3]) === one.body.length, 'the range states the whole length');
    if (reader.state === 'whole' && request.method === 'GET') {
      assert(
        body.equals(expected),
        `${path}: ${body.length} bytes of ${one.id} are what the origin sent (${expected.length})`,
      );
      const stated = reader.fields.get('content-length');
      assert(
        stated === undefined || Number(stated) === body.length,
        `${path}: its length is what was stated`,
      );
    } else {
      assert(body.equals(expected.subarray(0, body.length)), `${path}: the part of ${one.id} is right`);
    }
    // A body that is read from a bad disk may break as well.
    if (reader.state === 'broken' && (this.#plan.disk === undefined || this.#isReadable()))
      assert(one.call.state === 'failed', `${path}: only what broke at the origin breaks`);
  }

  #judgeSharing(request: Request, one: Sent): void {
    const { reader, path } = request;
    const known = this.#personalReaders.get(one.id);
    if (one.personal)
      assert(known === undefined || known === request, `${path}: a personal response has one reader`);
    this.#personalReaders.set(one.id, request);
    for (const { what, atMs, matches } of this.#forgotten) {
      if (request.startedMs > atMs && matches(path))
        assert(one.headMs >= atMs, `${path}: nothing older than the purge of ${what} is served after it`);
    }
    const changedMs = this.#origin.changedMs.get(path);
    if (changedMs !== undefined && request.startedMs > changedMs)
      assert(one.headMs >= changedMs, `${path}: nothing older than the change is served after it`);
    if (/; hit/.test(reader.cacheStatus)) {
      assert(
        one.call.state === 'ended' || one.call.state === 'aborted',
        `${path}: only whole responses are stored`,
      );
      assert(!one.personal, `${path}: a personal response is not stored`);
      assert(one.taintedMs >= request.startedMs, `${path}: a tainted response is forgotten`);
    }
  }

  #judgeAge(request: Request, one: Sent): void {
    const { reader, path } = request;
    const { fields } = reader;
    const ttl = /; ttl=(-?\d+)/.exec(reader.cacheStatus)?.[1];
    if (ttl === undefined) return;
    const ageS = Number(fields.get('age'));
    const stated = /max-age=(\d+)/.exec(fields.get('cache-control') ?? '')?.[1];
    if (stated !== undefined && one.status < 500 && !this.oldHeads.has(path))
      assert(
        ageS + Number(ttl) === Number(stated),
        `${path}: age ${ageS} and ttl ${ttl} make the lifetime ${stated}: ${reader.cacheStatus} ${reader.status} ${one.etag}`,
      );
    if (!reader.cacheStatus.includes('detail'))
      assert(
        Number(ttl) > 0 || /revalidated|fwd=stale/.test(reader.cacheStatus),
        `${path}: a plain hit is fresh`,
      );
    const replacedMs = this.#origin.replacedMs.get(one.etag);
    const answeredS = Math.floor(request.startedMs / 1000);
    if (
      replacedMs !== undefined &&
      reader.cacheStatus.includes('; hit') &&
      request.reader.abandon === undefined
    )
      assert(replacedMs >= (answeredS - ageS) * 1000, `${path}: the content was current when its age began`);
  }
}

/** True when a response has been too large to be kept, or had no room, since the process started. */
function hasRunOut({ h }: Process): boolean {
  return (['no-room', 'too-large'] as const).some(
    (reason) => h.recorder.notStoredCounts[NOT_STORED_REASONS.indexOf(reason)]! > 0,
  );
}
