import type { Clock } from '../base/clock.ts';
import type { Outcome } from '../cache/outcome.ts';
import type { Routes } from './1-route.ts';
import type { RequestHandler } from './answer.ts';
import { splitUrl } from './purge.ts';
import { readSitemap, SITEMAP_BYTES_MAX, SitemapError } from './sitemap.ts';
import { fetchThrough } from './warm-request.ts';

/** What to warm the cache with, and how fast. */
export type WarmPlan = {
  readonly ratePerS: number;
  readonly concurrency: number;
  /** The Accept field of the requests, where formats are negotiated. */
  readonly accept?: string;
} & ({ readonly urls: readonly string[] } | { readonly sitemap: string });

/** One job, as far as it has come. */
export interface WarmJob {
  readonly id: number;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly startedAtMs: number;
  /** URLs known so far; grows while sitemaps are read. */
  readonly total: number;
  /** Of those, the ones that were asked for, or passed over. */
  readonly done: number;
  /** By how they were served. `hit`: it was there already. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** URLs that no route serves: not asked for. */
  readonly skipped: number;
  /** Answered with an error, or not whole. */
  readonly failed: number;
  /** The first 20 that failed, and sitemaps that could not be read. */
  readonly failures: readonly { readonly url: string; readonly why: string }[];
}

/** What a warmer works with. */
export interface WarmerOptions {
  readonly handler: RequestHandler;
  readonly clock: Clock;
  readonly routes: () => Routes;
}

const JOBS_REMEMBERED = 20;
const JOBS_RUNNING_MAX = 4;
const FAILURES_TOLD = 20;
/** URLs of one job, sitemaps that an index may name, and how deep indexes may name indexes. */
const URLS_MAX = 1_000_000;
const SITEMAPS_MAX = 1_000;
const DEPTH_MAX = 2;

/** Fills the cache on purpose, through the node's own request path, at a pace that the origin can bear. */
export class Warmer {
  readonly #options: WarmerOptions;
  readonly #jobs: Job[] = [];
  #started = 0;

  constructor(options: WarmerOptions) {
    this.#options = options;
  }

