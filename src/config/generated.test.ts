import { describe, expect, test } from 'bun:test';
import { ERROR_CODES } from '../base/errors.ts';
import { seededRandom } from '../base/random.ts';
import { configForOrigin } from './defaults.ts';
import { describe as describeOptions } from './describe.ts';
import { configurationDocs, errorDocs } from './docs.ts';
import { formatProblems } from './problem.ts';
import { jsonSchema, jsonSchemaText } from './schema.ts';
import { validateConfig } from './validate.ts';

const root = new URL('../../', import.meta.url);
const committed = (path: string): Promise<string> => Bun.file(new URL(path, root)).text();

describe('committed files are what the tables say', () => {
  test('holdfast.schema.json (holdfast config schema > holdfast.schema.json)', async () => {
    expect(await committed('holdfast.schema.json')).toBe(jsonSchemaText());
  });
  test('docs/reference/configuration.md (holdfast config docs > ...)', async () => {
    expect(await committed('docs/reference/configuration.md')).toBe(configurationDocs());
  });
  test('docs/reference/errors.md (holdfast config docs errors > ...)', async () => {
    expect(await committed('docs/reference/errors.md')).toBe(errorDocs());
  });
});

const options = describeOptions();
const leaves = options.filter((option) => option.meta.kind !== 'group');

test.each(leaves.map((option) => [`${option.path} ${option.variant ?? ''}`.trim(), option] as const))(
  '%s says what it needs to',
  (_, option) => {
    const { meta } = option;
    expect(meta.about).toMatch(/^[A-Za-z0-9"].*[.:]?$/);
    expect(meta.expects).not.toBe('');
    expect(meta.effect).toBeOneOf(['live', 'restart']);
    if (meta.kind === 'size' || meta.kind === 'duration')
      expect([meta.min, meta.max]).not.toContain(undefined);
    // The unit of the parsed number is in its name.
    const suffixes = meta.kind === 'size' ? ['Bytes'] : meta.kind === 'duration' ? ['Ms', 'S'] : [undefined];
    expect(suffixes).toContain(meta.suffix);
  },
);

test('every option is in the reference, with its bounds, default and prose', () => {
  const page = configurationDocs();
  for (const option of leaves) {
    if (option.path === 'origins' || option.path === 'routes') {
      expect(page).toContain(`## \`${option.path}\``);
      continue;
    }
    const row = page
      .split('\n')
      .find((line) => line.startsWith(`| \`${option.path}\` |`) && line.includes(option.meta.about));
    expect([option.path, row]).toEqual([option.path, expect.stringContaining(option.meta.expects)]);
    if (typeof option.fallback === 'string') expect(row).toContain(`\`${option.fallback}\``);
  }
});

interface Node {
  readonly description?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: { readonly oneOf: readonly Node[] };
}

/** Where the schema keeps what the table calls `origins.<name>.url` and `routes[].ttl.min`. */
function inSchema(path: string, variant: string | undefined): Node | undefined {
  let node: Node | undefined = jsonSchema();
  for (const step of path.replaceAll('[]', '.[]').split('.')) {
    if (step === '[]') node = node?.items;
    else if (step === '<name>') {
      node = node?.additionalProperties?.oneOf.find((kind) => kind.properties?.['type']?.const === variant);
    } else node = node?.properties?.[step];
  }
  return node;
}

test('no line and no section is in the reference twice', () => {
  const lines = configurationDocs().split('\n');
  const sections = lines.filter((line) => line.startsWith('## '));
  expect(sections).toEqual([...new Set(sections)]);
  // Types of origins have tables of their own, in which some options are alike.
  const rows = lines.filter((line) => line.startsWith('| `') && !/^\| `origins\.<name>\.\w+` /.test(line));
  expect(rows).toEqual([...new Set(rows)]);
});

test('every option is in the schema, with its prose', () => {
  for (const option of options) {
    expect([option.path, inSchema(option.path, option.variant)?.['description']]).toEqual([
      option.path,
      expect.stringContaining(option.meta.about),
    ]);
  }
});

test('the schema closes every group and demands what has no default', () => {
  const schema = jsonSchema();
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    additionalProperties: false,
    required: ['version', 'origins', 'routes'],
  });
  for (const option of options) {
    if (option.meta.kind === 'group')
      expect(inSchema(option.path, option.variant)).toMatchObject({ additionalProperties: false });
  }
});

test('every error is in the reference, and nothing else is', () => {
  const codes = [...errorDocs().matchAll(/^\| `([a-z-]+)` \| \d/gm)].map((match) => match[1]!);
  expect(codes).toEqual([...ERROR_CODES]);
});

