import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { FAVOURS, POLICY_NAMES } from '../policy/policy.ts';
import type { ValidConfig } from './config.ts';
import { DEFAULT_POLICY, FAVOUR_SIDES, POLICIES } from './options.ts';
import { formatProblems, type Problem } from './problem.ts';
import { validateConfig } from './validate.ts';

const MINIMAL = `version: 1
origins:
  images: { type: http, url: 'https://images.example.com/base/' }
routes:
  - { name: images, origin: images }
`;

function valid(text: string, env: Record<string, string> = {}, baseDir?: string): ValidConfig {
  const options = { file: 'f.yaml', env, ...(baseDir === undefined ? {} : { baseDir }) };
  const result = validateConfig(text, options);
  if (!result.ok) throw new Error(formatProblems(result.problems, { color: false }));
  return result.config;
}

function problems(text: string, env: Record<string, string> = {}): readonly Problem[] {
  const result = validateConfig(text, { file: 'f.yaml', env });
  return result.ok ? result.warnings : result.problems;
}

test('policies are exactly those that exist', () => {
  expect([...POLICIES]).toEqual([...POLICY_NAMES, 'auto']);
  expect(POLICY_NAMES[0]).toBe(DEFAULT_POLICY);
  expect([...FAVOUR_SIDES]).toEqual([...FAVOURS]);
});

test('what identifies is enough; everything else has a default', () => {
  expect(valid(MINIMAL)).toEqual({
    version: 1,
    server: {
      listen: { host: '127.0.0.1', port: 8080 },
      workers: 1,
      maxConnections: 10_000,
      maxFetches: 4096,
      maxConnectionsPerClient: 0,
      headTimeoutMs: 10_000,
      idleTimeoutMs: 75_000,
      stallTimeoutMs: 30_000,
      minSendRateBytes: 1024,
      maxRequestBodyBytes: 16 * 1024 ** 2,
      drainDelayMs: 0,
      drainTimeoutMs: 30_000,
    },
    admin: {
      listen: { host: '127.0.0.1', port: 9090 },
      allowRemote: false,
      token: undefined,
      tokens: [],
      tls: { cert: undefined, key: undefined },
    },
    cache: {
      memory: {
        sizeBytes: 512 * 1024 ** 2,
        policy: 'greedy-dual',
        favour: 'balanced',
        minResidencyS: 1,
        pinnedShare: 50,
        variantsShare: 50,
        maxObjectBytes: 32 * 1024 ** 2,
      },
      ghosts: 262_144,
    },
    images: {
      concurrency: 'auto',
      memoryBytes: 1024 ** 3,
      timeoutMs: 30_000,
      queue: { max: 500, timeoutMs: 10_000, sizeBytes: 256 * 1024 ** 2 },
      maxInputBytes: 64 * 1024 ** 2,
      maxPixels: 100_000_000,
      maxOutputPixels: 40_000_000,
      maxFrames: 300,
    },
    origins: {
      images: {
        type: 'http',
        url: {
          scheme: 'https',
          hostname: 'images.example.com',
          port: 443,
          basePath: '/base',
          authority: 'images.example.com',
        },
        timeouts: { connectMs: 2000, firstByteMs: 10_000, idleMs: 10_000, totalMs: 60_000 },
        maxBodyBytes: 256 * 1024 ** 2,
        redirects: { follow: 0, crossHost: false },
        tls: { verify: true, ca: undefined, serverName: undefined },
        connections: 64,
        queue: { max: 1024, timeoutMs: 10_000 },
        retry: { max: 1, budget: 10, status: [502, 503, 504] },
        breaker: {
          enabled: true,
          failureShare: 50,
          minRequests: 20,
          windowMs: 10_000,
          consecutive: 10,
          openForMs: 5_000,
          maxOpenForMs: 60_000,
          probes: 3,
          status: [429, 502, 503, 504],
        },
        health: undefined,
        host: undefined,
        headers: {},
      },
    },
    routes: [
      {
        name: 'images',
        match: { hosts: ['*'], paths: ['/*'] },
        origin: 'images',
        failover: undefined,
        deadlineMs: 30_000,
        hedgeAfterMs: undefined,
        stripPrefix: undefined,
        cache: true,
        pinned: false,
        key: { host: false, query: 'all' },
        ttl: {
          defaultS: undefined,
          minS: undefined,
          overrideS: undefined,
          negativeS: 10,
          negativeMaxS: 600,
          serverErrorS: 0,
        },
        stale: { whileRevalidateS: 0, ifErrorS: 86_400, lastKnownGood: 'images' },
        unsafeMethods: 'forward',
        bypass: undefined,
        images: undefined,
        sendFields: 'all',
        requestFields: [],
        storeTypes: undefined,
        obeyRequestDirectives: false,
        maxObjectBytes: 32 * 1024 ** 2,
      },
    ],
    log: { level: 'info', access: { to: 'off', sample: 1 }, audit: { to: 'off' } },
    traffic: { record: true, path: 'holdfast-traffic', sizeBytes: 2 ** 30, keepS: 604_800, paths: false },
  } as never);
});

