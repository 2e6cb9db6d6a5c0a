import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configurationDocs, errorDocs } from '../config/docs.ts';
import { jsonSchemaText } from '../config/schema.ts';
import { config } from './config.ts';
import { init } from './init.ts';
import type { CliIo } from './io.ts';

interface Scene {
  readonly dir: string;
  run(command: 'init' | 'config', ...args: string[]): Promise<{ code: number; out: string; err: string }>;
}

/** A fresh directory and the real file system. */
async function scene(env: Record<string, string>, play: (scene: Scene) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  const run: Scene['run'] = async (command, ...args) => {
    const written = { out: '', err: '' };
    const io: CliIo = {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      readFile: (path) => readFile(path, 'utf8'),
      writeFile: (path, text, { overwrite }) => writeFile(path, text, { flag: overwrite ? 'w' : 'wx' }),
      pathKind: async (path) => {
        const found = await stat(path).catch(() => undefined);
        return found === undefined
          ? 'absent'
          : found.isDirectory()
            ? 'directory'
            : found.isFile()
              ? 'file'
              : 'other';
      },
      env,
      cwd: dir,
      totalMemoryBytes: 2 ** 40,
      isTty: false,
    };
    const code = await (command === 'init' ? init(args, io) : config(args, io));
    return { code, ...written };
  };
  try {
    await play({ dir, run });
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('init writes a file that check accepts, and says what to do next', () =>
  scene({}, async ({ dir, run }) => {
    const written = await run('init', 'https://images.example.com');
    expect(written).toMatchObject({ code: 0, err: '' });
    expect(written.out).toContain('holdfast serve -c holdfast.yaml');
    expect(await readFile(join(dir, 'holdfast.schema.json'), 'utf8')).toBe(jsonSchemaText());
    const checked = await run('config', 'check', 'holdfast.yaml');
    expect(checked).toEqual({ code: 0, out: 'holdfast.yaml is valid: 1 origin, 1 route.\n', err: '' });
  }));

test('init does not overwrite, unless it is told to', () =>
  scene({}, async ({ dir, run }) => {
    await writeFile(join(dir, 'holdfast.yaml'), 'precious');
    const refused = await run('init', 'https://images.example.com');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('--force');
    expect(await readFile(join(dir, 'holdfast.yaml'), 'utf8')).toBe('precious');
    expect(await run('init', 'https://images.example.com', '--force')).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, 'holdfast.yaml'), 'utf8')).toContain('https://images.example.com');
  }));

test('init takes a directory, as seen from the file', () =>
  scene({}, async ({ dir, run }) => {
    await mkdir(join(dir, 'my images'));
    await mkdir(join(dir, 'etc'));
    expect(await run('init', 'my images', '--listen', '0.0.0.0:80')).toMatchObject({ code: 0 });
    const near = await readFile(join(dir, 'holdfast.yaml'), 'utf8');
    expect(near).toContain("root: './my images'");
    expect(near).toContain('listen: 0.0.0.0:80\n');
    expect(await run('init', 'my images', '-o', 'etc/node 1.yaml')).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, 'etc/node 1.yaml'), 'utf8')).toContain(`root: '${dir}/my images'`);
    expect(await run('config', 'check', 'etc/node 1.yaml')).toMatchObject({ code: 0 });
  }));

test('init refuses what cannot be an origin', () =>
  scene({}, async ({ dir, run }) => {
    await writeFile(join(dir, 'file'), '');
    const cases: [string[], number, string][] = [
      [['missing'], 1, 'there is no such directory'],
      [['images.example.com/a'], 1, 'write https://images.example.com/a'],
      [['file'], 1, 'not a directory'],
      [['ftp://x.example'], 1, 'ftp'],
      [['https://me:hunter2@x.example'], 1, 'credential'],
      [['https://x.example', '--listen', '80'], 1, '127.0.0.1:80'],
      [['https://x.example', '-o', 'no/such/f.yaml'], 2, 'directory does not exist'],
      [[], 2, 'where are the images?'],
      [['a', 'b'], 2, 'one origin at a time'],
      [['--colour'], 2, 'no option --colour'],
      [['a', '--output'], 2, 'needs a value'],
    ];
    for (const [args, code, words] of cases) {
      const result = await run('init', ...args);
      expect([args, result.code, result.out]).toEqual([args, code, '']);
      expect(result.err).toContain(words);
      expect(result.err).not.toContain('hunter2');
    }
  }));

test('check tells mistakes with their place, and warnings of a valid file', () =>
  scene({ TOKEN: 'x' }, async ({ dir, run }) => {
    const good = `version: 1
server: { idleTimeout: 10s }
origins: { a: { type: files, root: . } }
routes: [{ name: a, origin: a }]
`;
    await writeFile(join(dir, 'f.yaml'), good);
    const warned = await run('config', 'check', 'f.yaml');
    expect(warned).toMatchObject({ code: 0, out: 'f.yaml is valid: 1 origin, 1 route.\n' });
    expect(warned.err).toContain('warning: f.yaml:2:24  server.idleTimeout');
    await writeFile(join(dir, 'f.yaml'), `${good}admin: { token: "\${TOKEN}" }\n`);
    const refused = await run('config', 'check', 'f.yaml');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('error: f.yaml:5:17  admin.token');
  }));

test('a file that cannot be read is unusable input', () =>
  scene({}, async ({ run }) => {
    const missing = await run('config', 'check', 'none.yaml');
    expect(missing).toMatchObject({ code: 2, out: '' });
    expect(missing.err).toContain('Cannot read none.yaml: there is no such file');
    expect((await run('config', 'check', '.')).err).toContain('this is a directory');
  }));

test('schema and docs are printed; anything else gets the usage', () =>
  scene({}, async ({ run }) => {
    expect(await run('config', 'schema')).toEqual({ code: 0, out: jsonSchemaText(), err: '' });
    expect(await run('config', 'docs')).toEqual({ code: 0, out: configurationDocs(), err: '' });
    expect(await run('config', 'docs', 'errors')).toEqual({ code: 0, out: errorDocs(), err: '' });
    expect(await run('config', '--help')).toMatchObject({ code: 0, err: '' });
    expect(await run('init', '--help')).toMatchObject({ code: 0, err: '' });
    for (const args of [[], ['chek'], ['check'], ['check', '--all'], ['docs', 'x'], ['schema', 'x']]) {
      const result = await run('config', ...args);
      expect(result).toMatchObject({ code: 2, out: '' });
      expect(result.err).toStartWith('holdfast config: ');
    }
  }));

test.skipIf(!existsSync('/dev/zero'))('a device without an end is refused in a sentence', async () => {
  const main = join(import.meta.dir, '../main.ts');
  const child = Bun.spawn([process.execPath, main, 'config', 'check', '/dev/zero'], { stderr: 'pipe' });
  expect(await child.exited).toBe(2);
  expect(await new Response(child.stderr).text()).toStartWith('Cannot read /dev/zero: it has no end');
});
