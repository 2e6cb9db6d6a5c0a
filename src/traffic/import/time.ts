import { find, latin1, twoDigits } from './bytes.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The year 1990, in milliseconds since the epoch: before it, there was no web server. */
export const EARLIEST_MS = 631_152_000_000;

/**
 * Reads the times of logs. The last one of each form is remembered: lines of one minute differ in their seconds only.
 */
export class TimeReader {
  readonly #minute = new Uint8Array(17);
  readonly #zone = new Uint8Array(5);
  #minuteMs = Number.NaN;
  #day = '';
  #dayMs = Number.NaN;

  /**
   * `10/Oct/2000:13:55:36 -0700` at `from`, as in `%t` and `$time_local`; a fraction of the second may follow it (`36.123`).
   *
   * @returns milliseconds since the epoch, or NaN.
   */
  common(bytes: Uint8Array, from: number, to: number): number {
    if (to - from < 20) return Number.NaN;
    const seconds = twoDigits(bytes, from + 18);
    if (seconds < 0 || seconds > 60) return Number.NaN;
    let at = from + 20;
    let fractionMs = 0;
    if (bytes[at] === 0x2e) {
      const end = Math.min(to, at + 10);
      let scale = 100;
      for (at += 1; at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at += 1, scale /= 10)
        fractionMs += (bytes[at]! - 0x30) * scale;
    }
    if (!this.#sameMinute(bytes, from, at, to)) this.#readMinute(bytes, from, at, to);
    return this.#minuteMs + seconds * 1000 + fractionMs;
  }

  #sameMinute(bytes: Uint8Array, from: number, zoneAt: number, to: number): boolean {
    for (let i = 0; i < 17; i += 1) {
      if (bytes[from + i] !== this.#minute[i]) return false;
    }
    if (to - zoneAt < 6) return false;
    for (let i = 0; i < 5; i += 1) {
      if (bytes[zoneAt + 1 + i] !== this.#zone[i]) return false;
    }
    return true;
  }

  #readMinute(bytes: Uint8Array, from: number, zoneAt: number, to: number): void {
    const text = latin1(bytes, from, to);
    const match = /^(\d\d)\/([A-Za-z]{3})\/(\d{4}):(\d\d):(\d\d):\d\d/.exec(text);
    const zone = /^ ([+-])(\d\d)(\d\d)/.exec(text.slice(zoneAt - from));
    const month = match === null ? -1 : MONTHS.indexOf(match[2]!.toLowerCase());
    if (
      match === null ||
      month < 0 ||
      !(Number(match[1]) >= 1 && Number(match[1]) <= 31) ||
      Number(match[4]) > 23 ||
      Number(match[5]) > 59
    ) {
      this.#minuteMs = Number.NaN;
      this.#minute.fill(0);
      return;
    }
    const utc = Date.UTC(Number(match[3]), month, Number(match[1]), Number(match[4]), Number(match[5]));
    // The 31st of February would be the 3rd of March.
    if (new Date(utc).getUTCDate() !== Number(match[1])) {
      this.#minuteMs = Number.NaN;
      this.#minute.fill(0);
      return;
    }
    const offset = zone === null ? 0 : (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3]));
    this.#minuteMs = utc - offset * 60_000;
    if (zone === null) {
      this.#minute.fill(0);
      return;
    }
    this.#minute.set(bytes.subarray(from, from + 17));
    this.#zone.set(bytes.subarray(zoneAt + 1, zoneAt + 6));
  }

  /** `2019-12-04` and `21:02:31` or `21:02:31.123`, in UTC (W3C Extended Log File Format). NaN when it is none. */
  apart(day: string, time: string): number {
    if (day !== this.#day) {
      this.#day = day;
      this.#dayMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
      if (new Date(this.#dayMs).getUTCDate() !== Number(day.slice(8))) this.#dayMs = Number.NaN;
    }
    const match = /^(\d\d):(\d\d):(\d\d(?:\.\d+)?)$/.exec(time);
    if (match === null) return Number.NaN;
    return this.#dayMs + Number(match[1]) * 3_600_000 + Number(match[2]) * 60_000 + Number(match[3]) * 1000;
  }
}

/**
 * A time in one field: RFC 3339 (with a space for its T as well), the common form of access logs, or a number counted from the epoch.
 *
 * @param unitMs milliseconds of one unit of a number; undefined to go by its magnitude: seconds below 10^11 (the year 5138),
 *   milliseconds below 10^14, microseconds below 10^17, else nanoseconds.
 * @returns milliseconds since the epoch, or NaN.
 */
export function timeOf(value: unknown, reader: TimeReader, unitMs?: number): number {
  if (typeof value === 'number') return fromNumber(value, unitMs);
  if (typeof value !== 'string' || value.length > 64) return Number.NaN;
  if (/^\d+(?:\.\d+)?$/.test(value)) return fromNumber(Number(value), unitMs);
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?) ?(Z|UTC|[+-]\d\d:?\d\d)?$/i.exec(value);
  if (match !== null) {
    const zone = /^([+-])(\d\d):?(\d\d)$/.exec(match[3] ?? '');
    const offset = zone === null ? 0 : (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3]));
    return reader.apart(match[1]!, match[2]!) - offset * 60_000;
  }
  const bytes = Buffer.from(value, 'latin1');
  const bracket = find(bytes, 0x5b, 0, 1) + 1;
  return reader.common(bytes, bracket, bytes.length);
}

function fromNumber(value: number, unitMs: number | undefined): number {
  if (!Number.isFinite(value) || value < 0) return Number.NaN;
  const unit = unitMs ?? (value < 1e11 ? 1000 : value < 1e14 ? 1 : value < 1e17 ? 1e-3 : 1e-6);
  const ms = value * unit;
  return ms < LATEST_MS ? ms : Number.NaN;
}

/** The last time that a date can have (ECMA-262, section 21.4.1.1). */
const LATEST_MS = 8.64e15;
