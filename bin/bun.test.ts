import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A copy of the launcher, installed as a dependency of some project would be. */
let project: string;
const SCRIPT = `
const [what] = process.argv.slice(2);
if (what === 'wait') {
  process.on('SIGTERM', () => process.exit(9));
  setInterval(() => undefined, 1000);
}
console.log(JSON.stringify(process.argv.slice(2)));
if (what === 'exit') process.exit(7);
if (what === 'die') process.kill(process.pid, 'SIGKILL');
if (what === 'env') console.log(process.env.FROM_DOT_ENV ?? 'clean');
`;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'holdfast-bin-'));
  const installed = join(project, 'node_modules', 'holdfast');
  await mkdir(join(installed, 'src'), { recursive: true });
  await cp(import.meta.dir, join(installed, 'bin'), { recursive: true });
  await cp(join(import.meta.dir, '..', 'package.json'), join(installed, 'package.json'));
  await writeFile(join(installed, 'src', 'main.ts'), SCRIPT);
  await writeFile(join(project, '.env'), 'FROM_DOT_ENV=leaked\n');
  await writeFile(join(project, 'bunfig.toml'), 'preload = ["./missing.ts"]\n');
});
afterAll(() => rm(project, { recursive: true, force: true }));

const node = Bun.which('node')!;

function launch(path: string, ...args: string[]) {
  return Bun.spawn([node, join(project, 'node_modules/holdfast/bin/holdfast.mjs'), ...args], {
    cwd: project,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    env: { PATH: path },
  });
}

/** A folder with nothing but a `bun` in it, as on a user's PATH. */
async function pathWithBun(): Promise<string> {
  const folder = await mkdtemp(join(project, 'path-'));
  await symlink(process.execPath, join(folder, 'bun'));
  return folder;
}

describe('the launcher', () => {
  test('says what is missing when there is no Bun, with 127', async () => {
    const run = launch('/nonexistent');
    expect(await run.stderr.text()).toContain('no Bun runtime found');
    expect(await run.exited).toBe(127);
  });

  test('passes arguments and exit codes, and 128 plus the signal when killed', async () => {
    const path = await pathWithBun();
    const ends = async (...args: string[]): Promise<[string, number]> => {
      const run = launch(path, ...args);
      return [(await run.stdout.text()).trim(), await run.exited];
    };
    expect(await ends('exit', '--flag', 'a b')).toEqual(['["exit","--flag","a b"]', 7]);
    expect(await ends('die')).toEqual(['["die"]', 137]);
  });

  test('forwards SIGTERM', async () => {
    const run = launch(await pathWithBun(), 'wait');
    for await (const chunk of run.stdout) {
      expect(new TextDecoder().decode(chunk)).toContain('wait');
      run.kill('SIGTERM');
    }
    expect(await run.exited).toBe(9);
  });

  test('takes nothing from the directory it is started in: no .env, no bunfig.toml', async () => {
    const run = launch(await pathWithBun(), 'env');
    expect(await run.stdout.text()).toBe('["env"]\nclean\n');
    expect(await run.exited).toBe(0);
  });

  test('uses the platform package when install scripts were off and the bun package is a stub', async () => {
    const modules = join(project, 'node_modules');
    const name = `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
    const platform = join(modules, '@oven', name);
    await mkdir(join(platform, 'bin'), { recursive: true });
    await mkdir(join(modules, 'bun', 'bin'), { recursive: true });
    await writeFile(join(platform, 'package.json'), '{}');
    await writeFile(join(modules, 'bun', 'package.json'), '{}');
    await writeFile(join(modules, 'bun', 'bin', 'bun.exe'), '#!/bin/sh\nexit 99\n', { mode: 0o755 });
    await symlink(process.execPath, join(platform, 'bin', 'bun'));
    const run = launch(dirname('/nonexistent/bun'), 'exit');
    expect(await run.exited).toBe(7);
  });
});
