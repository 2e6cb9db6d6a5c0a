import { numberOf } from './bytes.ts';
import { type FieldMap, type FieldRole, isImageType, UNIT_MS } from './field-map.ts';
import { clearLine, type Line, type LineParser, pointText, type UnreadableReason } from './line.ts';
import { TimeReader, timeOf } from './time.ts';
import { outcomeOf } from './words.ts';

/**
 * What servers and CDNs call their fields, the best first: Cloudflare Logpush, what Fastly's documentation and generated
 * configurations use, our own access log, nginx in JSON, Caddy, and what people write. A point goes into an object.
 */
const NAMES: Readonly<Record<FieldRole, readonly string[]>> = {
  time: [
    'EdgeStartTimestamp',
    'timestamp',
    '@timestamp',
    'time_iso8601',
    'time_local',
    'msec',
    'time_start',
    'start_time',
    'time',
    'ts',
    'date',
  ],
  time_s: ['time_start_sec', 'time_s'],
  time_ms: ['time_start_msec', 'time_ms', 'timestamp_ms'],
  time_us: ['time_start_usec', 'time_us'],
  time_ns: ['time_ns'],
  path: [
    'ClientRequestURI',
    'ClientRequestPath',
    'request_uri',
    'request_url',
    'request.uri',
    'url',
    'uri',
    'request_path',
    'path',
  ],
  key: ['key'],
  query: ['ClientRequestQuery', 'query_string', 'request_query', 'query', 'args'],
  host: ['ClientRequestHost', 'request_host', 'request.host', 'http_host', 'host', 'vhost'],
  method: ['ClientRequestMethod', 'request_method', 'request.method', 'method', 'verb'],
  status: ['EdgeResponseStatus', 'response_status', 'status', 'status_code', 'resp_status'],
  size: [
    'EdgeResponseBodyBytes',
    'response_body_size',
    'resp_body_bytes',
    'body_bytes_sent',
    'CacheResponseBytes',
    'EdgeResponseBytes',
    'response_size',
    'resp_bytes',
    'bytes_sent',
    'bytes',
    'size',
  ],
  cache: [
    'CacheCacheStatus',
    'fastly_info_state',
    'fastly_info.state',
    'fastly_info',
    'fastly_state',
    'cache_status',
    'outcome',
    'upstream_cache_status',
    'cache_state',
    'cache',
    'x_cache',
  ],
  origin_s: ['upstream_response_time', 'upstream_header_time', 'origin_time_s', 'origin_s'],
  origin_ms: ['OriginResponseDurationMs', 'origin_response_time_ms', 'originMs', 'origin_ms'],
  origin_us: ['origin_us'],
  origin_ns: ['OriginResponseTime'],
  type: [
    'EdgeResponseContentType',
    'resp_content_type',
    'response_content_type',
    'content_type',
    'sent_http_content_type',
  ],
};

type Values = Readonly<Record<string, unknown>>;

/** Logs of JSON lines: Cloudflare Logpush, Fastly, and others that are told by `--fields` what their fields are called. */
export class JsonParser implements LineParser {
  readonly #time = new TimeReader();
  readonly #fields: FieldMap;
  /** By role, the name that was there last: it is looked for first. */
  readonly #found = new Map<FieldRole, string>();

  constructor(fields: FieldMap) {
    this.#fields = fields;
  }

  parse(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | 'skip' | undefined {
    const values = objectOf(bytes, from, to);
    if (values === undefined) return 'format';
    clearLine(line);
    if (!this.#readTime(values, line)) return 'time';
    const method = this.#value(values, 'method');
    line.method = method === undefined || method === 'GET' ? 'GET' : method === 'HEAD' ? 'HEAD' : 'other';
    if (line.method === 'other') return undefined;
    const status = this.#value(values, 'status');
    line.status = status === undefined ? 200 : numberOf(status);
    // Cloudflare has 0 where the client was gone before there was a status.
    if (line.status === 0) line.status = 499;
    if (!Number.isInteger(line.status) || line.status < 100 || line.status > 599) return 'status';
    const path = this.#value(values, 'path') ?? this.#value(values, 'key');
    if (typeof path !== 'string' || path === '') return 'request';
    pointText(line.target, path);
    this.#readRest(values, path, line);
    return undefined;
  }

  #readTime(values: Values, line: Line): boolean {
    for (const role of ['time', 'time_s', 'time_ms', 'time_us', 'time_ns'] as const) {
      const value = this.#value(values, role);
      if (value === undefined) continue;
      line.timeMs = timeOf(value, this.#time, UNIT_MS[role.slice(5)]);
      return !Number.isNaN(line.timeMs);
    }
    return false;
  }

  #readRest(values: Values, path: string, line: Line): void {
    const query = path.includes('?') ? undefined : this.#value(values, 'query');
    if (typeof query === 'string' && query !== '') pointText(line.query, query.replace(/^\?/, ''));
    const host = this.#value(values, 'host');
    if (typeof host === 'string' && host !== '') pointText(line.host, host);
    const size = this.#value(values, 'size');
    line.sizeBytes = size === undefined ? -1 : Math.round(numberOf(size));
    const cache = this.#value(values, 'cache');
    if (typeof cache === 'string') line.outcome = outcomeOf(cache);
    const type = this.#value(values, 'type');
    if (typeof type === 'string' && type !== '') line.image = isImageType(type);
    for (const role of ['origin_ms', 'origin_s', 'origin_us', 'origin_ns'] as const) {
      const value = this.#value(values, role);
      if (value === undefined) continue;
      this.#fields.apply(role, String(value), line);
      // Cloudflare has 0 where the origin was not asked.
      if (line.originMs === 0) line.originMs = -1;
      break;
    }
  }

  #value(values: Values, role: FieldRole): unknown {
    const given = this.#fields.get(role);
    if (given !== undefined) {
      const value = lookUp(values, given);
      if (value !== undefined) this.#fields.see(role);
      return value;
    }
    const last = this.#found.get(role);
    if (last !== undefined) {
      const value = lookUp(values, last);
      if (value !== undefined) return value;
    }
    for (const name of NAMES[role]) {
      const value = lookUp(values, name);
      if (value === undefined) continue;
      this.#found.set(role, name);
      return value;
    }
    return undefined;
  }
}

/** The JSON object that is all of `bytes[from..to)`, or undefined. */
export function objectOf(bytes: Uint8Array, from: number, to: number): Values | undefined {
  if (bytes[from] !== 0x7b) return undefined;
  try {
    const value: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(0, to - from)).toString('utf8'),
    );
    return typeof value === 'object' && value !== null ? (value as Values) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an object has what a line of a log needs: a time and a path. */
export function looksLikeRequest(values: Values, fields: FieldMap): boolean {
  const has = (roles: readonly FieldRole[]): boolean =>
    roles.some((role) => {
      const given = fields.get(role);
      return (given === undefined ? NAMES[role] : [given]).some((name) => lookUp(values, name) !== undefined);
    });
  return has(['time', 'time_s', 'time_ms', 'time_us', 'time_ns']) && has(['path', 'key']);
}

/** Null is as good as absent: exporters write it for what they do not know. */
function lookUp(values: Values, name: string): unknown {
  if (Object.hasOwn(values, name)) return values[name] ?? undefined;
  const dot = name.indexOf('.');
  if (dot < 0) return undefined;
  const inner = values[name.slice(0, dot)];
  if (typeof inner !== 'object' || inner === null) return undefined;
  return lookUp(inner as Values, name.slice(dot + 1));
}
