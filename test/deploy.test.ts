import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatCount } from '../src/base/units.ts';
import { METADATA_BYTES } from '../src/cache/contract.ts';
import { GHOST_BYTES } from '../src/cache/ghosts.ts';
import { BASE_RESIDENT_BYTES } from '../src/cli/startup.ts';
import type { ValidConfig } from '../src/config/config.ts';
import { limits } from '../src/config/limits.ts';
import { validateConfig } from '../src/config/validate.ts';
import { METRICS } from '../src/monitor/catalog.ts';
import { Arena } from '../src/store/memory/arena.ts';

/** What is delivered beside the code must stay true to it. */

const ROOT = join(import.meta.dir, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const dockerfile = read('Dockerfile');
const unit = read('deploy/holdfast.service');
const example = read('deploy/holdfast.yaml');
const guide = read('docs/operating.md');

function configOf(text: string, env: Record<string, string> = {}): ValidConfig {
  const result = validateConfig(text, { file: 'holdfast.yaml', env });
  expect(result.ok ? result.warnings : result.problems).toEqual([]);
  if (!result.ok) throw new Error('the configuration is not valid');
  return result.config;
}

/** The value of a setting of the unit. */
function setting(name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
}

describe('the example configuration', () => {
  test('is valid without a word of warning, with and without the variable that it takes', () => {
    expect(configOf(example).origins['images']).toMatchObject({ type: 'http' });
    const { images } = configOf(example, { HOLDFAST_ORIGIN: 'https://images.example' }).origins;
    expect(images).toMatchObject({ url: { scheme: 'https' } });
  });

  test('fits the open files that unit and image ask for', () => {
    const needed = filesNeeded(configOf(example));
    expect(Number(setting('LimitNOFILE'))).toBeGreaterThan(2 * needed);
    expect(dockerfile).toContain(`--ulimit nofile=${setting('LimitNOFILE')}`);
  });

  test('drains within the patience of systemd and docker', () => {
    const drainS = configOf(example).server.drainTimeoutMs / 1000;
    expect(Number(setting('TimeoutStopSec'))).toBeGreaterThan(drainS + 5);
    expect(Number(/--stop-timeout (\d+)/.exec(dockerfile)![1])).toBeGreaterThan(drainS + 5);
    expect(guide).toContain(`--stop-timeout ${setting('TimeoutStopSec')}`);
  });
});

describe('the image', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?:--\S+ )?(.+) \S+$/gm)].flatMap((match) =>
    match[1]!.split(' '),
  );

  test('copies what exists and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore').split('\n');
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect({ path, exists: existsSync(join(ROOT, path)) }).toEqual({ path, exists: true });
      expect(allowed).toContain(`!${path}`);
    }
  });

  test('starts the node with the flags of the launcher', () => {
    const flags = /const settings = \[(.*)\]/.exec(read('bin/bun.mjs'))![1]!.match(/--[a-z-]+/g)!;
    const script = read('deploy/holdfast.sh');
    expect(flags.length).toBe(3);
    for (const flag of flags) expect(script).toContain(flag);
    expect(statSync(join(ROOT, 'deploy/holdfast.sh')).mode & 0o111).not.toBe(0);
  });

  test('is not root, and asks the port and path that answer', () => {
    const { admin } = configOf(example);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(dockerfile).toContain(`http://${admin.listen.host}:${admin.listen.port}/healthz`);
    expect(dockerfile).toContain(`EXPOSE ${configOf(example).server.listen.port}`);
  });
});

describe('the guide', () => {
  test('names metrics and options that exist', () => {
    const known = new Set<string>(METRICS.map(({ name }) => name));
    const named = new Set(guide.match(/holdfast_[a-z_]+/g));
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
    expect(named.size).toBeGreaterThan(10);
    const options = read('docs/reference/configuration.md');
    const paths = new Set(
      [...guide.matchAll(/`((?:server|admin|cache)\.[A-Za-z.]+)`/g)].map((match) => match[1]!),
    );
    expect([...paths].filter((path) => !options.includes(`\`${path}\``))).toEqual([]);
    expect(paths.size).toBeGreaterThan(5);
  });

  test('sizes by the constants of the code', () => {
    const blockBytes = 128;
    const arena = new Arena({ capacityBytes: 2 ** 20, blockBytes, segmentBytes: 2 ** 20 });
    expect(guide).toContain(`${GHOST_BYTES} bytes x \`cache.ghosts\``);
    expect(guide).toContain(`${BASE_RESIDENT_BYTES / 2 ** 20} MiB, with all`);
    expect(guide).toContain(
      `blocks of ${blockBytes} bytes charged at ${arena.costBytes(blockBytes)}, and ${METADATA_BYTES} bytes of metadata`,
    );
    for (const gib of [1, 16]) {
      const { capacities } = limitsOf(example.replace('size: 1GiB', `size: ${gib}GiB`), arena.costBytes(1));
      const row = capacities.map(({ objects }) => formatCount(objects)).join(' | ');
      expect(guide).toContain(`| ${gib} GiB | ${row} |`);
    }
    expect(guide).toContain(`The defaults need ${formatCount(filesNeeded(configOf(example)))}`);
  });
});

function limitsOf(text: string, blockBytes: number) {
  const store = {
    segmentBytes: 2 ** 24,
    blockBytes,
    metadataBytesPerEntry: METADATA_BYTES,
    baseResidentBytes: BASE_RESIDENT_BYTES,
    bytesPerGhost: GHOST_BYTES,
  };
  return limits(configOf(text), { totalMemoryBytes: 64 * 2 ** 30 }, store);
}

function filesNeeded(config: ValidConfig): number {
  return limits(config, { totalMemoryBytes: 0 }, { ...NOTHING }).files.needed;
}

const NOTHING = {
  segmentBytes: 1,
  blockBytes: 1,
  metadataBytesPerEntry: 0,
  baseResidentBytes: 0,
  bytesPerGhost: 0,
};
