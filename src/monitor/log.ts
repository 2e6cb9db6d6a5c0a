import type { Clock } from '../base/clock.ts';

/** From the most to the least talkative. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'logfmt' | 'json';

/** Facts of a log line by name. `undefined` leaves the name out. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** The node's own log: what it does and what troubles it. Requests go to the access log. */
export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  /** Something is wrong and the node copes. */
  warn(message: string, facts?: LogFacts): void;
  /** Something is wrong and needs somebody. */
  error(message: string, facts?: LogFacts): void;
}

export interface LogOptions {
  readonly write: (text: string) => void;
  readonly clock: Clock;
  /** Lines below it are left out. A function where it can change. */
  readonly level: LogLevel | (() => LogLevel);
  readonly format: LogFormat;
}

const VALUE_CHARS = 1_000;
/** Controls (line breaks, terminal escapes), quotes, backslashes, `=`, blanks and what is not ASCII. */
const NEEDS_QUOTES = /[^!#-<>-[\]-~]/;
const UNSAFE = /[\x7f-\x9f\u2028\u2029]/g;

/**
 * A log that writes one line per call: logfmt for people (`time=... level=warn msg="..." origin=images`),
 * or one JSON object for machines. Values are escaped, so that nothing from outside can forge a line, and cut at
 * 1,000 characters. Callers hand in no secrets.
 */
export function createLog(options: LogOptions): Log {
  const level = options.level;
  const lowest = typeof level === 'function' ? level : () => level;
  const at =
    (of: LogLevel) =>
    (message: string, facts: LogFacts = {}): void => {
      if (LOG_LEVELS.indexOf(of) < LOG_LEVELS.indexOf(lowest())) return;
      const entries = Object.entries({
        time: new Date(options.clock.nowMs()).toISOString(),
        level: of,
        msg: message,
        ...facts,
      }).filter(([, value]) => value !== undefined);
      const line = options.format === 'json' ? jsonLine(entries) : logfmtLine(entries);
      options.write(`${line}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

type Entry = [name: string, value: string | number | boolean | undefined];

function jsonLine(entries: readonly Entry[]): string {
  return quoted(Object.fromEntries(entries.map(([name, value]) => [name, bounded(value)])));
}

function logfmtLine(entries: readonly Entry[]): string {
  return entries.map(([name, value]) => `${name}=${logfmtValue(bounded(value))}`).join(' ');
}

function logfmtValue(value: Entry[1]): string {
  const text = String(value);
  return text === '' || NEEDS_QUOTES.test(text) ? quoted(text) : text;
}

function bounded(value: Entry[1]): Entry[1] {
  return typeof value === 'string' && value.length > VALUE_CHARS
    ? `${value.slice(0, VALUE_CHARS)}...`
    : value;
}

function quoted(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