describe('starter files', () => {
  const origins = [
    'https://images.example.com',
    'http://10.0.0.1:8000/base path/x',
    'http://[::1]:9000',
    'HTTPS://EXAMPLE.com/',
    './images',
    '/srv/images',
    '.',
    'true',
    '1.5',
    '.inf',
    'null',
    "it's: a #dir",
    `a\${HOME}b`,
    '- x',
    '*',
    '&a',
    '!tag',
    '{a}',
    '日本',
  ];
  test.each(origins)('for %s is valid, without warnings, and leads there', (origin) => {
    const starter = configForOrigin(origin, { schema: 'holdfast.schema.json' });
    if (!starter.ok) throw new Error(`${starter.reason}: ${starter.remedy}`);
    const result = validateConfig(starter.text, { file: 'holdfast.yaml', env: {} });
    if (!result.ok) throw new Error(formatProblems(result.problems, { color: false }));
    expect(result.warnings).toEqual([]);
    const configured = result.config.origins['images']!;
    expect(configured.type).toBe(starter.kind);
    if (configured.type === 'files') expect(configured.root).toBe(origin);
    else if (configured.type === 'http') expect(configured.url.hostname).toBe(new URL(origin).hostname);
    expect(starter.text).toStartWith('# yaml-language-server: $schema=holdfast.schema.json\n');
  });

  test.each([
    ['s3://images', undefined, { bucket: 'images', prefix: undefined, endpoint: undefined }],
    ['s3://my.images/', undefined, { bucket: 'my.images', prefix: undefined }],
    [`s3://my.images-2/a b/\${c}/`, 'http://127.0.0.1:9000', { bucket: 'my.images-2', prefix: `a b/\${c}` }],
  ])('for %s leads to the bucket', (origin, endpoint, expected) => {
    const starter = configForOrigin(origin, { endpoint });
    if (!starter.ok) throw new Error(`${starter.reason}: ${starter.remedy}`);
    expect(starter.kind).toBe('s3');
    const env = { AWS_REGION: 'eu-west-1' };
    const result = validateConfig(starter.text, { file: 'holdfast.yaml', env });
    if (!result.ok) throw new Error(formatProblems(result.problems, { color: false }));
    expect(result.warnings).toEqual([]);
    const configured = result.config.origins['images']!;
    expect(configured).toMatchObject({ ...expected, type: 's3', region: 'eu-west-1' });
    expect(configured.type === 's3' && configured.endpoint?.port).toBe(
      endpoint === undefined ? undefined : 9000,
    );
  });

  test.each([
    ['s3://', 'this is not the name of a bucket'],
    ['s3://Images', 'the name of a bucket has no capital letters'],
    ['s3://images?region=x', 'a bucket has no query'],
  ])('for %s there is none', (origin, reason) => {
    expect(configForOrigin(origin)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
  });

  test('what they show is what would be without it', () => {
    const starter = configForOrigin('./images');
    const minimal =
      'version: 1\norigins: { images: { type: files, root: ./images } }\nroutes: [{ name: images, origin: images }]\n';
    const [full, bare] = [starter.ok ? starter.text : '', minimal].map((text) =>
      validateConfig(text, { file: 'f', env: {} }),
    );
    expect(full).toEqual(bare!);
  });

  test('take what the command line says', () => {
    const starter = configForOrigin('./images', {
      listen: '127.0.0.1:0',
      adminListen: '[::1]:0',
      memorySize: '64MiB',
    });
    const result = validateConfig(starter.ok ? starter.text : '', { file: 'f', env: {} });
    expect(result).toMatchObject({
      ok: true,
      config: {
        server: { listen: { host: '127.0.0.1', port: 0 } },
        admin: { listen: { host: '::1', port: 0 } },
        cache: { memory: { sizeBytes: 64 * 1024 ** 2 } },
      },
    });
  });

  test.each([
    ['images.example.com', {}, 'without a scheme', 'https://images.example.com'],
    ['localhost:8000', {}, 'without a scheme', 'http://localhost:8000'],
    ['ftp://example.com', {}, 'ftp', 'http'],
    ['https://u:p@example.com', {}, 'credential', 'headers'],
    ['~/images', {}, '~', 'whole path'],
    ['', {}, 'neither', 'directory'],
    ['a\nb', {}, 'neither', 'directory'],
    ['http://127.0.0.1:8080', {}, 'own public port', 'port of the origin'],
    ['./x', { listen: '8080' }, 'only a port', '127.0.0.1:8080'],
    ['./x', { adminListen: '0.0.0.0:9090' }, 'other machines', 'allowRemote'],
    ['./x', { memorySize: '64' }, 'no unit', '64MiB'],
  ] as const)('%p %p is refused', (origin, options_, reason, remedy) => {
    const starter = configForOrigin(origin, options_);
    if (starter.ok) throw new Error('accepted');
    expect(starter.reason).toContain(reason);
    expect(starter.remedy).toContain(remedy);
  });

  test('whatever is accepted is valid', () => {
    const random = seededRandom(11);
    const alphabet = [
      'http',
      'https',
      '://',
      ':',
      '/',
      '.',
      'a',
      '0',
      '$',
      '{',
      '}',
      "'",
      '"',
      '#',
      ' ',
      '@',
      '%',
      '\\',
      '[',
      ']',
      '?',
      '\t',
      'é',
      '\u0085',
      '-',
    ];
    for (let i = 0; i < 1500; i += 1) {
      const origin =
        (i % 2 === 0 ? 'https://' : '') +
        Array.from({ length: random.u32() % 8 }, () => alphabet[random.u32() % alphabet.length]).join('');
      const starter = configForOrigin(origin);
      if (!starter.ok) continue;
      const result = validateConfig(starter.text, { file: 'f', env: {} });
      expect([origin, result.ok]).toEqual([origin, true]);
      if (result.ok && starter.kind === 'files')
        expect(result.config.origins['images']).toEqual({ type: 'files', root: origin });
    }
  });
});
