import { describe, expect, test } from 'bun:test';
import { validateConfig } from '../config/validate.ts';
import { preflight } from './preflight.ts';

const machine = {
  totalMemoryBytes: 8 * 2 ** 30,
  pathKind: async (path: string) =>
    path === '/images' || path === '/logs'
      ? ('directory' as const)
      : path === '/file'
        ? ('file' as const)
        : ('absent' as const),
  readFile: async (path: string) => {
    if (path === '/ca.pem') return 'PEM';
    throw Object.assign(new Error(path), { code: 'ENOENT' });
  },
};

function unmet(more: string): Promise<readonly string[]> {
  const text = `version: 1\norigins: { a: { type: files, root: /images } }\nroutes: [{ name: a, origin: a }]\n`;
  const result = validateConfig(more.includes('origins:') ? more : `${text}${more}`, {
    file: 'f',
    env: {},
    baseDir: '/',
  });
  if (!result.ok) throw new Error(result.problems.map((problem) => problem.reason).join('; '));
  return preflight(result.config, machine);
}

const filesAt = (root: string): string =>
  `version: 1\norigins: { a: { type: files, root: ${root} } }\nroutes: [{ name: a, origin: a }]\n`;
const httpWithCa = (ca: string): string =>
  `version: 1\norigins: { a: { type: http, url: "https://a.example", tls: { ca: ${ca} } } }\nroutes: [{ name: a, origin: a }]\n`;

describe('what a configuration needs of the machine', () => {
  test.each([
    ['all is there', '', undefined],
    ['memory', 'cache: { memory: { size: 9GiB } }\n', 'cache.memory.size: 9 GiB is more than the 8 GiB'],
    ['a root', filesAt('/nope'), 'origins.a.root: /nope: there is no such directory'],
    ['a root that is a file', filesAt('/file'), 'origins.a.root: /file: this is not a directory'],
    ['certificates', httpWithCa('/nope.pem'), 'origins.a.tls.ca: /nope.pem cannot be read (ENOENT)'],
    ['certificates that are there', httpWithCa('/ca.pem'), undefined],
    [
      'a log directory',
      'log: { access: { to: /nope/a.log } }\n',
      'log.access.to: there is no directory /nope',
    ],
    ['a log that is a directory', 'log: { access: { to: /logs } }\n', 'log.access.to: /logs is a directory'],
    ['an audit log', 'log: { audit: { to: /nope/a.jsonl } }\n', 'log.audit.to: there is no directory /nope'],
    [
      'a key',
      'admin: { tls: { cert: /ca.pem, key: /k.pem } }\n',
      'admin.tls.key: /k.pem cannot be read (ENOENT)',
    ],
    ['a log', 'log: { access: { to: /logs/a.log } }\n', undefined],
  ])('%s', async (_, more, said) => {
    const found = await unmet(more);
    if (said === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(said)]);
  });

  test('all at once', async () => {
    expect(
      await unmet(`${filesAt('/nope')}cache: { memory: { size: 9GiB } }\nlog: { access: { to: /nope/a } }\n`),
    ).toHaveLength(3);
  });
});
