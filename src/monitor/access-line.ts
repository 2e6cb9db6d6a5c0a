import { OUTCOMES } from '../cache/outcome.ts';
import type { Fields } from '../http/fields.ts';

/** What the request path knows when a request has ended. */
export interface AccessFacts {
  /** Wall-clock time, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Request target as sent. */
  readonly target: string;
  readonly status: number;
  /** Position in OUTCOMES. */
  readonly outcomeIndex: number;
  /** Name of the route; empty when none matched. */
  readonly route: string;
  readonly sentBytes: number;
  readonly durationMs: number;
  /** Time spent waiting for the origin; negative when it was not asked. */
  readonly originMs: number;
  /** False when the client did not get all of it. */
  readonly whole: boolean;
  /** What `Cache-Status` says beside the outcome; empty when there is nothing. */
  readonly detail: string;
  /** Why nothing better could be served; empty when all went well. */
  readonly cause: string;
  /** The client did not get its image whole, and not because it left. */
  readonly failed?: boolean;
  /** Of the request; Referer and User-Agent are taken from it, nothing else. */
  readonly fields: Fields;
}

const TARGET_CHARS = 2_048;
const FIELD_CHARS = 256;
/** Query values up to this length are printed: `w=1200`, `fmt=webp`. Signatures and tokens are longer. */
const QUERY_VALUE_CHARS = 16;
/** Needs no escaping in JSON: printable ASCII but for quote and backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** JSON allows these unescaped, terminals and line readers mind: DEL, C1 controls, the Unicode line separators. */
const UNSAFE = /[\x7f-\x9f\u2028\u2029]/g;
const SECRET_NAME = /sig|token|secret|passw|credential|auth|jwt|key/i;

/** Errors, and images that were not delivered, are logged whatever the sample. */
export function alwaysLogged({ status, failed }: AccessFacts): boolean {
  return status >= 500 || failed === true;
}

/**
 * One request as one line of JSON, with its line break. About a microsecond.
 *
 * Members: `time` (ISO 8601, UTC), `client`, `method`, `host`, `path` (with its query, see {@link maskQuery}),
 * `status`, `outcome`, `route`, `bytes` (sent), `durationMs`, and where they apply `originMs`, `detail`, `cause`,
 * `incomplete`, `referer` (without its query), `userAgent`, and `sample` (this line stands for so many requests).
 */
export function formatAccessLine(facts: AccessFacts, sample: number): string {
  let line =
    `{"time":"${isoTime(facts.timeMs)}","client":${quote(facts.client, FIELD_CHARS)}` +
    `,"method":${quote(facts.method, FIELD_CHARS)},"host":${quote(facts.host, FIELD_CHARS)}` +
    `,"path":${quote(maskQuery(facts.target), TARGET_CHARS)},"status":${facts.status}` +
    `,"outcome":"${OUTCOMES[facts.outcomeIndex] ?? 'failed'}"` +
    `,"route":${quote(facts.route, FIELD_CHARS)},"bytes":${decimal(facts.sentBytes)}` +
    `,"durationMs":${decimal(facts.durationMs)}`;
  if (facts.originMs >= 0) line += `,"originMs":${decimal(facts.originMs)}`;
  if (facts.detail !== '') line += `,"detail":${quote(facts.detail, FIELD_CHARS)}`;
  if (facts.cause !== '') line += `,"cause":${quote(facts.cause, FIELD_CHARS)}`;
  if (!facts.whole) line += ',"incomplete":true';
  const referer = facts.fields.get('referer');
  if (referer !== undefined) line += `,"referer":${quote(withoutQuery(referer), FIELD_CHARS)}`;
  const userAgent = facts.fields.get('user-agent');
  if (userAgent !== undefined) line += `,"userAgent":${quote(userAgent, FIELD_CHARS)}`;
  // Failures are logged whatever the sample, so such a line stands for itself.
  if (sample > 1 && !alwaysLogged(facts)) line += `,"sample":${sample}`;
  return `${line}}\n`;
}

/** The line that tells of lines that are missing. */
export function formatDroppedLine(timeMs: number, drops: number): string {
  return `{"time":"${isoTime(timeMs)}","event":"access-log-dropped","dropped":${drops}}\n`;
}

/**
 * A request target whose query may be written to a log: values longer than 16 characters, and all values of
 * parameters that sound like a secret, become `~`. Signed URLs keep their shape and lose what makes them valid.
 */
export function maskQuery(target: string): string {
  const mark = target.indexOf('?');
  if (mark < 0) return target;
  const pairs = target.slice(mark + 1, mark + 1 + TARGET_CHARS).split('&');
  const masked = pairs.map((pair) => {
    const equals = pair.indexOf('=');
    // A query without names may itself be a token.
    if (equals < 0) return pair.length > QUERY_VALUE_CHARS ? '~' : pair;
    const name = pair.slice(0, equals);
    const long = pair.length - equals - 1 > QUERY_VALUE_CHARS;
    return long || SECRET_NAME.test(name) ? `${name}=~` : pair;
  });
  return `${target.slice(0, mark + 1)}${masked.join('&')}`;
}

/** A JSON string of at most `chars` characters of `text`, safe in a terminal too. */
function quote(text: string, chars: number): string {
  const bounded = text.length > chars ? `${text.slice(0, chars)}...` : text;
  if (PLAIN.test(bounded)) return `"${bounded}"`;
  return JSON.stringify(bounded).replace(UNSAFE, escapeUnit);
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function withoutQuery(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** Microseconds are the finest that means anything; JSON has no NaN. */
function decimal(value: number): string {
  if (!Number.isFinite(value)) return '0';
  return Number.isInteger(value) ? String(value) : String(Math.round(value * 1000) / 1000);
}

let lastSecond = Number.NaN;
let lastPrefix = '';

/** Like Date.toISOString; the part down to the second is kept from call to call, as a log mostly repeats it. */
function isoTime(timeMs: number): string {
  const ms = Math.trunc(timeMs);
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    if (!(Math.abs(ms) <= 8.64e15)) return '1970-01-01T00:00:00.000Z';
    lastPrefix = new Date(second * 1000).toISOString().slice(0, -4);
    lastSecond = second;
  }
  return `${lastPrefix}${String(ms - second * 1000).padStart(3, '0')}Z`;
}
