/**
 * Request fields that are known to choose what servers answer although few of them say `Vary`: by what the client can
 * show, who it is, or how a gateway is to treat the request. They do not go to an origin with what may be stored unless
 * the route names them. No such list is ever complete; where that matters, `sendFields: keyed` does without one.
 *
 * Sources: RFC 4229 and the registry of field names that followed it, client hints (RFC 8942 and what browsers send),
 * the documented fields of nginx, Envoy, S3, Cloud Storage and content delivery networks, J. Kettle, "Practical Web
 * Cache Poisoning" (2018).
 *
 * @param name lower-case.
 */
export function choosesUnsaid(name: string): boolean {
  return NAMES.has(name) || PREFIXES.test(name);
}

const NAMES: ReadonlySet<string> = new Set([
  // What the client can show or prefers, besides Accept and Accept-Encoding.
  'a-im',
  'accept-charset',
  'accept-datetime',
  'accept-features',
  'accept-language',
  'accept-version',
  'content-dpr',
  'device-memory',
  'downlink',
  'dpr',
  'ect',
  'negotiate',
  'prefer',
  'rtt',
  'save-data',
  'user-agent',
  'viewport-width',
  'want-content-digest',
  'want-digest',
  'want-repr-digest',
  'width',
  // Who it is: what a name like these lets in is not for others.
  'api-key',
  'apikey',
  'authorization',
  'x-access-token',
  'x-api-key',
  'x-auth-token',
  'x-authorization',
  'x-csrf-token',
  'x-session-id',
  'x-token',
  'x-user',
  'x-user-id',
  'x-xsrf-token',
  // How servers and gateways are to treat the request.
  'depth',
  'destination',
  'early-data',
  'if',
  'overwrite',
  'soapaction',
  'surrogate-capability',
  'surrogate-control',
  'translate',
  'x-api-version',
  'x-cache-bypass',
  'x-country-code',
  'x-debug',
  'x-debug-token',
  'x-preview',
  'x-real-port',
  'x-request-uri',
  'x-sendfile',
]);

const PREFIXES =
  /^(?:akamai|cdn|cf|cloudfront|fastly|sec-ch|true-client|ua|x-(?:accel|akamai|amz|amzn|appengine|arr|azure|cloud|country|debug|device|envoy|geo|goog|lighttpd|litespeed|ms|netlify|nf|operamini|vercel))-/;
