import type { MessageBody, OriginRequest } from './origin.ts';

/** The server that a request goes to: scheme, host and port. */
export interface Authority {
  /** `https://images.example:8443`; never with credentials. Identifies the authority, and is safe to log. */
  readonly key: string;
  readonly secure: boolean;
  /** For the resolver: a name or an address, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Value of the Host field: with the port unless it is the scheme's own. */
  readonly host: string;
}

/** The authority of an http or https URL; undefined for another scheme. */
export function authorityOf(url: URL): Authority | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  const secure = url.protocol === 'https:';
  return {
    key: `${url.protocol}//${url.host}`,
    secure,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    host: url.host,
  };
}

/** Which redirects an origin follows by itself. */
export interface RedirectPolicy {
  /** How many in a row; 0 passes redirects on like any other response. */
  readonly follow: number;
  /** Whether another host name may be followed to. Https to http is never followed. */
  readonly crossHost: boolean;
}

/** RFC 9110 section 15.4: those that name one other place for the same method. 300 and 304 are no such thing. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

export type RedirectStep =
  | { readonly authority: Authority; readonly target: string; readonly sameHost: boolean }
  | { readonly refused: string };

/**
 * Where a redirect leads, or why it is not followed. Pure.
 *
 * @param location the Location field, absolute or relative (RFC 9110 section 10.2.2).
 */
export function redirectStep(
  from: Authority,
  fromTarget: string,
  location: string,
  policy: RedirectPolicy,
): RedirectStep {
  const base = `${from.key}${fromTarget}`;
  if (!URL.canParse(location, base)) return { refused: 'redirect with an invalid Location' };
  const url = new URL(location, base);
  const authority = authorityOf(url);
  if (authority === undefined) return { refused: `redirect to the scheme ${url.protocol} is never followed` };
  if (url.username !== '' || url.password !== '')
    return { refused: 'redirect to a URL with credentials in it' };
  if (from.secure && !authority.secure)
    return { refused: `redirect from https to ${authority.key} is never followed` };
  const sameHost = authority.hostname === from.hostname;
  if (!sameHost && !policy.crossHost) {
    return {
      refused: `redirect to another host (${authority.key}), which redirects.crossHost does not allow`,
    };
  }
  return { authority, target: `${url.pathname}${url.search}`, sameHost };
}

/** What the client of one origin adds to each request; prepared once. */
export interface RequestExtras {
  /** Field lines, each with its CRLF. May hold secrets: goes to the origin's own authority only. */
  readonly lines: string;
  /** Their names, lower-case: they replace fields of the request. */
  readonly names: ReadonlySet<string>;
}

/** Fields that the client itself decides, or that would put a body or a protocol change into a bodiless request. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** What is said to one server only, and does not follow a redirect to another (RFC 9110 section 15.4). */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie']);

/**
 * The head of a request, to be written in latin1 (RFC 9112 section 3).
 *
 * @param extras undefined when the request goes to another authority than the origin's own; then the request's own
 *   credentials stay behind as well.
 */
export function requestHead(
  { method, target, fields }: Pick<OriginRequest, 'method' | 'target' | 'fields'>,
  host: string,
  extras: RequestExtras | undefined,
  body: MessageBody | undefined,
): string {
  let text = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  if (body !== undefined) {
    text += body.bytes === undefined ? 'transfer-encoding: chunked\r\n' : `content-length: ${body.bytes}\r\n`;
  } else if (EXPECT_CONTENT.has(method)) {
    text += 'content-length: 0\r\n';
  }
  if (extras !== undefined) text += extras.lines;
  const withheld = extras === undefined ? CREDENTIALS : extras.names;
  const { flat } = fields;
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    if (NOT_FORWARDED.has(name) || withheld.has(name)) continue;
    text += `${name}: ${flat[i + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

/** Methods whose requests have content as a rule: that there is none is said (RFC 9110 section 8.6). */
const EXPECT_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Whether the request may be sent again when nobody knows whether it was heeded: it asks, and does nothing. */
export function isRepeatable(method: string, body: MessageBody | undefined): boolean {
  return body === undefined && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
}

/** Whether a request with that method may be sent: TRACE echoes secrets, CONNECT makes a tunnel (RFC 9110 section 9.3). */
export function isMethod(method: string): boolean {
  return method !== 'TRACE' && method !== 'CONNECT' && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method);
}

/** Whether a target can be written into a request line: origin-form in visible ASCII (RFC 9112 section 3.2.1). */
export function isOriginForm(target: string): boolean {
  return /^\/[\x21\x22\x24-\x7e]*$/.test(target);
}
