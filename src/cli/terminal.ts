import { writeSync } from 'node:fs';
import type { Screen, ScreenEvents } from './live.ts';
import type { ViewSize } from './live-view.ts';

/** The part of `process` that a terminal needs. */
export type TerminalHost = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'on' | 'off' | 'env'>;

// xterm control sequences; unknown private modes are ignored by terminals.
const ALTERNATE_SCREEN = '\x1b[?1049h';
const MAIN_SCREEN = '\x1b[?1049l';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
/** Between the two a terminal shows nothing half-done (synchronised output). */
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';
/** What function keys send (ECMA-48 CSI, SS3), and what a key sends together with Alt. */
const ESCAPE_SEQUENCE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^[O])?/g;

const DEFAULT_SIZE: ViewSize = { columns: 80, rows: 24 };
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Takes over the terminal of standard output: alternate screen, no cursor, keys unbuffered. Undefined when standard
 * output is no terminal, or one that cannot place its cursor.
 *
 * Gives it back on `close()` and on every way in which the process can end by itself, also when it throws.
 * While open, SIGINT, SIGTERM and SIGHUP ask to quit instead of ending the process.
 */
export function openTerminal(host: TerminalHost, events: ScreenEvents): Screen | undefined {
  const { stdin, stdout } = host;
  const term = host.env['TERM'];
  if (!stdout.isTTY || term === 'dumb') return undefined;
  let open = true;

  const onKey = (keys: string | Buffer): void => {
    if (/[qQ\x03\x04]/.test(keys.toString().replace(ESCAPE_SEQUENCE, ''))) events.onQuit();
  };
  // Also the last words of a crash must come after the main screen is back, so writing may not be put off.
  const restore = (): void => {
    if (!open) return;
    open = false;
    if (stdin.isTTY) stdin.setRawMode(false);
    try {
      writeSync(stdout.fd, `${END_FRAME}${SHOW_CURSOR}${MAIN_SCREEN}`);
    } catch {
      // The terminal is gone, and with it the need to restore it.
    }
  };
  const onGone = (): void => events.onQuit();
  const onRejection = (reason: unknown): void => {
    restore();
    throw reason; // ends the process as it would have without this listener
  };

  stdout.on('resize', events.onResize);
  stdout.on('error', onGone);
  stdin.on('error', onGone);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on('data', onKey);
    stdin.resume();
  }
  for (const signal of SIGNALS) host.on(signal, onGone);
  host.on('exit', restore);
  host.on('uncaughtExceptionMonitor', restore);
  host.on('unhandledRejection', onRejection);
  stdout.write(`${ALTERNATE_SCREEN}${HIDE_CURSOR}${HOME}${CLEAR_BELOW}`);

  return {
    size: () => ({
      columns: stdout.columns || DEFAULT_SIZE.columns,
      rows: stdout.rows || DEFAULT_SIZE.rows,
    }),
    draw(lines) {
      // A terminal that cannot keep up gets fewer frames, not a growing queue of them.
      if (!open || stdout.writableNeedDrain) return;
      const text = lines.map((line) => line + CLEAR_LINE_END).join('\r\n');
      stdout.write(`${BEGIN_FRAME}${HOME}${text}${CLEAR_BELOW}${END_FRAME}`);
    },
    close() {
      restore();
      stdout.off('resize', events.onResize);
      stdin.off('data', onKey);
      stdin.pause();
      for (const signal of SIGNALS) host.off(signal, onGone);
      host.off('exit', restore);
      host.off('uncaughtExceptionMonitor', restore);
      host.off('unhandledRejection', onRejection);
    },
  };
}
