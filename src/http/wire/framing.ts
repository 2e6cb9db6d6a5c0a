import { Fields } from '../fields.ts';
import { type Malformed, malformed } from './problem.ts';

/**
 * How long a message's body is (RFC 9112 section 6) and which fields end at this hop (RFC 9110 section 7.6.1).
 * Any disagreement about the length is malformed, never repaired: it is what request smuggling is made of.
 */

/** How the end of a body is known. `close` cannot be told from a cut connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface BodyFraming {
  readonly kind: 'framing';
  readonly framing: Framing;
  /** Bytes of body to come: 0 with `none`, undefined with `chunked` and `close`. */
  readonly bodyBytes: number | undefined;
}

const NONE: BodyFraming = Object.freeze({ kind: 'framing', framing: 'none', bodyBytes: 0 });
const CHUNKED: BodyFraming = Object.freeze({ kind: 'framing', framing: 'chunked', bodyBytes: undefined });
const CLOSE: BodyFraming = Object.freeze({ kind: 'framing', framing: 'close', bodyBytes: undefined });

interface FramedHead {
  readonly version: 0 | 1;
  readonly fields: Fields;
}

/** Never `close`: a request without a length has no body (RFC 9112 section 6.3). */
export function requestFraming(head: FramedHead): BodyFraming | Malformed {
  return declaredFraming(head) ?? NONE;
}

/**
 * @param requestMethod of the request it answers: a response to HEAD has fields of a body, but none.
 */
export function responseFraming(
  head: FramedHead & { readonly status: number },
  requestMethod: string,
): BodyFraming | Malformed {
  const declared = declaredFraming(head);
  if (declared?.kind === 'malformed') return declared;
  const { status } = head;
  if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) return NONE;
  return declared ?? CLOSE;
}

/** What Content-Length and Transfer-Encoding say; undefined when neither is there. */
function declaredFraming({ version, fields }: FramedHead): BodyFraming | Malformed | undefined {
  const { flat } = fields;
  let length: string | undefined;
  let coding: string | undefined;
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    if (name.length === 14 && name === 'content-length') {
      if (length !== undefined) return malformed('content-length');
      length = flat[i + 1]!;
    } else if (name.length === 17 && name === 'transfer-encoding') {
      if (coding !== undefined) return malformed('transfer-encoding');
      coding = flat[i + 1]!;
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) return malformed('two-lengths');
    // RFC 9112 section 6.1: in HTTP/1.0 the framing is faulty, whatever it says.
    if (version === 0 || coding.toLowerCase() !== 'chunked') return malformed('transfer-encoding');
    return CHUNKED;
  }
  if (length === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(length)) return malformed('content-length');
  return { kind: 'framing', framing: 'length', bodyBytes: Number(length) };
}

/** What the client waits for before it sends its body (RFC 9110 section 10.1.1). HTTP/1.0 has no such thing. */
export function expectation(version: 0 | 1, fields: Fields): 'none' | '100-continue' | 'unknown' {
  const expect = version === 1 ? fields.get('expect') : undefined;
  if (expect === undefined) return 'none';
  return expect.toLowerCase() === '100-continue' ? '100-continue' : 'unknown';
}

/** Whether the connection may carry another message behind this one (RFC 9112 section 9.3). */
export function keepAlive(version: 0 | 1, fields: Fields): boolean {
  const connection = fields.get('connection');
  if (connection === undefined) return version === 1;
  const options = connection.toLowerCase();
  if (options === 'keep-alive') return true;
  const list = listMembers(options);
  if (list.includes('close')) return false;
  return version === 1 || list.includes('keep-alive');
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Fields that stay although `Connection` names them: RFC 9110 section 7.6.1 forbids to name what is meant for every
 * recipient, and whoever could strip one of these would decide what a cache keeps, and for whom.
 */
const END_TO_END: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expires',
  'host',
  'last-modified',
  'pragma',
  'range',
  'set-cookie',
  'vary',
]);

/** The fields that may go past this hop: without hop-by-hop fields and those that `Connection` names. A new object. */
export function withoutHopByHop(fields: Fields): Fields {
  const named = listMembers((fields.get('connection') ?? '').toLowerCase());
  const kept: string[] = [];
  const { flat } = fields;
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    if (HOP_BY_HOP.has(name)) continue;
    if (named.length > 0 && named.includes(name) && !END_TO_END.has(name)) continue;
    kept.push(name, flat[i + 1]!);
  }
  return new Fields(kept);
}

function listMembers(list: string): string[] {
  return list
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
