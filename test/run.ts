import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installChromium } from './run/chromium.ts';
import { type Counts, closingLine, readCounts } from './run/junit.ts';

/**
 * `npm test`: types, then format and lint, then every test. The first stage that fails ends the run. Nothing but loopback
 * is used, except that a missing browser is installed with apt-get where end-to-end tests need one.
 *
 * Arguments go to `bun test`: `npm test -- src/http -t "Vary"`.
 */
const ROOT = join(import.meta.dir, '..');
/** For one test. Far more than any needs, so that a slow machine fails none. */
const TIMEOUT_MS = 60_000;
const FAILED: Counts = { passed: 0, failed: 1, skipped: 0 };

process.exitCode = main(process.argv.slice(2));

function main(filters: readonly string[]): number {
  setUp();
  const stages: [name: string, command: string[]][] = [
    ['types', [join(ROOT, 'node_modules/.bin/tsc'), '--noEmit']],
    ['format and lint', [join(ROOT, 'node_modules/.bin/biome'), 'check', '.']],
  ];
  for (const [name, command] of stages) {
    if (stage(name, command) !== 0) return end(name, FAILED);
  }
  return end('tests', runTests(filters));
}

/** A browser is looked for only when a test drives one. */
function setUp(): void {
  if (!testFiles().some((file) => readFileSync(file, 'utf8').includes('playwright-core'))) return;
  console.log('== set-up: a browser for the end-to-end tests');
  const trouble = installChromium();
  if (trouble !== undefined) console.log(`The tests that drive a browser will be SKIPPED: ${trouble}.`);
}

function testFiles(): string[] {
  return ['src', 'test'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => join(ROOT, folder, path)),
  );
}

function runTests(filters: readonly string[]): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  const report = join(folder, 'junit.xml');
  try {
    const options = [
      '--only-failures',
      `--timeout=${TIMEOUT_MS}`,
      '--reporter=junit',
      `--reporter-outfile=${report}`,
    ];
    const exitCode = stage('tests', [process.execPath, 'test', ...options, ...filters]);
    return readCounts(read(report), exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs one stage with its output passed on. @returns its exit code; 1 when it did not end by itself. */
function stage(name: string, [command, ...args]: string[]): number {
  console.log(`== ${name}`);
  const run = spawnSync(command!, args, { cwd: ROOT, stdio: 'inherit' });
  if (run.error !== undefined) console.log(`cannot run ${command}: ${run.error.message}`);
  return run.status ?? 1;
}

function end(name: string, counts: Counts): number {
  if (counts.failed > 0) console.log(`\nFailed at: ${name}.${name === 'tests' ? '' : ' No test was run.'}`);
  console.log(closingLine(counts));
  return counts.failed > 0 ? 1 : 0;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