test('values are read as what they are', () => {
  const config = valid(
    `version: 1
server: { listen: '[::1]:0', maxConnections: "\${MAX}" }
admin: { listen: '0.0.0.0:9091', allowRemote: "\${REMOTE}", token: "\${TOKEN}" }
cache: { memory: { size: 16MiB }, ghosts: 0 }
origins:
  Images: &o
    type: http
    url: http://10.0.0.1:8000
    headers: { X-Token: "\${TOKEN}", X-Cost: "$\${5}" }
    tls: {}
`.replace('Images', 'images') +
      `  local: { type: files, root: pictures }
routes:
  - name: a
    origin: images
    match: { hosts: [IMG.Example.com, '*.example.org'], paths: ['/a%7eb%2fc/*', '/é'] }
    key: { query: [w, h] }
    ttl: { default: 1h30m, min: 1m }
  - { name: b, origin: local, stripPrefix: '' }
log: { access: { to: log/access.log } }
`.replace('/é', '/%C3%A9'),
    { MAX: '500', REMOTE: 'true', TOKEN: '0123456789abcdef' },
    '/etc/holdfast',
  );
  expect(config.server).toMatchObject({ listen: { host: '::1', port: 0 }, maxConnections: 500 });
  expect(config.admin).toMatchObject({ allowRemote: true, token: '0123456789abcdef' });
  // A small tier: the largest object follows it.
  expect(config.cache.memory.maxObjectBytes).toBe(4 * 1024 ** 2);
  expect(config.routes[0]!.maxObjectBytes).toBe(4 * 1024 ** 2);
  expect(config.origins['images']).toMatchObject({
    url: { scheme: 'http', hostname: '10.0.0.1', port: 8000, basePath: '', authority: '10.0.0.1:8000' },
    headers: { 'x-token': '0123456789abcdef', 'x-cost': `\${5}` },
  });
  expect(config.origins['local']).toEqual({ type: 'files', root: '/etc/holdfast/pictures' });
  expect(config.routes[0]).toMatchObject({
    match: { hosts: ['img.example.com', '*.example.org'], paths: ['/a~b%2Fc/*', '/%C3%A9'] },
    key: { query: ['w', 'h'] },
    ttl: { defaultS: 5400, minS: 60 },
  });
  expect(config.log.access.to).toBe('/etc/holdfast/log/access.log');
});

test('fallbacks of variables, aliases, a byte order mark and Windows line ends', () => {
  const text = `version: 1
origins:
  a: { type: http, url: "\${URL:-https://a.example}", timeouts: &t { connect: 1s } }
  b: { type: http, url: "\${URL:-https://b.example}", timeouts: *t }
routes:
  - { name: a, origin: a, match: { paths: [/a/*] } }
  - { name: b, origin: b }
`;
  const config = valid(`\uFEFF${text.replaceAll('\n', '\r\n')}`, { URL: '' });
  expect(config.origins['b']).toMatchObject({
    url: { hostname: 'b.example' },
    timeouts: { connectMs: 1000 },
  });
  expect(valid(text, { URL: 'https://c.example' }).origins['a']).toMatchObject({
    url: { hostname: 'c.example' },
  });
});

test('all mistakes are told at once, in the order of the file, also those between options', () => {
  const text = `version: 1
server: { listen: 127.0.0.1:9090, idleTimout: 75s }
cache: { memory: { size: 1GB, policy: random } }
origins:
  images: { type: http, url: nowhere }
  spare: { type: files, root: . }
routes:
  - { name: a, origin: spare, match: { paths: [bad] } }
  - { name: b, origin: spare, ttl: { min: 1d, default: 1h } }
  - { name: c, origin: sapre }
`;
  expect(problems(text).map(({ severity, line, path }) => `${severity} ${line} ${path}`)).toEqual([
    'error 2 server.listen',
    'error 2 server.idleTimout',
    'error 3 cache.memory.policy',
    'error 5 origins.images.url',
    'error 8 routes[0].match.paths[0]',
    'error 9 routes[1].ttl.min',
    'error 10 routes[2].origin',
  ]);
});

