import { describe, expect, test } from 'bun:test';
import { OPERATIONS } from '../image/rules.ts';
import { changesBetween } from './changes.ts';
import type { ValidConfig } from './config.ts';
import { formatProblems } from './problem.ts';
import { validateConfig } from './validate.ts';

const KEY = '0123456789abcdef0123456789abcdef';

function file(images: string, more = ''): string {
  return `version: 1
origins:
  o: { type: http, url: 'http://o.example' }
routes:
  - { name: plain, origin: o, match: { paths: ['/plain/*'] } }
  - { name: other, origin: o, match: { paths: ['/other/*'] }, images: { originals: plain } }
  - { name: signed, origin: o, match: { paths: ['/signed/*'] }, images: { signing: { keys: [{ key: ${KEY} }] } } }
  - { name: uncached, origin: o, match: { paths: ['/uncached/*'] }, cache: false }
  - name: pictures
    origin: o
    images: ${images}
${more}`;
}

function check(text: string, env: Record<string, string> = {}): string[] {
  const result = validateConfig(text, { file: 'f', env });
  return (result.ok ? result.warnings : result.problems).map(
    ({ severity, path, reason, remedy }) => `${severity} ${path}: ${reason}; ${remedy}`,
  );
}

function valid(text: string, env: Record<string, string> = {}): ValidConfig {
  const result = validateConfig(text, { file: 'f', env });
  if (!result.ok) throw new Error(formatProblems(result.problems, { color: false }));
  expect(result.warnings).toEqual([]);
  return result.config;
}

test('a route with images and nothing else said of them', () => {
  const route = valid(file('{}')).routes[4]!;
  expect(route.key.query).toBe('none');
  expect(route.images).toEqual({
    rules: {
      grammar: 'imgix',
      defaults: '',
      presets: {},
      presetsOnly: false,
      formats: ['avif', 'webp', 'jpeg', 'png', 'gif'],
      operations: [...OPERATIONS],
      widths: [],
      otherWidths: 'snap',
      sideMax: 4096,
      dprMax: 3,
      quality: 'auto',
      qualityMin: 1,
      qualityMax: 100,
      hints: [],
      signing: undefined,
      overlays: [],
      originalQuery: 'none',
    },
    originals: 'pictures',
    provisional: [],
    provisionalLifetimeS: 60,
    onFailure: 'original',
    fallbackLifetimeS: 10,
    maxVariants: 100,
    maxVariantBytes: 64 * 1024 ** 2,
  });
  expect(valid(file('{}')).routes[0]!.images).toBeUndefined();
});

test('everything said', () => {
  const config = valid(
    file(
      `
      originals: plain
      formats: [webp, jpeg, avif]
      defaults: auto=format&q=70
      presets: { hero: w=1600&h=600&fit=crop, card_small: 'w=300' }
      presetsOnly: true
      operations: [resize, crop, quality, overlay]
      widths: [1600, 300]
      otherWidths: refuse
      maxSide: 2000
      maxDpr: 2
      quality: 70
      minQuality: 40
      maxQuality: 90
      hints: [dpr]
      signing: { required: false, keys: [ { key: "\${KEY}" } ] }
      overlays: ['/logos/*']
      provisional: [avif]
      provisionalLifetime: 5m
      fallbackLifetime: 1m
      variants: { max: 7, size: 1MiB }
    key: { query: [v] }
`,
      `images: { concurrency: 2, memory: 512MiB, timeout: 5s, queue: { max: 9, timeout: 1s, size: 64MiB }, maxInput: 8MiB }
`,
    ),
    { KEY },
  );
  expect(config.images).toEqual({
    concurrency: 2,
    memoryBytes: 512 * 1024 ** 2,
    timeoutMs: 5000,
    queue: { max: 9, timeoutMs: 1000, sizeBytes: 64 * 1024 ** 2 },
    maxInputBytes: 8 * 1024 ** 2,
    maxPixels: 100_000_000,
    maxOutputPixels: 40_000_000,
    maxFrames: 300,
  });
  expect(config.routes[4]!.images).toMatchObject({
    rules: {
      presets: { hero: 'w=1600&h=600&fit=crop', card_small: 'w=300' },
      widths: [300, 1600],
      signing: { required: false, keys: [{ key: KEY, salt: undefined }] },
      originalQuery: { allow: ['v'] },
    },
    originals: 'plain',
    provisional: ['avif'],
    provisionalLifetimeS: 300,
    onFailure: 'error',
    maxVariants: 7,
    maxVariantBytes: 1024 ** 2,
  });
});

