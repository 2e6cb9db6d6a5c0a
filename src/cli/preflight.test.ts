import { describe, expect, test } from 'bun:test';
import { validateConfig } from '../config/validate.ts';
import { preflight } from './preflight.ts';

const machine = {
  env: { AWS_ACCESS_KEY_ID: 'AK' } as Record<string, string>,
  totalMemoryBytes: 8 * 2 ** 30,
  pathKind: async (path: string) =>
    path === '/images' || path === '/logs'
      ? ('directory' as const)
      : path === '/file'
        ? ('file' as const)
        : ('absent' as const),
  readFile: async (path: string) => {
    if (path === '/ca.pem') return 'PEM';
    if (path === '/keys') return '[default]\naws_access_key_id = AK\naws_secret_access_key = hidden\n';
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

const s3With = (credentials: string): string =>
  `version: 1\norigins: { a: { type: s3, bucket: images${credentials} } }\nroutes: [{ name: a, origin: a }]\n`;

test.each([
  ['/file', 'cache.disk.path: /file is not a directory'],
  ['/images/cache', 'lies in the root of the origin "a"'],
  ['/images', 'lies in the root of the origin "a"'],
  ['/new', undefined],
  ['/logs', undefined],
  ['/images-cache', undefined],
])('a disk tier at %s', async (path, trouble) => {
  // The root relative: else the text alone tells.
  const text = filesAt('images');
  const found = await unmet(`${text}cache: { disk: { path: ${path}, size: 1GiB } }\n`);
  expect(found).toEqual(trouble === undefined ? [] : [expect.stringContaining(trouble)]);
});

test.each([
  ['traffic: { path: /file }\n', 'traffic.path: /file is not a directory; name one'],
  ['traffic: { path: /file, record: false }\n', undefined],
  ['traffic: { path: /logs }\n', undefined],
  ['traffic: { path: /new }\n', undefined],
])('a traffic record with %p', async (text, trouble) => {
  expect(await unmet(text)).toEqual(trouble === undefined ? [] : [expect.stringContaining(trouble)]);
});

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
    ['keys in the environment', s3With(''), 'origins.a.credentials: AWS_SECRET_ACCESS_KEY is not set'],
    ['no keys', s3With(', credentials: { from: anonymous }'), undefined],
    ['keys in a file', s3With(', credentials: { from: file, file: /keys }'), undefined],
    [
      'keys in a file that is not there',
      s3With(', credentials: { from: file, file: /nope }'),
      'origins.a.credentials.file: /nope cannot be read (ENOENT)',
    ],
    [
      'keys of another profile',
      s3With(', credentials: { from: file, file: /keys, profile: b }'),
      'origins.a.credentials.file: /keys: there is no profile "b" in it',
    ],
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