test('what only follows from another mistake is not told', () => {
  // The second route would be shadowed by the first one, if that one were what it says.
  const text = MINIMAL.replace(
    '- { name: images, origin: images }',
    `- { name: x, origin: images, match: { paths: ['/*'], hosts: ['http://a'] } }
  - { name: y, origin: images }`,
  );
  expect(problems(text).map((problem) => problem.path)).toEqual(['routes[0].match.hosts[0]']);
  // An origin with a mistake is still an origin.
  expect(problems(MINIMAL.replace('https://images', 'images')).map((problem) => problem.path)).toEqual([
    'origins.images.url',
  ]);
  // A misspelt key is not also missing.
  expect(problems(MINIMAL.replace('origin: images', 'orgin: images')).map((problem) => problem.path)).toEqual(
    ['routes[0].orgin'],
  );
});

test('secrets are in no message: not by value, not in the excerpt, not through aliases or misspelt keys', () => {
  const secret = 's3cr3t-value-0123456789';
  const texts = [
    `${MINIMAL}admin: { lisen: 1, token: ${secret} }\n`,
    `${MINIMAL}admin: { tokn: ${secret} }\n`,
    `${MINIMAL}admin: { token: "${secret}\\n" }\n`,
    `${MINIMAL}passwords: { a: ${secret} }\n`,
    `${MINIMAL}log: { level: &x ${secret} }\nadmin: { token: *x }\n`,
    `${MINIMAL}admin: { token: |\n  ${secret}\n  ${secret} }\n`,
    `${MINIMAL}admin:\n  token: ${secret}\n   bad indent: x\n`,
    MINIMAL +
      `admin: { token: "\${S} x" }\nserver: { listen: "\${S}" }\ncache: { memory: { size: "a\${S}" } }\n`,
    MINIMAL.replace('https://', `https://user:${secret}@`),
    MINIMAL.replace('type: http,', `type: http, headers: { X-A: "${secret}\\u0000", Host: ${secret} },`),
  ];
  for (const text of texts) {
    const found = problems(text, { S: secret });
    expect(found.filter((problem) => problem.severity === 'error').length).toBeGreaterThan(0);
    expect(formatProblems(found, { color: true }) + JSON.stringify(found)).not.toContain('s3cr3t');
  }
});

test('problems are written with place, excerpt, caret, reason and remedy', () => {
  const text = `${MINIMAL}\tserver: {}\n`;
  expect(
    formatProblems(problems(MINIMAL.replace('origin: images', 'origin: imagse')), { color: false }),
  ).toBe(
    `warning: f.yaml:3:3  origins.images
  3 |   images: { type: http, url: 'https://images.example.com/base/' }
    |   ^^^^^^
  No route leads to the origin "images".
  Fix: remove it, or add a route

error: f.yaml:5:29  routes[0].origin
  5 |   - { name: images, origin: imagse }
    |                             ^^^^^^
  There is no origin "imagse".
  Fix: did you mean "images"?

1 error, 1 warning
`,
  );
  expect(formatProblems([], { color: true })).toBe('');
  const colored = formatProblems(problems(text), { color: true });
  expect(colored).toContain('\x1b[1;31merror');
  // The caret is under the tab although the line shows a space for it.
  expect(Bun.stripANSI(colored)).toContain('6 |  server: {}\n    | ^');
});

test('a long line is cut down to what is meant', () => {
  const text = `${MINIMAL}log: { access: { to: '${'a'.repeat(300)}', sampel: 1 } }\n`;
  const [problem] = problems(text);
  const { excerpt } = problem!;
  expect(excerpt!.text.length).toBeLessThanOrEqual(100);
  expect(excerpt!.text.slice(excerpt!.start, excerpt!.end)).toBe('sampel');
});

test('what a terminal would obey is not repeated', () => {
  const found = problems(
    `${MINIMAL}server: { listen: "\\e[2J\\u202e" }\n"k\\u009bx": 1\n# \u001b[31m\nlgo: \u001b[31m\n`,
  );
  expect(found.length).toBeGreaterThan(0);
  expect(formatProblems(found, { color: false })).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});

