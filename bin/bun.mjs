/**
 * Finds the Bun that this package was installed with and runs a script of the project in it.
 * Plain Node (18 or later) without dependencies: this is what `npx holdfast` and `npm test` start.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = createRequire(import.meta.url);
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** `npm install --ignore-scripts` leaves a text stub of a few hundred bytes in place of the binary. */
const SMALLEST_BINARY_BYTES = 1_000_000;

/**
 * Runs `script` (relative to the package) with `args`, and ends this process as the script ended:
 * with its exit code, or 128 plus the number of the signal that killed it; 127 when there is no Bun.
 */
export function runInBun(script, args) {
  const bun = findBun();
  if (bun === undefined) {
    process.stderr.write(`${missingBun()}\n`);
    process.exit(127);
  }
  // A bunfig.toml, a .env file or missing packages in the directory where the user happens to be are none of ours.
  const settings = ['--no-install', '--no-env-file', `--config=${join(ROOT, 'bin', 'bunfig.toml')}`];
  let child;
  // First, so that no signal finds a child without anybody to hand it on: it would be left running alone.
  forwardSignals((signal) => child?.kill(signal));
  child = spawn(bun, [...settings, join(ROOT, script), ...args], {
    stdio: 'inherit',
    env: { DO_NOT_TRACK: '1', ...process.env },
  });
  child.on('error', (error) => {
    process.stderr.write(`holdfast: cannot start ${bun}: ${error.message}\n`);
    process.exit(126);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
  });
}

/** A terminal sends Ctrl-C to the child as well; forwarding it would make one key press count twice. */
function forwardSignals(forward) {
  const atTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  process.on('SIGINT', () => {
    if (!atTerminal) forward('SIGINT');
  });
  process.on('SIGTERM', () => forward('SIGTERM'));
  process.on('SIGHUP', () => forward('SIGHUP'));
}

/**
 * Path of a Bun that runs on this machine, or undefined. In order: the one that the `bun` package's install
 * script put in place, the platform packages beside it (when install scripts were off), `bun` on PATH.
 */
export function findBun() {
  const installed = installedBun();
  if (installed !== undefined) return installed;
  for (const file of platformBinaries()) if (isBinary(file) && versionOf(file) !== undefined) return file;
  for (const file of onPath()) {
    const version = versionOf(file);
    if (version === undefined) continue;
    const wanted = wantedVersion();
    if (wanted !== undefined && version !== wanted) {
      process.stderr.write(
        `holdfast: using Bun ${version} from ${file}; this release was tested with ${wanted}\n`,
      );
    }
    return file;
  }
  return undefined;
}

/** The `bun` package's own binary: its install script has already checked that it runs here. */
function installedBun() {
  const manifest = resolveOrUndefined(here, 'bun/package.json');
  if (manifest === undefined) return undefined;
  const file = join(dirname(manifest), 'bin', 'bun.exe');
  return isBinary(file) ? file : undefined;
}

/** Where npm may have put the platform's binary, likeliest first; `baseline` is for CPUs without AVX2. */
function platformBinaries() {
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;
  const os =
    process.platform === 'win32' ? 'windows' : process.platform === 'android' ? 'linux' : process.platform;
  const suffixes = ['', '-baseline'];
  if (process.platform === 'linux') {
    const musl = ['-musl', '-musl-baseline'];
    if (usesMusl()) suffixes.unshift(...musl);
    else suffixes.push(...musl);
  }
  if (process.platform === 'android') suffixes.unshift('-android');
  const manifest = resolveOrUndefined(here, 'bun/package.json');
  const requires = manifest === undefined ? [here] : [createRequire(manifest), here];
  const files = [];
  for (const suffix of suffixes) {
    for (const require of requires) {
      const found = resolveOrUndefined(require, `@oven/bun-${os}-${arch}${suffix}/package.json`);
      if (found === undefined) continue;
      files.push(join(dirname(found), 'bin', process.platform === 'win32' ? 'bun.exe' : 'bun'));
      break;
    }
  }
  return files;
}

function onPath() {
  const name = process.platform === 'win32' ? 'bun.exe' : 'bun';
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).filter(isBinary);
}

function resolveOrUndefined(require, request) {
  try {
    return require.resolve(request);
  } catch {
    return undefined;
  }
}

function isBinary(file) {
  try {
    const found = statSync(file);
    return found.isFile() && found.size >= SMALLEST_BINARY_BYTES;
  } catch {
    return false;
  }
}

/** The version a binary reports; undefined when it does not run here (wrong libc, missing CPU features). */
function versionOf(file) {
  const run = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

function wantedVersion() {
  try {
    return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).dependencies.bun;
  } catch {
    return undefined;
  }
}

function usesMusl() {
  if (existsSync('/etc/alpine-release')) return true;
  if (process.report === undefined) return false;
  process.report.excludeNetwork = true; // otherwise the report looks up the names of all open sockets
  return process.report.getReport().header?.glibcVersionRuntime === undefined;
}

function missingBun() {
  return [
    `holdfast: no Bun runtime found for ${process.platform} ${process.arch}.`,
    `  Bun comes as a dependency (bun ${wantedVersion() ?? ''}) when holdfast is installed with npm.`,
    '  Looked in: node_modules/bun, node_modules/@oven/bun-*, PATH.',
    '  Try: npm install   (without --omit=optional; CPUs other than x64 and arm64 have no Bun)',
  ].join('\n');
}