test('what is guarded is not given out as it is when something fails', () => {
  const onFailure = (images: string) => valid(file(images)).routes[4]!.images!.onFailure;
  expect(onFailure('{}')).toBe('original');
  expect(onFailure(`{ signing: { keys: [{ key: ${KEY} }] } }`)).toBe('error');
  expect(onFailure(`{ signing: { required: false, keys: [{ key: ${KEY} }] } }`)).toBe('original');
  expect(onFailure("{ presetsOnly: true, presets: { a: 'w=1' } }")).toBe('error');
  expect(onFailure("{ overlays: ['/logos/*'] }")).toBe('error');
  expect(onFailure("{ overlays: ['/logos/*'], onFailure: original }")).toBe('original');
});

describe('mistakes', () => {
  const at = 'error routes[4].images';
  test.each([
    [
      '{ grammar: imgx }',
      `${at}.grammar: expected imgix, cloudflare, imgproxy or next, found "imgx"; did you mean`,
    ],
    ['{ originals: plian }', `${at}.originals: there is no route "plian"; did you mean "plain"?`],
    [
      '{ originals: other }',
      `${at}.originals: "other" has no originals of its own: it takes them from "plain"`,
    ],
    ['{ originals: signed }', `${at}.originals: addresses of "signed" have to be signed, and those of this`],
    ['{ originals: uncached }', `${at}.originals: "uncached" has cache: false`],
    ['{ formats: [avif, webp] }', `${at}.formats: nothing in the list is shown by every browser`],
    ['{ formats: [jpg] }', `${at}.formats[0]: expected avif, webp, jpeg, png or gif, found "jpg"`],
    ['{ formats: [jpeg], provisional: [avif] }', `${at}.provisional: nothing stands in for avif here`],
    ['{ formats: [jpeg, avif], provisional: [avif] }', `${at}.provisional: what stands in for avif is webp`],
    ['{ provisional: [webp] }', `${at}.provisional[0]: expected avif, found "webp"`],
    ['{ defaults: w=wide }', `${at}.defaults: w is not a number; it goes from 0.5 to 65535; write options`],
    ["{ defaults: '?w=1' }", `${at}.defaults: these are not image options`],
    ['{ defaults: wdth=4 }', `${at}.defaults: there is a name in it that is no option`],
    ['{ presets: { a: fm=avif }, formats: [jpeg] }', `${at}.presets.a: the format avif is not allowed here`],
    ['{ presets: { a: blur=5 }, operations: [resize] }', `${at}.presets.a: options for blur are not allowed`],
    ['{ presets: { a: q=5 }, minQuality: 20 }', `${at}.presets.a: the quality is 5`],
    ["{ presets: { ../a: 'w=1' } }", `${at}.presets["../a"]: this is not a name for a preset`],
    ['{ presetsOnly: true }', `${at}.presetsOnly: nothing can be asked for: there is no preset`],
    [
      "{ originals: plain, grammar: next, presets: { a: 'w=1' } }",
      `${at}.presets: addresses of the grammar next cannot name presets`,
    ],
    ['{ widths: [100, 5000] }', `${at}.widths[1]: 5000 is above maxSide (4096); raise maxSide`],
    ['{ widths: [100, 100] }', `${at}.widths[1]: 100 is listed twice`],
    ['{ widths: [0] }', `${at}.widths[0]: 0 is below the least allowed, 1`],
    ['{ quality: 101 }', `${at}.quality: 101 is above the most allowed, 100`],
    ['{ minQuality: 60, maxQuality: 50 }', `${at}.minQuality: minQuality (60) is above maxQuality (50)`],
    [
      '{ quality: 30, minQuality: 40 }',
      `${at}.quality: 30 is not between minQuality (40) and maxQuality (100)`,
    ],
    ['{ hints: [viewport] }', `${at}.hints[0]: expected dpr, width or save-data, found "viewport"`],
    ['{ signing: { keys: [] } }', `${at}.signing.keys: the list is empty`],
    [
      '{ signing: { keys: [{ key: hush-hush }] } }',
      `${at}.signing.keys[0].key: the key has fewer than 16 bytes`,
    ],
    [
      `{ grammar: imgproxy, signing: { keys: [{ key: ${KEY.slice(2)} }] } }`,
      `${at}.signing.keys[0].key: the key has fewer than 16 bytes`,
    ],
    [
      '{ grammar: imgproxy, signing: { keys: [{ key: hush-hush-hush-hush-hush }] } }',
      `${at}.signing.keys[0].key: a key of imgproxy is an even number of hexadecimal digits`,
    ],
    [
      `{ grammar: imgproxy, signing: { keys: [{ key: ${KEY}, salt: hush }] } }`,
      `${at}.signing.keys[0].salt: a salt of imgproxy is an even number of hexadecimal digits`,
    ],
    [
      `{ signing: { keys: [{ key: ${KEY}, salt: ab }] } }`,
      `${at}.signing.keys[0].salt: signatures of the grammar imgix have no salt`,
    ],
    ['{ overlays: [logos] }', `${at}.overlays[0]: a path starts with /`],
    ['{ maxSide: 20000 }', `${at}.maxSide: 20000 is above the most allowed, 16384`],
  ])('%s', (images, expected) => {
    const found = check(file(images));
    expect(found.length).toBe(1);
    expect(found[0]).toStartWith(expected);
    expect(found[0]).not.toContain('hush');
  });

  test('a route that stores nothing has no originals', () => {
    expect(check(file('{}\n    cache: false'))[0]).toStartWith(
      'error routes[4].images: this route has cache: false, so that each variant would fetch its original anew',
    );
  });

  test('of the node', () => {
    const images = (text: string) => check(file('{}', `images: ${text}\n`))[0];
    expect(images('{ queue: { size: 1MiB } }')).toStartWith(
      'error images.queue.size: an original of maxInput (64MiB) never finds room in 1MiB',
    );
    expect(images('{ maxInput: 512MiB }')).toStartWith(
      'error images.maxInput: an original of maxInput (512MiB)',
    );
    expect(images('{ concurrency: 65 }')).toStartWith(
      'error images.concurrency: 65 is above the most allowed, 64',
    );
    const none =
      "version: 1\norigins: { o: { type: http, url: 'http://o.example' } }\nroutes: [{ name: r, origin: o }]\n";
    expect(check(`${none}images: { timeout: 5s }`)).toEqual([
      'warning images: these settings have no effect: no route has images; add images to a route, or remove them',
    ]);
  });
});

