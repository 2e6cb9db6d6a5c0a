import { describe, expect, test } from 'bun:test';
import { diskObjectBytesMax, diskSegmentBytes } from './disk.ts';
import { validateConfig } from './validate.ts';

const MIB = 2 ** 20;

function validate(disk: string, more = ''): ReturnType<typeof validateConfig> {
  const text = `version: 1
cache:
  memory: { size: 64MiB }
  disk: { ${disk} }
origins:
  o: { type: http, url: 'http://o.example' }
  local: { type: files, root: ./images }
routes:
  - { name: l, match: { paths: ['/l/*'] }, origin: local }
  - { name: r, origin: o${more} }
`;
  return validateConfig(text, { file: 'f', env: {}, baseDir: '/etc/holdfast' });
}

function problems(result: ReturnType<typeof validateConfig>): string[] {
  return (result.ok ? result.warnings : result.problems).map(
    ({ severity, path, reason }) => `${severity} ${path}: ${reason}`,
  );
}

test('defaults, an absolute path, and routes that store what the larger tier takes', () => {
  const result = validate('path: ./cache, size: 10GiB');
  if (!result.ok) throw new Error(problems(result).join('\n'));
  const { cache, routes } = result.config;
  expect(cache.disk).toEqual({
    path: '/etc/holdfast/cache',
    sizeBytes: 10 * 1024 * MIB,
    variantsShare: 50,
    minFreeBytes: 1024 * MIB,
    minFreeInodes: 10_000,
    maxObjectBytes: 63.75 * MIB,
    minResidencyS: 0,
    requireMount: false,
  });
  expect(cache.memory.maxObjectBytes).toBe(16 * MIB);
  expect(routes.map((route) => route.maxObjectBytes)).toEqual([63.75 * MIB, 63.75 * MIB]);
});

test('without the group there is no disk tier', () => {
  const text = `version: 1\norigins: { o: { type: http, url: 'http://o.example' } }\nroutes: [{ name: r, origin: o }]\n`;
  const result = validateConfig(text, { file: 'f', env: {} });
  expect(result.ok && result.config.cache.disk).toBeUndefined();
});

test.each(['./images', './images/', 'images/cache', './a/../images/x', '/etc/holdfast/../holdfast/images'])(
  'a directory in the root of an origin is refused: %p',
  (path) => {
    const found = problems(validate(`path: ${path}, size: 1GiB`));
    // Written from the root, it is only known to be the same where the file lies.
    if (path.startsWith('/')) return expect(found).toEqual([]);
    return expect(found).toEqual([
      'error cache.disk.path: this lies in the root of the origin "local": its files would be served as images',
    ]);
  },
);

test('a directory beside it is not', () => {
  expect(problems(validate('path: ./images-cache, size: 1GiB'))).toEqual([]);
});

test('what cannot be stored is refused, with what can be', () => {
  expect(problems(validate('path: ./c, size: 64MiB, maxObject: 8MiB'))).toEqual([
    'error cache.disk.maxObject: with a size of 64MiB, a response has to fit 7936KiB',
  ]);
  expect(problems(validate('path: ./c, size: 1MiB'))[0]).toContain('below the least allowed, 8MiB');
  expect(problems(validate('path: ./c'))[0]).toContain('error cache.disk');
  expect(problems(validate('path: ./c, size: 1GiB', ', maxObject: 64MiB'))[0]).toContain(
    'cache.disk.maxObject',
  );
});

test('a disk tier that is smaller than memory is worth a warning', () => {
  expect(problems(validate('path: ./c, size: 32MiB'))[0]).toContain('warning cache.disk.size');
});

test('segments: at least eight, at most 64 MiB below 64 GiB, and about a thousand above', () => {
  for (const sizeMib of [8, 9, 100, 511, 512, 4096, 65_536, 100_000, 1_048_576, 16_777_216]) {
    const segmentBytes = diskSegmentBytes(sizeMib * MIB);
    expect(segmentBytes).toBeGreaterThanOrEqual(MIB);
    expect(segmentBytes).toBeLessThanOrEqual(1024 * MIB);
    expect(Math.floor((sizeMib * MIB) / segmentBytes)).toBeGreaterThanOrEqual(8);
    expect(diskObjectBytesMax(sizeMib * MIB)).toBeLessThan(segmentBytes);
  }
  expect(diskSegmentBytes(2 ** 40)).toBe(1024 * MIB);
});

describe('the traffic record', () => {
  const config = (root: string, traffic: string) =>
    validateConfig(
      `version: 1
origins: { local: { type: files, root: "${root}" } }
routes: [{ name: all, origin: local }]
traffic: ${traffic}
`,
      { file: 't.yaml', env: {}, baseDir: '/srv/site' },
    );

  test.each([
    ['./images', '{}', '/srv/site/holdfast-traffic'],
    ['.', '{}', '/srv/site/.holdfast-traffic'],
    ['/srv', '{}', '/srv/site/.holdfast-traffic'],
    ['.', '{ path: .record }', '/srv/site/.record'],
    ['.', '{ path: /var/lib/record }', '/var/lib/record'],
  ])('of a site served from %s, with %s, lies in %s', (root, traffic, path) => {
    const result = config(root, traffic);
    expect(result.ok && result.config.traffic.path).toBe(path);
  });

  test('is never where it would be served', () => {
    const result = config('.', '{ path: ./record }');
    expect(problems(result)).toEqual([
      'error traffic.path: this lies in the root of the origin "local": whoever asks would get the record and its key',
    ]);
    expect(config('.', '{ path: ./record, record: false }').ok).toBe(true);
  });
});
