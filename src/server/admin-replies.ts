import type { AdminDenial } from '../monitor/recorder.ts';
import type { Admitted } from './admin-guard.ts';

/** What an endpoint of the admin port answers: JSON, a text of some type, or a stream, which is read as the client takes it. */
export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
} & (
  | { readonly value: unknown }
  | { readonly text: string; readonly type?: string }
  | { readonly stream: AsyncIterable<Uint8Array | string>; readonly type: string }
);

/** One request that was let in. */
export interface AdminCall {
  readonly who: Admitted;
  readonly query: URLSearchParams;
  /** What follows the endpoint's path; empty for none. */
  readonly rest: string;
  /** The body as JSON; undefined when there is none, or it cannot be read. */
  readonly body: unknown;
}

/** Answers one method of one path. */
export type Endpoint = (call: AdminCall) => Reply | Promise<Reply>;

const COMMON = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** A 200 with that as JSON. */
export function ok(value: unknown): Reply {
  return { status: 200, value };
}

/** A plain text, for people and scrapers. */
export function plain(status: number, text: string, type = 'text/plain; charset=utf-8'): Reply {
  return { status, text, type };
}

/** An error as all of them look: what is wrong, and what to do about it. */
export function problem(
  status: number,
  code: string,
  message: string,
  remedy: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, value: { error: { code, message, remedy } }, headers };
}

/** The reply on the wire. */
export function toResponse(reply: Reply): Response {
  if ('stream' in reply) {
    const headers = { ...COMMON, ...reply.headers, 'content-type': reply.type };
    return new Response(streamOf(reply.stream), { status: reply.status, headers });
  }
  const isText = 'text' in reply;
  const type = isText ? (reply.type ?? 'text/plain; charset=utf-8') : 'application/json; charset=utf-8';
  const headers = { ...COMMON, ...reply.headers, 'content-type': type };
  return new Response(isText ? reply.text : `${JSON.stringify(reply.value)}\n`, {
    status: reply.status,
    headers,
  });
}

/** Bytes as they are asked for. A piece that cannot be had breaks the stream off, which the client notices. */
function streamOf(pieces: AsyncIterable<Uint8Array | string>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(typeof value === 'string' ? Buffer.from(value) : value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

const DENIALS: Readonly<
  Record<AdminDenial, readonly [status: number, code: string, message: string, remedy: string]>
> = {
  'token-missing': [
    401,
    'admin-unauthorized',
    'This needs the admin token.',
    'Send "Authorization: Bearer <token>" with the value of admin.token, or the token in the file named at start.',
  ],
  'token-wrong': [
    401,
    'admin-unauthorized',
    'This is not the admin token.',
    'Without admin.token in the configuration a new token is made at each start: read its file again.',
  ],
  'too-many-guesses': [
    429,
    'too-many-guesses',
    'Too many different wrong tokens came from this address.',
    'Send the right one: it is let in at any time.',
  ],
  'too-many-requests': [
    429,
    'too-many-requests',
    'More than 100 requests a second came with this token, or from this address.',
    'Ask less often. Many URLs are purged faster by prefix, tag or route, and warmed in one list.',
  ],
  role: [
    403,
    'role',
    'This token may look, and not change anything.',
    'Use one whose role is operate (admin.tokens), or admin.token.',
  ],
  host: [
    421,
    'host-not-served',
    'The Host field names a site that the admin port does not serve.',
    'Use the IP address, localhost, or the name in admin.listen.',
  ],
  'cross-origin': [
    403,
    'cross-origin',
    'Requests made by pages of other sites are refused.',
    'Call the admin port from a program, or from a page that it serves itself.',
  ],
};

/** What somebody gets who is turned away. */
export function denied(denial: AdminDenial): Reply {
  const [status, code, message, remedy] = DENIALS[denial];
  const extra: Record<string, string> = {};
  if (status === 401) extra['www-authenticate'] = 'Bearer realm="holdfast admin"';
  if (status === 429) extra['retry-after'] = denial === 'too-many-guesses' ? '10' : '1';
  return problem(status, code, message, remedy, extra);
}