test.each([
  ['{ otherWidths: refuse }', 'otherWidths has no effect'],
  ["{ overlays: ['/a.png'], operations: [resize] }", 'overlays has no effect'],
  ["{ originals: plain, grammar: next, overlays: ['/a.png'] }", 'cannot name overlays'],
  ['{ originals: plain, grammar: next, hints: [dpr] }', 'addresses of the grammar next say the width'],
  ['{ grammar: next }', 'can name any path of the origin "o"'],
  ['{ grammar: imgproxy, onFailure: error }', 'can name any path of the origin "o"'],
])('a warning: %s', (images, expected) => {
  const found = check(file(images));
  expect(found.length).toBe(1);
  expect(found[0]).toMatch(new RegExp(`^warning .*${expected}`));
});

test('digits that YAML takes for a number are not repeated either', () => {
  const [found] = check(
    file('{ grammar: imgproxy, signing: { keys: [{ key: 736563726574736563726574736563726574 }] } }'),
  );
  expect(found).toContain('the secret is not a text; put it in quotes');
  expect(found).not.toContain('7.36');
});

test('originals may come through a route that makes variants of them itself', () => {
  expect(
    check(
      file('{ grammar: cloudflare, originals: own }')
        .replace('name: other,', 'name: own,')
        .replace('{ originals: plain }', '{}'),
    ),
  ).toEqual([]);
});

test('keys are never shown', () => {
  const secret = 's3cr3t-value-0123456789';
  for (const images of [
    `{ signing: { keys: [{ key: ${secret}, salt: ${secret} }] } }`,
    `{ signing: { keys: [{ key: "${secret} x" }] } }`,
    `{ signing: { keys: [{ kee: ${secret} }] } }`,
    `{ grammar: imgproxy, signing: { keys: [{ key: ${secret} }] } }`,
    `{ signing: { keys: ${secret} } }`,
  ]) {
    const result = validateConfig(file(images), { file: 'f', env: {} });
    expect(result.ok).toBe(false);
    const problems = result.ok ? [] : result.problems;
    expect(formatProblems(problems, { color: true }) + JSON.stringify(problems)).not.toContain('s3cr3t');
  }
});

test('changes are named as in the file, and keys not shown', () => {
  const changes = (a: string, b: string) =>
    changesBetween(valid(file(a)), valid(file(b))).map(({ path, effect }) => `${path} ${effect}`);
  expect(changes('{}', '{}')).toEqual([]);
  expect(changes('{}', '{ maxSide: 99, minQuality: 2, variants: { size: 1MiB }, widths: [5] }')).toEqual([
    'routes[pictures].images.widths live',
    'routes[pictures].images.maxSide live',
    'routes[pictures].images.minQuality live',
    'routes[pictures].images.variants.size live',
  ]);
  const keys = (key: string) => `{ signing: { keys: [{ key: ${key} }] } }`;
  expect(changes(keys(KEY), keys(`${KEY}x`))).toEqual(['routes[pictures].images.signing.keys live']);
});
