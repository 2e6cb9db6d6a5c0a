import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dir, 'terminal.fixture.ts');
/** Bits of c_lflag (termios). */
const ECHO = 8;
const ICANON = 2;

/** A real program in a real pseudo-terminal. */
class Session {
  output = '';
  exitCode = -1;
  readonly process: Bun.Subprocess;
  readonly terminal: Bun.Terminal;
  #waiters: (() => void)[] = [];

  constructor(env: Record<string, string> = {}) {
    // Made by spawn itself, so that it is the program's controlling terminal: a change of size is then signalled.
    this.process = Bun.spawn([process.execPath, PROGRAM], {
      terminal: {
        cols: 90,
        rows: 30,
        data: (_, data) => {
          this.output += Buffer.from(data).toString();
          this.#wake();
        },
      },
      env: { ...process.env, TERM: 'xterm-256color', ...env },
    });
    this.terminal = this.process.terminal!;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async shows(text: string): Promise<void> {
    await this.until(() => this.output.includes(text));
  }

  /** Waits for the end of the program and what it wrote last. */
  async end(): Promise<void> {
    this.exitCode = await this.process.exited;
  }

  isRestored(): boolean {
    const last = (on: string, off: string): boolean =>
      this.output.lastIndexOf(on) < this.output.lastIndexOf(off);
    return last('\x1b[?1049h', '\x1b[?1049l') && last('\x1b[?25l', '\x1b[?25h');
  }
}

describe.skipIf(process.platform === 'win32')('the terminal', () => {
  test('is taken over without flicker, and follows its size', async () => {
    const session = new Session();
    await session.shows('size 90x30');
    expect(session.output).toContain('\x1b[?1049h\x1b[?25l');
    expect(session.output).toMatch(/\x1b\[Hsize 90x30\x1b\[K\r+\nsecond line\x1b\[K\x1b\[J/);
    expect(session.output).not.toContain('\x1b[2J');
    expect(session.terminal.localFlags & (ECHO | ICANON)).toBe(0);
    session.terminal.resize(50, 10);
    await session.shows('size 50x10');
    session.terminal.write('q');
    await session.end();
    await session.until(() => session.isRestored());
    expect(session.exitCode).toBe(41);
  });

  test.each([
    ['q', 41],
    ['\x03', 41],
    ['e', 3],
    ['t', 1],
    ['r', 1],
  ])('is given back after the key %p', async (key, exitCode) => {
    const session = new Session();
    await session.shows('size');
    session.terminal.write(key);
    await session.end();
    await session.until(() => session.isRestored());
    expect(session.exitCode).toBe(exitCode);
    expect(session.terminal.localFlags & (ECHO | ICANON)).toBe(ECHO | ICANON);
    if (key === 't' || key === 'r') {
      // The last words come after the main screen is back, or nobody would see them.
      await session.shows('on purpose');
      expect(session.output.lastIndexOf('on purpose')).toBeGreaterThan(
        session.output.lastIndexOf('\x1b[?1049l'),
      );
    }
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is given back after %s', async (signal) => {
    const session = new Session();
    await session.shows('size');
    session.process.kill(signal);
    await session.end();
    await session.until(() => session.isRestored());
    expect(session.exitCode).toBe(41);
  });

  test('ignores keys that mean nothing, such as arrows', async () => {
    const session = new Session();
    await session.shows('size');
    session.terminal.write('\x1b[A');
    session.terminal.write('\x1bOq');
    session.terminal.write('z');
    session.terminal.resize(51, 11);
    await session.shows('size 51x11');
    session.terminal.write('Q');
    await session.end();
    expect(session.exitCode).toBe(41);
  });

  test('is left alone when it cannot place its cursor, or is none', async () => {
    const session = new Session({ TERM: 'dumb' });
    await session.shows('no screen');
    await session.end();
    expect(session.output).not.toContain('\x1b[?');
    const piped = Bun.spawn([process.execPath, PROGRAM], { stdin: 'ignore', stdout: 'pipe' });
    expect(await piped.stdout.text()).toBe('no screen\n');
  });
});
