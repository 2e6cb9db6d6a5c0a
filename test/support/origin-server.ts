import { seededRandom } from '../../src/base/random.ts';

/** A request as the origin saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
  readonly headers: Headers;
}

/** What a path is answered with instead of its usual image. */
export interface CannedAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Replace the usual fields of the same name, or add to them. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Default: the usual body. */
  readonly body?: Uint8Array | string;
}

export interface OriginServerOptions {
  /** `Cache-Control` of every image; none when left out. */
  readonly cacheControl?: string;
  /** Further fields of every image. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Body length of a path in bytes. Default: {@link bodyBytesOf}. */
  readonly bodyBytes?: (path: string) => number;
  /** Awaited before each answer: latency, or a gate that a test opens. */
  readonly before?: (request: SeenRequest) => Promise<void> | undefined;
  /** PEM texts: serve https instead of http. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A well-behaved origin on 127.0.0.1: the same path always has the same bytes, until {@link OriginServer.change}. */
export interface OriginServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, or https. */
  readonly url: string;
  /** Requests so far, for that path (without query) or in total. */
  requests(path?: string): number;
  /** Of those, the ones that were answered with 304. */
  notModified(path?: string): number;
  /** Every request so far, in order. */
  readonly seen: readonly SeenRequest[];
  /** The bytes that the path is answered with now. */
  bodyFor(path: string): Uint8Array;
  /** Its entity tag now, with quotes. */
  etagFor(path: string): string;
  /** Gives the path other bytes and another entity tag. */
  change(path: string): void;
  /** Answers the path in that way from now on; undefined: as usual again. */
  can(path: string, answer: CannedAnswer | undefined): void;
  /** Changes the options from now on. */
  set(options: Partial<Omit<OriginServerOptions, 'tls'>>): void;
  stop(): Promise<void>;
}

const LAST_MODIFIED = 'Sat, 01 Nov 2025 10:00:00 GMT';

const TYPES: Readonly<Record<string, { readonly type: string; readonly magic: readonly number[] }>> = {
  jpg: { type: 'image/jpeg', magic: [0xff, 0xd8, 0xff, 0xe0] },
  png: { type: 'image/png', magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  gif: { type: 'image/gif', magic: [0x47, 0x49, 0x46, 0x38, 0x39, 0x61] },
  svg: { type: 'image/svg+xml', magic: [0x3c, 0x73, 0x76, 0x67] },
};

/** FNV-1a over the characters. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}

/**
 * Body length that a path asks for: its first segment if that is a number (`/30000/cat.jpg`), else 1 to 64 KiB by its
 * hash.
 */
export function bodyBytesOf(path: string): number {
  const asked = /^\/([0-9]{1,9})(?:\/|$)/.exec(path)?.[1];
  return asked === undefined ? 1024 + (hash(path) % (63 * 1024)) : Number(asked);
}

/**
 * Pseudo-random bytes that depend on the path and the version alone, so that a body served for the wrong path, or an
 * old one, cannot pass for the right one. Starts with the magic bytes of the path's image type.
 */
export function bodyFor(path: string, sizeBytes = bodyBytesOf(path), version = 0): Uint8Array {
  const random = seededRandom(hash(`${version} ${path}`));
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  for (let i = 0; i < words.length; i += 1) words[i] = random.u32();
  const body = new Uint8Array(words.buffer, 0, sizeBytes);
  body.set((typeOf(path)?.magic ?? []).slice(0, sizeBytes));
  return body;
}

function typeOf(path: string): (typeof TYPES)[string] | undefined {
  return TYPES[/\.([a-z]+)$/.exec(path)?.[1] ?? ''];
}

/** Starts one on a free port. Stop it when done: it keeps the process alive. */
export function startOriginServer(initial: OriginServerOptions = {}): OriginServer {
  const options = { ...initial };
  const seen: SeenRequest[] = [];
  const unmodified: string[] = [];
  const versions = new Map<string, number>();
  const canned = new Map<string, CannedAnswer>();
  const bytesOf = (path: string): number => (options.bodyBytes ?? bodyBytesOf)(path);
  const body = (path: string): Uint8Array => bodyFor(path, bytesOf(path), versions.get(path) ?? 0);
  const etag = (path: string): string => `"${hash(path).toString(16)}-${versions.get(path) ?? 0}"`;
  const count = (paths: readonly string[], path: string | undefined): number =>
    path === undefined ? paths.length : paths.filter((one) => one === path).length;

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    ...(initial.tls && { tls: { ...initial.tls } }),
    async fetch(request) {
      const { pathname: path, search: query } = new URL(request.url);
      const one = { method: request.method, path, query, headers: request.headers };
      seen.push(one);
      await options.before?.(one);
      const answer = canned.get(path);
      const headers = usualHeaders(path, etag(path), options, answer);
      const status = answer?.status ?? 200;
      if (status === 200 && isUnmodified(request.headers, headers)) {
        unmodified.push(path);
        headers.delete('content-type');
        return new Response(null, { status: 304, headers });
      }
      const empty = status === 204 || status === 304;
      return new Response(empty ? null : (answer?.body ?? body(path)), { status, headers });
    },
  });
  const port = server.port!;
  return {
    port,
    url: `${initial.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests: (path) =>
      count(
        seen.map((one) => one.path),
        path,
      ),
    notModified: (path) => count(unmodified, path),
    seen,
    bodyFor: (path) => {
      const own = canned.get(path)?.body;
      return own === undefined ? body(path) : Buffer.from(own);
    },
    etagFor: etag,
    change: (path) => void versions.set(path, (versions.get(path) ?? 0) + 1),
    can: (path, answer) => void (answer ? canned.set(path, answer) : canned.delete(path)),
    set: (changes) => void Object.assign(options, changes),
    stop: () => server.stop(true),
  };
}

function usualHeaders(
  path: string,
  etag: string,
  { cacheControl, fields }: OriginServerOptions,
  answer: CannedAnswer | undefined,
): Headers {
  const headers = new Headers({ etag, 'last-modified': LAST_MODIFIED });
  headers.set('content-type', typeOf(path)?.type ?? 'application/octet-stream');
  if (cacheControl !== undefined) headers.set('cache-control', cacheControl);
  for (const [name, value] of Object.entries({ ...fields, ...answer?.fields })) headers.set(name, value);
  return headers;
}

/** RFC 9110 section 13.2.2: If-None-Match has precedence over If-Modified-Since. */
function isUnmodified(request: Headers, response: Headers): boolean {
  const tags = request.get('if-none-match');
  if (tags !== null) {
    const etag = response.get('etag') ?? '';
    return tags === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  }
  const since = request.get('if-modified-since');
  return since !== null && Date.parse(since) >= Date.parse(response.get('last-modified') ?? '');
}
