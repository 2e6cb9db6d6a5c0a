/** Status codes (RFC 9110 section 15 and the IANA registry). */

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  207: 'Multi-Status',
  208: 'Already Reported',
  226: 'IM Used',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  305: 'Use Proxy',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  423: 'Locked',
  424: 'Failed Dependency',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  506: 'Variant Also Negotiates',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
  511: 'Network Authentication Required',
};

/** The registered reason phrase; for other codes the empty phrase, which RFC 9112 section 4 allows. */
export function reasonPhrase(status: number): string {
  return PHRASES[status] ?? '';
}

/** True when a message with this status never has a body (RFC 9110 section 6.4.1): 1xx, 204 and 304. */
export function hasNoBody(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/** True for status codes that may be stored without explicit freshness (RFC 9110 section 15.1). */
export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTICALLY_CACHEABLE.has(status);
}

/**
 * True when the caching requirements of this status are known and met here, as `must-understand` asks
 * (RFC 9111 section 5.2.2.3): registered final codes except 206 and 304, which this cache does not store.
 */
export function isUnderstood(status: number): boolean {
  return status >= 200 && status !== 206 && status !== 304 && PHRASES[status] !== undefined;
}

/** True for status codes whose responses must not be stored by any cache, whatever they say (RFC 6585 sections 3 to 6). */
export function isNeverStored(status: number): boolean {
  return NEVER_STORED.has(status);
}

/**
 * True for errors that a route's `negativeTtl` covers: the image is not there or the origin cannot say, for everybody
 * alike. Those that one client's own fields can bring about are not, for nobody else's request is made of them: 400 and
 * 401, but also 403 (hot-link protection) and 505. 405 and 414 are about method and target, which are all GET or in the key:
 * fields that override the method are not sent on. So a client cannot make a URL fail for the others (H. V. Nguyen
 * et al., "Your Cache Has Fallen", CCS 2019).
 */
export function isNegative(status: number): boolean {
  return status >= 500 ? status !== 505 && status !== 511 : NEGATIVE.has(status);
}

const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501,
]);
const NEGATIVE: ReadonlySet<number> = new Set([404, 405, 410, 414, 451]);
const NEVER_STORED: ReadonlySet<number> = new Set([428, 429, 431, 511]);

/** An origin in trouble, or one that has had enough of us: not a word about the image (RFC 5861 section 4, and 408, 429). */
export function isTrouble(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}