  /** Starts a job; undefined while four of them run. */
  start(plan: WarmPlan): WarmJob | undefined {
    if (this.#jobs.filter(({ state }) => state === 'running').length >= JOBS_RUNNING_MAX) return undefined;
    this.#started += 1;
    const job = new Job(this.#started, plan, this.#options);
    this.#jobs.unshift(job);
    if (this.#jobs.length > JOBS_REMEMBERED) {
      const last = this.#jobs.findLastIndex(({ state }) => state !== 'running');
      if (last > 0) this.#jobs.splice(last, 1);
    }
    void job.run();
    return job.report();
  }

  /** The latest first. */
  jobs(): WarmJob[] {
    return this.#jobs.map((job) => job.report());
  }

  job(id: number): WarmJob | undefined {
    return this.#jobs.find((job) => job.id === id)?.report();
  }

  /** Ends a job; undefined when there is no such one. One that has ended stays as it is. */
  cancel(id: number): WarmJob | undefined {
    const job = this.#jobs.find((one) => one.id === id);
    job?.cancel();
    return job?.report();
  }

  /** Cancels all of them: the node stops. */
  stop(): void {
    for (const job of this.#jobs) job.cancel();
  }
}

class Job {
  readonly id: number;
  state: WarmJob['state'] = 'running';
  readonly #plan: WarmPlan;
  readonly #options: WarmerOptions;
  readonly #startedAtMs: number;
  readonly #queue: string[] = [];
  readonly #underWay = new Set<() => void>();
  readonly #outcomes: Partial<Record<Outcome, number>> = {};
  readonly #failures: { url: string; why: string }[] = [];
  #total = 0;
  #done = 0;
  #skipped = 0;
  #failed = 0;
  #nextMs: number;
  #wake: () => void = () => undefined;
  #endPause: () => void = () => undefined;

  constructor(id: number, plan: WarmPlan, options: WarmerOptions) {
    this.id = id;
    this.#plan = plan;
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
    this.#nextMs = options.clock.monotonicMs();
  }

  report(): WarmJob {
    return {
      id: this.id,
      state: this.state,
      startedAtMs: this.#startedAtMs,
      total: this.#total,
      done: this.#done,
      outcomes: { ...this.#outcomes },
      skipped: this.#skipped,
      failed: this.#failed,
      failures: [...this.#failures],
    };
  }

  cancel(): void {
    if (this.state !== 'running') return;
    this.state = 'cancelled';
    for (const abandon of this.#underWay) abandon();
    this.#wake();
    this.#endPause();
  }

  /** Never rejects. */
  async run(): Promise<void> {
    try {
      if ('urls' in this.#plan) this.#add(this.#plan.urls);
      else await this.#readSitemaps(this.#plan.sitemap);
      await this.#fetchAll();
    } catch (error) {
      this.#fail('(job)', String(error));
    }
    if (this.state === 'running') this.state = 'done';
  }

  #add(urls: readonly string[]): void {
    const room = URLS_MAX - this.#total;
    // One by one: a list of this length does not fit the arguments of a call.
    for (const url of urls.slice(0, room)) this.#queue.push(url);
    this.#total += Math.min(room, urls.length);
  }

  async #fetchAll(): Promise<void> {
    for (const url of this.#queue) {
      if (!(await this.#turn())) break;
      const where = this.#placeOf(url);
      if (where === undefined) {
        this.#skipped += 1;
        this.#done += 1;
      } else void this.#fetch(url, where);
    }
    while (this.#underWay.size > 0) await this.#someoneIsDone();
  }

  /** Waits until the pace allows another one. @returns false when the job has been cancelled. */
  async #turn(): Promise<boolean> {
    const { ratePerS, concurrency } = this.#plan;
    while (this.state === 'running' && this.#underWay.size >= concurrency) await this.#someoneIsDone();
    const waitMs = this.#nextMs - this.#options.clock.monotonicMs();
    this.#nextMs = Math.max(this.#nextMs, this.#options.clock.monotonicMs()) + 1000 / ratePerS;
    if (waitMs > 0 && this.state === 'running') await this.#pause(waitMs);
    return this.state === 'running';
  }

  #someoneIsDone(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(ms, resolve);
      this.#endPause = () => {
        clock.cancel(timer);
        resolve();
      };
    });
  }

  /** Host and target of a URL that a route serves. */
  #placeOf(url: string): { host: string; target: string } | undefined {
    const split = splitUrl(url);
    if (split?.host === undefined) return undefined;
    if (this.#options.routes().match(split.host, split.target.path) === undefined) return undefined;
    return { host: split.host, target: split.raw };
  }

  async #fetch(url: string, where: { host: string; target: string }): Promise<void> {
    const { handler, clock } = this.#options;
    const { accept } = this.#plan;
    const request = fetchThrough(handler, clock, where.host, where.target, 0, accept);
    this.#underWay.add(request.abandon);
    const { status, outcome, whole } = await request.done;
    this.#underWay.delete(request.abandon);
    this.#done += 1;
    if (outcome !== undefined) this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    if (outcome !== undefined && (status >= 400 || !whole))
      this.#fail(url, whole ? `status ${status}` : `status ${status}, not whole`);
    this.#wake();
  }

  #fail(url: string, why: string): void {
    this.#failed += 1;
    if (this.#failures.length < FAILURES_TOLD) this.#failures.push({ url, why });
  }

  /** Through the routes, as everything: a sitemap on another host is not fetched. */
  async #readSitemaps(first: string): Promise<void> {
    const sitemaps: { readonly url: string; readonly depth: number }[] = [{ url: first, depth: 0 }];
    for (let i = 0; i < sitemaps.length && (await this.#turn()); i += 1) {
      const { url, depth } = sitemaps[i]!;
      try {
        const { isIndex, slices } = await this.#readSitemap(url);
        for (const slice of slices) {
          if (!isIndex) this.#add(slice);
          else if (depth >= DEPTH_MAX)
            throw new SitemapError('indexes of indexes of indexes are not followed');
          else
            for (const inner of slice.slice(0, SITEMAPS_MAX - sitemaps.length))
              sitemaps.push({ url: inner, depth: depth + 1 });
          await this.#pause(1);
          if (this.state !== 'running') return;
        }
      } catch (error) {
        if (!(error instanceof SitemapError)) throw error;
        this.#fail(url, `sitemap: ${error.message}`);
      }
    }
  }

  async #readSitemap(url: string): Promise<Awaited<ReturnType<typeof readSitemap>>> {
    const where = this.#placeOf(url);
    if (where === undefined)
      throw new SitemapError('no route serves it: sitemaps are fetched through the routes only');
    const { handler, clock } = this.#options;
    const request = fetchThrough(handler, clock, where.host, where.target, SITEMAP_BYTES_MAX);
    this.#underWay.add(request.abandon);
    const { status, whole, body } = await request.done;
    this.#underWay.delete(request.abandon);
    if (status !== 200 || !whole || body === undefined)
      throw new SitemapError(`status ${status}${whole ? '' : ', not whole or above 50 MiB'}`);
    return readSitemap(body);
  }
}
