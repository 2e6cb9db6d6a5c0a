import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { DemoImage } from './images.ts';

/** Where images are below the origin's and the node's address. */
export const IMAGE_PREFIX = '/images/';
/** A drawing that the gallery has put over one of its pictures. */
export const MARK_PATH = '/marks/holdfast.svg';
const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="240" height="240">
<path fill="#fff" stroke="#000" stroke-opacity=".35" stroke-width="3" d="M22 18h16v12h14V18h16v12h14V18h16v28l-8 8v48H66V84a6 6 0 0 0-12 0v18H30V54l-8-8z"/>
</svg>
`;
/** Numbers for the gallery's header; never cached. */
const LIVE_PATH = '/live.json';

/** How long each kind may be cached, in seconds, by the first folder of an image's path. */
const MAX_AGE_S: Readonly<Record<string, number>> = {
  thumbs: 86_400,
  photos: 3_600,
  originals: 86_400,
  webcams: 5,
};
const MAX_AGE_OTHER_S = 3_600;
const PAGE_MAX_AGE_S = 2;
const MARK_MAX_AGE_S = 86_400;

/** Requests waiting for one of the origin's slots; beyond, it says 503, as origins do. */
const WAITING_MAX = 500;

export interface DemoOriginOptions {
  readonly images: readonly DemoImage[];
  /** The gallery. */
  readonly page: string;
  /** What {@link LIVE_PATH} answers, as JSON. */
  readonly live: () => unknown;
  readonly clock: Clock;
  readonly random: Random;
  /** Each response takes a time between these, in milliseconds: an origin is not in the next room. */
  readonly latencyMs: { readonly min: number; readonly max: number };
  /** Requests that are worked on at a time. */
  readonly concurrencyMax: number;
}

/** What the origin counted since its start. */
export interface DemoOriginCounters {
  readonly requests: number;
  readonly notModified: number;
  readonly rejected: number;
}

/** An origin as people have them: an HTTP server with validators, lifetimes, latency and limits. */
export interface DemoOrigin {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  counters(): DemoOriginCounters;
  stop(): Promise<void>;
}

/** The path of an image as it stands in a URL. */
export function imageTarget(image: Pick<DemoImage, 'path'>): string {
  return IMAGE_PREFIX + image.path.split('/').map(encodeURIComponent).join('/');
}

/** Starts the demo's origin on a free loopback port. */
export function startOrigin(options: DemoOriginOptions): DemoOrigin {
  const images = new Map(options.images.map((image) => [imageTarget(image), image]));
  const slots = new Slots(options.concurrencyMax);
  const counters = { requests: 0, notModified: 0, rejected: 0 };
  const pageTag = `"${Bun.hash(options.page).toString(36)}"`;

  const answer = (request: Request): Response => {
    const target = new URL(request.url).pathname;
    const image = images.get(target);
    if (image !== undefined) return conditional(request, imageHeaders(image), () => Bun.file(image.file));
    if (target === '/') return conditional(request, pageHeaders(pageTag), () => options.page);
    if (target === MARK_PATH) return conditional(request, MARK_HEADERS, () => MARK);
    return new Response('not found\n', { status: 404, headers: { 'cache-control': 'max-age=10' } });
  };

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 120,
    async fetch(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return new Response(null, { status: 405 });
      if (new URL(request.url).pathname === LIVE_PATH) {
        return Response.json(options.live(), { headers: { 'cache-control': 'no-store' } });
      }
      counters.requests += 1;
      if (!(await slots.take())) {
        counters.rejected += 1;
        return new Response('busy\n', { status: 503, headers: { 'retry-after': '1' } });
      }
      const { min, max } = options.latencyMs;
      await new Promise<void>(
        (done) => void options.clock.after(min + (max - min) * options.random.next(), done),
      );
      slots.free();
      const response = answer(request);
      if (response.status === 304) counters.notModified += 1;
      return response;
    },
    error: () => new Response('the file cannot be read\n', { status: 500 }),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    counters: () => ({ ...counters }),
    stop: () => server.stop(true),
  };
}

type Headers = Readonly<Record<string, string>> & { readonly etag: string };

const MARK_HEADERS: Headers = {
  'content-type': 'image/svg+xml',
  'cache-control': `public, max-age=${MARK_MAX_AGE_S}`,
  etag: `"${Bun.hash(MARK).toString(36)}"`,
};

function imageHeaders(image: DemoImage): Headers {
  const kind = image.path.slice(0, Math.max(0, image.path.indexOf('/')));
  const maxAgeS = MAX_AGE_S[kind] ?? MAX_AGE_OTHER_S;
  return {
    'content-type': image.type,
    'cache-control': `public, max-age=${maxAgeS}`,
    etag: `"${image.sizeBytes.toString(36)}-${Math.round(image.modifiedAtMs).toString(36)}"`,
    'last-modified': new Date(image.modifiedAtMs).toUTCString(),
  };
}

function pageHeaders(etag: string): Headers {
  return { 'content-type': 'text/html; charset=utf-8', 'cache-control': `max-age=${PAGE_MAX_AGE_S}`, etag };
}

/** RFC 9110 section 13.1.2 for a list of tags; If-Modified-Since is only looked at without If-None-Match (13.1.3). */
function conditional(request: Request, headers: Headers, body: () => Blob | string): Response {
  const tags = request.headers.get('if-none-match');
  const since = request.headers.get('if-modified-since');
  const isSame =
    tags === null
      ? since !== null && headers['last-modified'] === since
      : tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === headers.etag);
  return isSame ? new Response(null, { status: 304, headers }) : new Response(body(), { headers });
}

/** A counting semaphore with a bounded queue, first come, first served. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** False when too many are waiting already. */
  async take(): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    if (this.#waiting.length >= WAITING_MAX) return false;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
