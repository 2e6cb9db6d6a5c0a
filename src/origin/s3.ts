import { Fields } from '../http/fields.ts';
import { createHttpOrigin, type HttpOriginDeps, type HttpOriginOptions } from './http.ts';
import type { Origin, OriginExchange, OriginRequest, OriginSink } from './origin.ts';
import type { S3Credentials } from './s3-credentials.ts';
import { S3Exchange, type S3ExchangeHost } from './s3-exchange.ts';
import { objectPath } from './s3-key.ts';
import { S3Signer } from './s3-sign.ts';
import { plainHead, type S3Place } from './s3-verdict.ts';

type OfHttp = 'name' | 'timeouts' | 'maxBodyBytes' | 'maxHeadBytes' | 'tls' | 'maxConnections';

/** Which bucket, where, and within what limits. */
export interface S3OriginOptions extends Pick<HttpOriginOptions, OfHttp>, S3Place {
  /** `http://` or `https://`, host and port. Connections go there in either style of addressing. */
  readonly endpoint: string;
  /** `path`: `/bucket/key`. `virtual`: the bucket stands before the host, in Host and in TLS. */
  readonly addressing: 'path' | 'virtual';
  /** What is put before every key, without `/` at either end; empty for none. */
  readonly prefix: string;
}

/** What an S3 origin is handed besides what any http origin is. */
export interface S3OriginDeps extends HttpOriginDeps {
  readonly onFault: (error: unknown) => void;
  readonly credentials: S3Credentials;
}

/** Fields of a request that mean something to S3 or to its log, and nothing that would make it another request. */
const SENT: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'origin',
  'range',
  'traceparent',
  'tracestate',
  'user-agent',
  'via',
]);

/**
 * An origin that is a bucket of S3, or of a server that speaks its protocol. Requests go through the http origin's client,
 * signed each time they are sent.
 *
 * - The decoded path, behind the prefix, is the key; the query never reaches S3. What can be no key is a 404 without asking.
 * - Only GET and HEAD are sent; other methods are answered 405.
 * - Errors come without S3's XML. A missing key is a plain 404; keys that are not accepted, a right that is missing, and a bucket
 *   that is not there or elsewhere are failures (`credentials`, `denied`, `bucket`): none says that the image is gone.
 * - 5xx answers, such as 503 SlowDown, are passed on as they are, as trouble of the origin.
 *
 * @throws Error naming the option, when an option is not usable.
 */
export function createS3Origin(options: S3OriginOptions, deps: S3OriginDeps): Origin {
  return new S3Origin(options, deps);
}

class S3Origin implements Origin, S3ExchangeHost {
  readonly name: string;
  readonly place: S3Place;
  readonly credentials: S3Credentials;
  readonly http: Origin;
  readonly #deps: S3OriginDeps;
  readonly #base: string;
  readonly #prefix: string;

  constructor(options: S3OriginOptions, deps: S3OriginDeps) {
    const { bucket, endpoint, addressing } = options;
    const url = new URL(endpoint);
    const isVirtual = addressing === 'virtual';
    const host = isVirtual ? `${bucket}.${url.host}` : url.host;
    const serverName = options.tls.serverName ?? (isVirtual ? `${bucket}.${url.hostname}` : undefined);
    const signer = new S3Signer(options.region);
    const { credentials, clock } = deps;
    this.name = options.name;
    this.place = options;
    this.credentials = credentials;
    this.#deps = deps;
    this.#base = isVirtual ? '' : `/${bucket}`;
    this.#prefix = options.prefix;
    this.http = createHttpOrigin(
      {
        name: options.name,
        url: endpoint,
        timeouts: options.timeouts,
        maxBodyBytes: options.maxBodyBytes,
        maxHeadBytes: options.maxHeadBytes,
        maxConnections: options.maxConnections,
        redirects: { follow: 0, crossHost: false },
        tls: { ...options.tls, ...(serverName === undefined ? {} : { serverName }) },
        hostHeader: host,
        extraFields: {},
        makeExtras: (method, path, fields) => {
          const { keys } = credentials;
          return keys && signer.sign({ method, host, path, fields }, keys, clock.nowMs());
        },
      },
      deps,
    );
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    const { method, target } = request;
    if (method !== 'GET' && method !== 'HEAD')
      return new LocalAnswer(405, ['allow', 'GET, HEAD'], request, sink, this);
    const path = objectPath(target, this.#prefix);
    if (path === undefined) return new LocalAnswer(404, [], request, sink, this);
    const exchange = new S3Exchange(this, request, this.#base + path, sentFields(request.fields), sink);
    exchange.start();
    return exchange;
  }

  close(): void {
    this.http.close();
  }

  gauges(): { readonly active: number; readonly connections: number } {
    return this.http.gauges();
  }

  nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  onFault(error: unknown): void {
    this.#deps.onFault(error);
  }
}

/** A Range in one plain spelling, so that no server can read another one out of it than was signed. */
const PLAIN_RANGE = /^bytes=[0-9,-]+$/;

function sentFields(fields: Fields): Fields {
  const sent = new Fields();
  for (const [name, value] of fields) if (SENT.has(name)) sent.add(name, value);
  // Without it, the answer is the whole image (RFC 9110 section 14.2).
  if (!PLAIN_RANGE.test(sent.get('range') ?? '')) sent.delete('range');
  return sent;
}

/** An answer that it takes no S3 for. */
class LocalAnswer implements OriginExchange {
  #isOver = false;

  constructor(status: number, fields: string[], { method }: OriginRequest, sink: OriginSink, host: S3Origin) {
    const head = plainHead(status, new Fields(fields));
    queueMicrotask(() => {
      try {
        if (!this.#isOver) sink.onHead(method === 'HEAD' ? { ...head, framing: 'none' } : head);
        if (!this.#isOver) sink.onEnd();
      } catch (error) {
        host.onFault(error);
      }
    });
  }

  pause(): void {
    // There is no body to hold back.
  }

  resume(): void {
    // Nothing was held back.
  }

  abort(): void {
    this.#isOver = true;
  }
}
