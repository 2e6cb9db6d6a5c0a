import { reasonPhrase } from '../http/status.ts';

/** Made once: status lines are on the path of every answer. */
const LINES: readonly string[] = Array.from(
  { length: 600 },
  (_, status) => `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`,
);

/**
 * The status line (RFC 9112 section 4) with its CRLF. Constant time.
 *
 * @param status 200 to 599.
 */
export function statusLine(status: number): string {
  return LINES[status]!;
}
