/**
 * The catalogue of errors that a client can meet from the node itself (an origin's own 404 is not among them).
 * The code is in the log, in `Cache-Status` and in the body; the remedy is for the operator.
 */

import type { ErrorEntry } from './error-entry.ts';
import { IMAGE_ERRORS } from './errors-image.ts';

/** Every error by its code. Origin failures are `origin-` plus the cause's name in `origin/origin.ts`. */
export const ERRORS = {
  'bad-request': {
    status: 400,
    publicText: 'The request is not valid HTTP.',
    meaning:
      'The head of the request is malformed, or ambiguous in a way that is used for request smuggling.',
    remedy: 'Look at the client or the proxy in front. Such requests are never passed on, by design.',
  },
  'admin-unauthorized': {
    status: 401,
    publicText: 'A valid token is required.',
    meaning: 'A request to the admin port without the token, or with a wrong one.',
    remedy:
      'Send "Authorization: Bearer <token>" with the value of admin.token, or the token in the file named at start.',
  },
  'route-not-found': {
    status: 404,
    publicText: 'Nothing is served under this address.',
    meaning: 'No route matches the host and path of the request.',
    remedy: 'Compare the host and path with routes[].match; add a route, or a last one with paths: ["/*"].',
  },
  'method-not-allowed': {
    status: 405,
    publicText: 'Only GET and HEAD are served here.',
    meaning:
      'A method other than GET and HEAD on a route that does not forward them (routes[].unsafeMethods).',
    remedy:
      'Nothing, if it is a stray client. Uploads and other writes go to the origin directly, or the route forwards them.',
  },
  'request-timeout': {
    status: 408,
    publicText: 'The request did not arrive in time.',
    meaning:
      'The head of the request was not complete within server.headTimeout, or its body came too slowly for as long.',
    remedy: 'Nothing, if it is a slow or hostile client; raise server.headTimeout for very slow networks.',
  },
  'precondition-failed': {
    status: 412,
    publicText: 'The image is not the version that was asked for.',
    meaning: 'If-Match or If-Unmodified-Since does not hold for the stored response (RFC 9110 section 13).',
    remedy: 'Nothing: the client asked for exactly this.',
  },
  'body-too-large': {
    status: 413,
    publicText: 'The body of the request is too large.',
    meaning: 'A request body above server.maxRequestBody.',
    remedy:
      'Raise server.maxRequestBody if such uploads are meant to pass through; or send them to the origin.',
  },
  'uri-too-long': {
    status: 414,
    publicText: 'The address is too long.',
    meaning: 'The request target is longer than the node reads.',
    remedy: 'Shorten the addresses that pages use; such long ones are mostly data: mistakes or scanners.',
  },
  'range-not-satisfiable': {
    status: 416,
    publicText: 'The image has no such range of bytes.',
    meaning:
      'No part of the Range that was asked for lies within the stored response (RFC 9110 section 15.5.17).',
    remedy: 'Nothing: usually a client that resumes a download of an image that became smaller.',
  },
  'expectation-failed': {
    status: 417,
    publicText: 'The expectation cannot be met.',
    meaning: 'An Expect field other than 100-continue.',
    remedy: 'Look at the client.',
  },
  'header-too-large': {
    status: 431,
    publicText: 'The header fields are too large.',
    meaning: 'The request has more or longer header fields than the node reads.',
    remedy:
      'Usually cookies set for the whole domain: serve images from a host of their own, without cookies.',
  },
  internal: {
    status: 500,
    publicText: 'Something went wrong here.',
    meaning: 'A fault in the program itself: this one request failed, the node goes on.',
    remedy: 'Report it with the log line that has the same request.',
  },
  'not-implemented': {
    status: 501,
    publicText: 'The request uses a method or transfer coding that is not served here.',
    meaning: 'A Transfer-Encoding other than chunked (RFC 9112 section 6.1), or the method TRACE or CONNECT.',
    remedy: 'Look at the client or the proxy in front.',
  },
  overloaded: {
    status: 503,
    publicText: 'Too busy at the moment. Please try again.',
    meaning: 'There were as many client connections as there may be (server.maxConnections).',
    remedy:
      'Look who opens them: `holdfast top` shows how many there are. Raise the limit if they are visitors.',
  },
  shed: {
    status: 503,
    publicText: 'Too busy at the moment. Please try again.',
    meaning:
      'As many images were being fetched as may be at a time (server.maxFetches), and there was no copy of this one.',
    remedy:
      'Look at the latency of the origins: fetches pile up when they are slow. What is stored was served all the while.',
  },
  'only-if-cached': {
    status: 504,
    publicText: 'The image is not stored here.',
    meaning:
      'The request said only-if-cached and there is no usable stored response (RFC 9111 section 5.2.1.7).',
    remedy: 'Nothing: the client asked for exactly this.',
  },
  'version-not-supported': {
    status: 505,
    publicText: 'This HTTP version is not served here.',
    meaning: 'A request with a major version other than 1.',
    remedy: 'Let the load balancer speak HTTP/1.1 to the node.',
  },
  loop: {
    status: 508,
    publicText: 'The request goes round in circles.',
    meaning:
      'The request came through this very node before: its Via field says so (RFC 9110 section 7.6.3).',
    remedy:
      'Check that no address in origins.*.url leads back to this node, directly or by a proxy in front of it.',
  },
  'origin-dns': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: "The origin's host name does not resolve.",
    remedy: 'Check the host in origins.*.url and the resolver of this machine.',
  },
  'origin-refused': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: 'Nothing listens at the address of the origin, or its network cannot be reached.',
    remedy: 'Check that the origin runs, and the port in origins.*.url; then firewalls on the way.',
  },
  'origin-connect-timeout': {
    status: 504,
    publicText: 'The image could not be fetched in time.',
    meaning: 'No connection to the origin within timeouts.connect.',
    remedy: 'Check firewalls (dropped packets look like this) and the load of the origin.',
  },
  'origin-queue-full': {
    status: 503,
    publicText: 'Too busy at the moment. Please try again.',
    meaning:
      'As many exchanges with the origin as it may have (origins.*.connections) were under way, and queue.max requests waited.',
    remedy:
      'Look at the load and latency of the origin: it does not keep up with the misses. More connections help only if it can.',
  },
  'origin-queue-timeout': {
    status: 503,
    publicText: 'Too busy at the moment. Please try again.',
    meaning:
      'As many exchanges with the origin as it may have (origins.*.connections) stayed busy for queue.timeout.',
    remedy:
      'Look at the load and latency of the origin: it does not keep up with the misses. More connections help only if it can.',
  },
  'origin-circuit-open': {
    status: 503,
    publicText: 'The image cannot be fetched at the moment. Please try again.',
    meaning:
      'The origin failed so often that it is left alone for a moment (origins.*.breaker); there was no copy here.',
    remedy:
      'The log has what it failed with when its circuit opened: mend that. A second origin (routes[].failover) bridges it.',
  },
  'origin-deadline': {
    status: 504,
    publicText: 'The image could not be fetched in time.',
    meaning:
      'No response head within the deadline of the route, the wait for a turn and further tries included.',
    remedy:
      'Look at the load of the origin and at its waiting requests in the metrics; then at routes[].deadline.',
  },
  'origin-tls': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: "The TLS handshake failed, or the origin's certificate was not accepted.",
    remedy:
      'The log line has the reason. For a private authority set tls.ca; for another name, tls.serverName.',
  },
  'origin-reset': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: 'The origin closed the connection before its response head was complete.',
    remedy: "Look at the origin's log for that time: crashes, restarts, limits on connections.",
  },
  'origin-first-byte-timeout': {
    status: 504,
    publicText: 'The image could not be fetched in time.',
    meaning: 'Connected, but no response head within timeouts.firstByte.',
    remedy: 'Look at the load of the origin; raise timeouts.firstByte only if it is slow by nature.',
  },
  'origin-idle-timeout': {
    status: 504,
    publicText: 'The image could not be fetched in time.',
    meaning: 'The body of the response stalled for timeouts.idle.',
    remedy: 'Look at the network and the load of the origin.',
  },
  'origin-total-timeout': {
    status: 504,
    publicText: 'The image could not be fetched in time.',
    meaning: 'The exchange as a whole took longer than timeouts.total.',
    remedy:
      'Compare the largest images with the bandwidth to the origin; raise timeouts.total if they do not fit.',
  },
  'origin-truncated': {
    status: 502,
    publicText: 'The image could not be fetched whole.',
    meaning: 'The body ended before the length that the origin had promised. It is never stored.',
    remedy: "Look at the origin's log: crashes and full disks while sending look like this.",
  },
  'origin-overrun': {
    status: 502,
    publicText: 'The image could not be fetched whole.',
    meaning: 'The origin sent more than the length that it had promised. It is never stored.',
    remedy:
      'The origin, or a proxy in front of it, computes Content-Length wrongly (often with compression).',
  },
  'origin-malformed': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: 'The answer of the origin is not HTTP/1, has ambiguous framing, or fields over the limit.',
    remedy:
      'Check scheme and port in origins.*.url: https spoken to an http port looks like this, and the reverse.',
  },
  'origin-too-large': {
    status: 502,
    publicText: 'The image is too large.',
    meaning: "The body is above the origin's maxBody.",
    remedy: 'Raise origins.*.maxBody if such files are meant to be served.',
  },
  'origin-redirect': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: 'The origin redirected to a place, or more often, than redirects allows.',
    remedy:
      'Put the final address into origins.*.url, or set redirects.follow (and crossHost if you trust the target).',
  },
  'origin-request-body': {
    status: 400,
    publicText: 'The body of the request did not arrive whole.',
    meaning:
      'The client broke off, or its body was no body, while it was passed on. Not the doing of the origin.',
    remedy: 'Nothing: the client went away or is at fault.',
  },
  'origin-unreadable': {
    status: 502,
    publicText: 'The image could not be read.',
    meaning: 'The file exists below the root of a files origin, but cannot be read.',
    remedy:
      'Check the permissions of the file and of the directories above it for the user that runs the node.',
  },
  'origin-credentials': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning:
      'The S3 origin has no keys, or the server did not accept them (expired, revoked, wrong), or the clocks differ by more than 15 minutes.',
    remedy:
      'The log line says which. Correct or renew what origins.*.credentials names; a file is read again by itself.',
  },
  'origin-denied': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning:
      'The S3 server refused the request, mostly with AccessDenied: the keys may not read the object, or it does not exist and they may not list the bucket.',
    remedy:
      'Grant s3:GetObject on the objects and s3:ListBucket on the bucket, or set origins.*.accessDenied to not-found.',
  },
  'origin-bucket': {
    status: 502,
    publicText: 'The image could not be fetched.',
    meaning: 'The S3 server has no such bucket, or it is in another region.',
    remedy: 'The log line names the right region if the server did. Correct bucket, region or endpoint.',
  },
  ...IMAGE_ERRORS,
} as const satisfies Readonly<Record<string, ErrorEntry>>;

/** The code of an error of the catalogue. */
export type ErrorCode = keyof typeof ERRORS;

/** Every code, in the order of the catalogue. */
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

/** The body that a client gets: one line of plain ASCII text, ending in a line break. Send it as `text/plain`. */
export function errorBody(code: ErrorCode): string {
  const entry: ErrorEntry = ERRORS[code];
  return `${entry.status} ${entry.publicText} (${code})\n`;
}