// Without bounds this takes minutes or all of the memory.
test('files that are something else are refused', () => {
  const bomb = Array.from(
    { length: 30 },
    (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1}, *a${i - 1}, *a${i - 1}`}]`,
  ).join('\n');
  const texts: [string, string][] = [
    ['', 'no content'],
    ['# nothing\n', 'no content'],
    ['just text', 'expected a mapping'],
    ['- a\n- b\n', 'expected a mapping'],
    ['[['.repeat(20_000), ''],
    ['a: '.repeat(20_000), ''],
    [bomb, 'far too much'],
    ['a: &a [*a]', 'contains itself'],
    ['x'.repeat(1024 * 1024 + 1), 'larger than 1 MiB'],
    [Array.from({ length: 3000 }, (_, i) => `k${i}: *k${i}`).join('\n'), 'no &k0'],
    [Array.from({ length: 30_000 }, () => 'k: 1').join('\n'), 'here twice'],
  ];
  for (const [text, reason] of texts) {
    const found = problems(text);
    expect(found.length).toBeWithin(1, 101);
    expect(found.map((problem) => problem.reason).join('\n')).toContain(reason);
    expect(found.every((problem) => problem.line >= 1 && problem.column >= 1)).toBe(true);
  }
});

test('never throws, whatever the text; what is accepted is complete', () => {
  const random = seededRandom(7);
  const seeds = [
    MINIMAL,
    `${MINIMAL}server: { listen: 127.0.0.1:8080, idleTimeout: 75s }\ncache: { memory: { size: 1GiB } }\n`,
  ];
  const bits = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ' ',
    '\n',
    '- ',
    '&a',
    '*a',
    '!',
    '|',
    '>',
    '"',
    "'",
    '#',
    `\${A}`,
    '${',
    '%',
    '\t',
    '0',
    '1e9',
    'null',
    '~',
    'true',
    'routes',
    'origins',
    '\u0000',
    '\ud800',
    '-',
    '---',
    '? ',
    '<<: ',
    '__proto__: ',
    'constructor: ',
  ];
  for (let i = 0; i < 3000; i += 1) {
    let text = seeds[i % seeds.length]!;
    for (let edits = 1 + (random.u32() % 6); edits > 0; edits -= 1) {
      const at = random.u32() % (text.length + 1);
      const cut = random.u32() % 3 === 0 ? random.u32() % 20 : 0;
      text =
        text.slice(0, at) +
        (random.u32() % 4 === 0 ? '' : bits[random.u32() % bits.length]!) +
        text.slice(at + cut);
    }
    const result = validateConfig(text, { file: 'f', env: { A: 'x' } });
    if (result.ok) {
      expect(result.config.routes.length).toBeGreaterThan(0);
      for (const route of result.config.routes)
        expect(Object.keys(result.config.origins)).toContain(route.origin);
    } else {
      const errors = result.problems.filter((problem) => problem.severity === 'error');
      expect(errors.length).toBeGreaterThan(0);
      for (const problem of result.problems)
        expect(problem.reason !== '' && problem.remedy !== '').toBe(true);
    }
    expect(typeof formatProblems(result.ok ? result.warnings : result.problems, { color: true })).toBe(
      'string',
    );
  }
});

test('unsafe methods go to http origins that get no credentials of ours, unless the file says otherwise', () => {
  const methods = (origin: string, route = ''): readonly [string | undefined, readonly string[]] => {
    const text = `version: 1\norigins: { o: { ${origin} } }\nroutes: [ { name: r, origin: o${route} } ]`;
    const result = validateConfig(text, { file: 'f.yaml', env: {} });
    return result.ok
      ? [result.config.routes[0]!.unsafeMethods, result.warnings.map(({ reason }) => reason)]
      : [undefined, []];
  };
  const http = 'type: http, url: "http://127.0.0.1:9"';
  const token = `${http}, headers: { X-Token: a }`;
  expect(methods(http)).toEqual(['forward', []]);
  expect(methods(token)).toEqual(['refuse', []]);
  expect(methods('type: files, root: /srv')[0]).toBe('refuse');
  expect(methods(http, ', unsafeMethods: refuse')).toEqual(['refuse', []]);
  const [forced, warnings] = methods(token, ', unsafeMethods: forward');
  expect([forced, warnings.length]).toEqual(['forward', 1]);
});
