import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Unusable } from '../support/workbench.ts';
import { nextWidths } from './operations.ts';

/** Installs what Holdfast is compared with: ipx and Next.js from npm, by the lock file in `peers/`. */

const SOURCES = join(import.meta.dirname, 'peers');
/** Of the whole installation: what it was made from. */
const STAMP = 'installed-from';

/** Versions, by the lock file. */
export interface Peers {
  /** Absolute. */
  readonly folder: string;
  readonly versions: Readonly<Record<'ipx' | 'next' | 'sharp', string>>;
}

/** Environment of a peer: no telemetry, and the widths that Next.js may be asked for. */
export function peerEnv(): Record<string, string> {
  return { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production', BENCH_WIDTHS: JSON.stringify(nextWidths()) };
}

/**
 * Copies `peers/` to `folder`, installs and builds there; a minute and 400 MB the first time, nothing when it has not changed.
 *
 * @throws Unusable when npm or the build fails.
 */
export function installPeers(folder: string): Peers {
  const made = Bun.hash(readAll(SOURCES) + process.version).toString(36);
  const stamp = join(folder, STAMP);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== made) {
    console.error('images: installing ipx and Next.js');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(SOURCES, folder, { recursive: true });
    // Not `ci`, which wants builds of Next.js for every system in the lock file, and not every registry has all of them.
    run(folder, ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund']);
    run(folder, ['node', nextProgram(folder), 'build']);
    writeFileSync(stamp, made);
  }
  const versionOf = (name: string): string =>
    (
      JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string;
      }
    ).version;
  return {
    folder,
    versions: { ipx: versionOf('ipx'), next: versionOf('next'), sharp: versionOf('sharp') },
  };
}

/** The program of Next.js, for `node`. */
export function nextProgram(folder: string): string {
  return join(folder, 'node_modules/next/dist/bin/next');
}

/** Forgets what Next.js has cached on disk. */
export function emptyNextCache(folder: string): void {
  rmSync(join(folder, '.next/cache/images'), { recursive: true, force: true });
}

function readAll(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readFileSync(file, 'utf8'))
    .join('\0');
}

function run(folder: string, [program, ...args]: readonly [string, ...string[]]): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    env: { ...process.env, ...peerEnv() },
    encoding: 'utf8',
  });
  if (status === 0) return;
  throw new Unusable(`${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}
