import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import type { Clock, Timer } from './base/clock.ts';
import { holdfast } from './cli/cli.ts';
import type { CliIo } from './cli/io.ts';
import { openTerminal } from './cli/terminal.ts';
import type { World } from './cli/world.ts';
import { descriptorWriter, FileSink, logWriter } from './monitor/sink.ts';
import { openDirectory } from './store/disk/real-files.ts';
import { startWorker } from './transform/process.ts';

/**
 * The composition root: the real clock, files, network and process are built here and handed to the commands;
 * nothing else does.
 */
const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, fn) => setTimeout(fn, delayMs) as unknown as Timer,
  cancel: (timer) => clearTimeout(timer as unknown as number | undefined),
};

/** Longest text that is read whole: a list of addresses, a snapshot of an index. A device may have no end. */
const TEXT_BYTES_MAX = 512 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  const file = await open(path);
  try {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false })) {
      parts.push(part as Uint8Array);
      bytes += (part as Uint8Array).length;
      if (bytes > TEXT_BYTES_MAX)
        throw new Error(`it has no end, or more than ${TEXT_BYTES_MAX / 1024 ** 2} MiB, which no text has`);
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Commands that go on when what they print is lost. */
const LASTING: readonly (string | undefined)[] = ['serve', 'demo', 'top'];

const io: CliIo = {
  // Whoever read our output has gone (`holdfast top --plain | head`): so do we.
  out: descriptorWriter(1, {
    onClosed: () => process.exit(0),
    onLost: (why) => {
      if (!LASTING.includes(process.argv[2])) throw new Error(`${why}; what was written is not all of it`);
    },
  }),
  err: descriptorWriter(2),
  readFile: readText,
  writeFile: (path, text, { overwrite }) => writeFile(path, text, { flag: overwrite ? 'w' : 'wx' }),
  pathKind: async (path) => {
    try {
      const found = await stat(path);
      return found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other';
    } catch {
      return 'absent';
    }
  },
  env: process.env,
  cwd: process.cwd(),
  totalMemoryBytes: totalmem(),
  isTty: process.stderr.isTTY === true && !process.env['NO_COLOR'],
};

const world: World = {
  ...io,
  clock,
  version: packageJson.version,
  outForm: {
    isTerminal: process.stdout.isTTY === true && process.env['TERM'] !== 'dumb',
    color: process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  },
  log: logWriter(2),
  hashKey: { k0: randomBytes(4).readUInt32LE(), k1: randomBytes(4).readUInt32LE() },
  readFileNow: (path) => readFileSync(path, 'utf8'),
  fetch: (url, init) => fetch(url, init),
  openScreen: (events) => openTerminal(process, events),
  openSink: (to, onTrouble) =>
    new FileSink({ to: to === 'stdout' ? 1 : to === 'stderr' ? 2 : to, onTrouble }),
  openDirectory,
  startTransforms: startWorker,
  collectGarbage: () => Bun.gc(true),
  processUsage: () => {
    const { user, system } = process.cpuUsage();
    return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
  },
  processors: availableParallelism(),
  platform: process.platform,
  onSignal: (signals, fn) => {
    for (const signal of signals) process.on(signal, () => fn(signal));
  },
};

try {
  process.exitCode = await holdfast(process.argv.slice(2), world);
} catch (error) {
  world.err(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env['HOLDFAST_DEBUG'] && error instanceof Error) world.err(`${error.stack}\n`);
  process.exitCode = 1;
}
// A command that has returned is done: a timer or socket that was forgotten must not keep the terminal.
process.exit();
