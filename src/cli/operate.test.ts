import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LOOPBACK_CERT, TEST_KEY } from '../../test/support/certificates.ts';
import { startTestNode } from '../../test/support/node.ts';
import { type OriginServer, startOriginServer } from '../../test/support/origin-server.ts';
import { realClock } from '../../test/support/real-clock.ts';
import { Flag } from '../cache/entries.ts';
import { validateConfig } from '../config/validate.ts';
import { FileSink } from '../monitor/sink.ts';
import { forget } from '../serve/forget.ts';
import type { Node } from '../server/node.ts';
import type { AdminIo } from './admin-command.ts';
import { configSource } from './config-source.ts';
import { explain } from './explain.ts';
import { LogFiles } from './log-files.ts';
import { purge } from './purge.ts';
import { reload } from './reload.ts';
import { status } from './status.ts';
import { warm } from './warm.ts';

/** What operators do, over real HTTP: a node from a file, an origin, and the commands. */

const COMMANDS = { purge, warm, explain, status, reload };
const TOKEN = 'a-token-for-tests';
const READER = 'a-token-that-only-reads';

interface Scene {
  readonly dir: string;
  readonly origin: OriginServer;
  readonly node: Node;
  readonly files: LogFiles;
  readonly faults: string[];
  readonly logged: string[];
  run(command: keyof typeof COMMANDS, ...args: string[]): Promise<{ code: number; out: string; err: string }>;
  /** Writes the file anew. */
  write(text: string): void;
  get(path: string, host?: string): Promise<Response>;
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const fileFor = (origin: OriginServer, rest = '', routes = ''): string => `version: 1
server: { listen: "127.0.0.1:0", drainTimeout: 1s }
admin:
  listen: "127.0.0.1:0"
  tokens: [{ name: grafana, token: ${READER}, role: read }]
${rest}
origins:
  shop: { type: http, url: "${origin.url}" }
routes:
${routes}  - { name: photos, origin: shop, match: { paths: ["/photos/*"] }, ttl: { default: 1h } }
  - { name: feeds, origin: shop, match: { hosts: [shop.test], paths: ["/feeds/*"] } }
`;

function scene(rest = '', options: { tls?: boolean } = {}): Scene {
  const origin = startOriginServer({ bodyBytes: () => 500 });
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-operate-'));
  const file = join(dir, 'holdfast.yaml');
  const write = (text: string): void => writeFileSync(file, text);
  if (options.tls) {
    writeFileSync(join(dir, 'cert.pem'), LOOPBACK_CERT);
    writeFileSync(join(dir, 'key.pem'), TEST_KEY);
  }
  const text = fileFor(origin, rest);
  write(text);
  const world = {
    cwd: dir,
    env: {},
    readFile: (path: string) => readFile(path, 'utf8'),
    pathKind: async (path: string) => {
      const found = await stat(path).catch(() => undefined);
      return found === undefined ? 'absent' : found.isDirectory() ? 'directory' : 'file';
    },
    totalMemoryBytes: 2 ** 33,
  } as const;
  const valid = validateConfig(text, { file, env: {}, baseDir: dir });
  if (!valid.ok) throw new Error(valid.problems.map(({ reason }) => reason).join());
  const faults: string[] = [];
  const logged: string[] = [];
  const note = (message: string, facts?: object): void =>
    void logged.push(`${message} ${JSON.stringify(facts)}`);
  const log = { debug: note, info: note, warn: note, error: note };
  const files = new LogFiles(log, { openSink: (to, onTrouble) => new FileSink({ to, onTrouble }) });
  const auditLog = files.open(valid.config.log.audit.to);
  const node = startTestNode(valid.config, faults, {
    log,
    adminToken: TOKEN,
    accessLogs: files,
    configSource: configSource(file, text, world),
    readCertificates: (path) => readFileSync(path, 'utf8'),
    ...(auditLog === undefined ? {} : { auditLog }),
  });
  open.push(async () => {
    await node.stop(0);
    await files.close();
    await origin.stop();
    rmSync(dir, { recursive: true });
  });
  return {
    dir,
    origin,
    node,
    files,
    faults,
    logged,
    write,
    get: (path, host = '127.0.0.1') => fetch(node.url + path, { headers: { host } }),
    run: async (command, ...args) => {
      const written = { out: '', err: '' };
      const io: AdminIo & { isTty: boolean } = {
        out: (line) => {
          written.out += line;
        },
        err: (line) => {
          written.err += line;
        },
        readFile: world.readFile,
        env: { HOLDFAST_ADMIN_TOKEN: TOKEN },
        clock: realClock,
        fetch,
        isTty: false,
      };
      const code = await COMMANDS[command](['--admin', node.adminUrl, ...args], io);
      return { code, ...written };
    },
  };
}

const TAGGED = { fields: { 'cache-control': 'max-age=600', 'cache-tag': 'sale' } };

describe('holdfast purge', () => {
  test('by address, prefix, tag, route and all, hard and soft', async () => {
    const { run, get, origin } = scene();
    origin.can('/photos/2.jpg', TAGGED);
    const fill = async (): Promise<void> => {
      for (const path of ['/photos/1.jpg', '/photos/2.jpg', '/photos/3.jpg']) await (await get(path)).bytes();
    };
    await fill();
    const asked = origin.requests();
    await fill();
    expect(origin.requests()).toBe(asked);
    const one = await run('purge', 'http://127.0.0.1/photos/1.jpg', 'http://127.0.0.1/photos/none.jpg');
    expect(one).toEqual({
      code: 0,
      err: '',
      out: 'http://127.0.0.1/photos/1.jpg: 1 response purged\nhttp://127.0.0.1/photos/none.jpg: nothing that is stored matches\n',
    });
    await fill();
    expect(origin.requests()).toBe(asked + 1);
    expect((await run('purge', '--tag', 'sale', '--soft')).out).toBe('tag sale: 1 response stale now\n');
    await fill();
    expect(origin.requests()).toBe(asked + 2);
    expect(origin.notModified('/photos/2.jpg')).toBe(1);
    expect((await run('purge', '--prefix', '/photos/')).out).toBe('prefix /photos/: 3 responses purged\n');
    await fill();
    expect((await run('purge', '--route', 'photos', '--json')).out).toMatch(/"removed":3,"swept":true/);
    await fill();
    expect((await run('purge', '--all', '--yes')).out).toBe('everything: 3 responses purged\n');
  });

  test.each([
    [[], 'say what to purge'],
    [['--all'], '--all empties the cache'],
    [['--tag', 'a', '--route', 'b'], 'at a time'],
    [['http://a/', '--all', '--yes'], 'at a time'],
    [['--tags', 'a'], 'no option --tags'],
  ])('%p makes no sense', async (args, why) => {
    const { run } = scene();
    const refused = await run('purge', ...args);
    expect([refused.code, refused.out]).toEqual([2, '']);
    expect(refused.err).toContain(why);
    expect((await run('purge', '--help')).out).toContain('--soft');
  });

  test('a route that there is none of is a failure', async () => {
    const { run } = scene();
    expect(await run('purge', '--route', 'nope')).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no route "nope"'),
    });
  });
});

describe('who may do what', () => {
  test('a token that reads may look and not change; both is in the audit log, and no token is', async () => {
    const { run, dir, logged, node } = scene('log: { audit: { to: audit.jsonl } }');
    expect((await run('status', '--token', READER)).code).toBe(0);
    const denied = await run('purge', '--all', '--yes', '--token', READER);
    expect(denied).toMatchObject({ code: 1, err: expect.stringContaining('may look, and not change') });
    expect((await run('purge', '--all', '--yes')).code).toBe(0);
    expect((await run('purge', '--all', '--yes', '--token', 'wrong-token-of-mine')).code).toBe(1);
    await node.stop(0);
    const text = readFileSync(join(dir, 'audit.jsonl'), 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toEqual([
      expect.objectContaining({ who: 'grafana', role: 'read', path: '/api/purge', status: 403 }),
      expect.objectContaining({
        who: 'admin',
        client: '127.0.0.1',
        method: 'POST',
        what: '{"all":true,"soft":false,"wait":true}',
        status: 200,
        result: '{"id":1,"removed":0,"swept":true,"disk":false}',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
      }),
    ]);
    for (const token of [TOKEN, READER, 'wrong-token-of-mine'])
      expect(text + logged.join()).not.toContain(token);
  });

  test('over TLS with a private authority', async () => {
    const { run, dir, node } = scene('  tls: { cert: cert.pem, key: key.pem }', { tls: true });
    expect(node.adminUrl).toStartWith('https://127.0.0.1:');
    const stranger = await run('status');
    expect(stranger).toMatchObject({ code: 1, err: expect.stringContaining('is not accepted') });
    expect((await run('status', '--ca', join(dir, 'cert.pem'))).code).toBe(0);
    expect((await run('status', '--ca', join(dir, 'none.pem'))).err).toContain('cannot read the certificate');
  });
});

describe('holdfast explain', () => {
  test.each([
    ['crowded', /crowded \(after \d+ s: its original had more variants than it may\)/],
    ['invalidated', /invalidated \(after \d+ s\)/],
  ] as const)('says of what is gone that it was %s', async (reason, said) => {
    const { run, get, node } = scene();
    await (await get('/photos/1.jpg')).bytes();
    forget(node.tier, 'photos /photos/1.jpg', reason);
    expect(node.tier.cache.count).toBe(0);
    expect((await run('explain', 'http://127.0.0.1/photos/1.jpg')).out).toMatch(said);
  });

  test('says how an image would be served and why, with its arithmetic, and changes nothing', async () => {
    const { run, get, origin, node } = scene();
    const url = 'http://127.0.0.1/photos/1.jpg?w=1';
    const absent = await run('explain', url);
    expect(absent.out).toContain('=> a miss: nothing is stored, the origin is asked');
    expect(absent.out).toContain('photos: matches');
    expect(absent.out).toContain('photos /photos/1.jpg?w=1');
    await (await get('/photos/1.jpg?w=1')).bytes();
    const stored = await run('explain', url, '-H', 'Accept: image/webp');
    expect(stored.out).toContain('=> a hit: stored and fresh');
    expect(stored.out).toContain('lifetime   3600 s: ttl.default of the route');
    expect(stored.out).toMatch(/born {7}\S+: now - born = age \d+ s/);
    expect((await run('explain', url, '-H', 'Authorization: x')).out).toContain('has an Authorization field');
    expect((await run('explain', url, '--method', 'PUT')).out).toContain('405');
    const elsewhere = await run('explain', 'http://other.test/feeds/a.xml');
    expect(elsewhere.out).toContain('photos: no, the path does not match');
    expect(elsewhere.out).toContain('feeds: no, the host does not match');
    expect(elsewhere.out).toContain('404');
    await run('purge', url, '--soft');
    expect((await run('explain', url)).out).toContain(
      'validated with the origin first; served stale if that fails',
    );
    await run('purge', '--route', 'photos');
    expect((await run('explain', url)).out).toMatch(/purged \(after \d+ s, by purge 2 \(route photos\)\)/);
    origin.can('/photos/p.jpg', { fields: { 'cache-control': 'private' } });
    await (await get('/photos/p.jpg')).bytes();
    expect((await run('explain', 'http://127.0.0.1/photos/p.jpg')).out).toContain('not stored (private)');
    expect(origin.requests()).toBe(2);
    expect(node.snapshot().requests).toMatchObject({ miss: 2, hit: 0 });
    for (const args of [[], [url, url], ['ftp://x/'], [url, '-H', 'no header']])
      expect((await run('explain', ...args)).code).not.toBe(0);
  });
});

describe('holdfast status', () => {
  test('shows a node on one screen', async () => {
    const { run, get } = scene();
    await (await get('/photos/1.jpg')).bytes();
    const { out, code } = await run('status');
    expect(code).toBe(0);
    for (const part of [
      'Holdfast test  up',
      'holdfast.yaml (',
      'entries 1, greedy-dual',
      'shop: 1 requests',
      'no failures',
    ])
      expect(out).toContain(part);
    expect(out.split('\n').length).toBeLessThan(20);
    expect(out).not.toContain('variants');
    expect(JSON.parse((await run('status', '--json')).out)).toMatchObject({ config: { lastReloadOk: true } });
  });
});

test('holdfast status tells originals and variants apart, where there are variants', async () => {
  const { run, node } = scene();
  const { tier } = node;
  tier.key.set('a variant');
  const times = { bornS: 1, freshUntilS: 2 ** 31, revalidateUntilS: 0, errorUntilS: 0 };
  const slot = tier.reserve('\r\n', 1_000, { route: 0, status: 200, ...times, flags: Flag.VARIANT }, 1);
  tier.publish(slot);
  expect((await run('status')).out).toMatch(/originals 0 B in 0, variants 1.17 KiB in 1$/m);
});

describe('holdfast warm', () => {
  test('asks for a list through the routes, and says what came of it', async () => {
    const { run, dir, origin } = scene();
    origin.can('/photos/bad.jpg', { status: 503 });
    const list = join(dir, 'list.txt');
    writeFileSync(
      list,
      '# pictures\nhttp://127.0.0.1/photos/1.jpg\n\nhttp://127.0.0.1/photos/2.jpg\nhttp://127.0.0.1/photos/1.jpg\nhttp://127.0.0.1/none/x\nhttp://127.0.0.1/photos/bad.jpg\nnonsense\n',
    );
    const done = await run('warm', '-f', list, '--rate', '1000', '--concurrency', '1', '--wait');
    expect(done).toMatchObject({ code: 1, err: '' });
    expect(done.out).toMatch(/^job 1 done: 6 of 6 \(/);
    for (const part of ['miss 2', 'hit 1', 'failed 1', 'no route 2', 'photos/bad.jpg: status 503'])
      expect(done.out).toContain(part);
    expect(origin.requests('/photos/1.jpg')).toBe(1);
    expect((await run('warm', '--list')).out).toContain('job 1 done');
    for (const args of [
      [],
      ['-f', list, 'http://a/'],
      ['-f', join(dir, 'none')],
      ['http://a/', '--rate', 'x'],
    ])
      expect((await run('warm', ...args)).code).toBe(2);
    expect((await run('warm', 'http://127.0.0.1/photos/1.jpg', '--rate', '0.01')).err).toContain(
      '0.1 to 10000',
    );
    expect((await run('warm', '--cancel', '9')).code).toBe(1);
  });

  test('reads sitemaps, indexes and images, zipped or not, through the routes only', async () => {
    const { run, origin } = scene();
    const xml = '<?xml version="1.0"?>\n';
    const at = (path: string): string => `http://shop.test/${path}`;
    origin.can('/feeds/index.xml', {
      body: `${xml}<sitemapindex><sitemap><loc>${at('feeds/a.xml.gz')}</loc></sitemap><sitemap><loc>http://127.0.0.1:1/evil.xml</loc></sitemap><sitemap><loc>${at('feeds/dtd.xml')}</loc></sitemap></sitemapindex>`,
    });
    const urls = `${xml}<urlset xmlns:image="x"><url><loc>http://shop.test/page.html</loc><image:image><image:loc>${at('photos/1.jpg?a=1&amp;b=%20')}</image:loc></image:image><image:image><image:loc><![CDATA[${at('photos/2.jpg')}]]></image:loc></image:image></url></urlset>`;
    origin.can('/feeds/a.xml.gz', { body: gzipSync(urls) });
    origin.can('/feeds/dtd.xml', {
      body: `${xml}<!DOCTYPE x [<!ENTITY a "b">]><urlset><url><loc>&a;</loc></url></urlset>`,
    });
    const done = await run('warm', '--sitemap', at('feeds/index.xml'), '--rate', '1000', '--wait', '--json');
    expect(JSON.parse(done.out)).toMatchObject({
      state: 'done',
      total: 3,
      skipped: 1,
      outcomes: { miss: 2 },
      failures: [
        { url: 'http://127.0.0.1:1/evil.xml', why: expect.stringContaining('no route serves it') },
        { url: at('feeds/dtd.xml'), why: expect.stringContaining('DOCTYPE') },
      ],
    });
    expect(origin.seen.map(({ path, query }) => path + query)).toContain('/photos/1.jpg?a=1&b=%20');
  });

  test('a job is cancelled while its requests are under way', async () => {
    const { run, origin, node } = scene();
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    origin.set({
      before: () => {
        reach();
        return gate;
      },
    });
    expect(
      (
        await run(
          'warm',
          'http://127.0.0.1/photos/1.jpg',
          'http://127.0.0.1/photos/2.jpg',
          '--concurrency',
          '1',
        )
      ).code,
    ).toBe(0);
    await reached;
    expect((await run('warm', '--cancel', '1')).out).toContain('job 1 cancelled');
    openGate();
    expect(origin.requests('/photos/2.jpg')).toBe(0);
    expect(node.snapshot().requests.hit).toBe(0);
  });
});

describe('holdfast reload', () => {
  test('routes, origins, memory and lifetimes change live, and what is stored stays', async () => {
    const { run, get, origin, node, write, dir, files } = scene();
    const other = startOriginServer({ bodyBytes: () => 500 });
    try {
      await (await get('/photos/1.jpg')).bytes();
      expect((await get('/new/1.jpg')).status).toBe(404);
      const text = fileFor(
        origin,
        'cache: { memory: { size: 64MiB } }\nlog: { access: { to: access.log } }',
        '  - { name: new, origin: fresh, match: { paths: ["/new/*"] } }\n',
      )
        .replace('origins:', `origins:\n  fresh: { type: http, url: "${other.url}" }`)
        .replace('default: 1h', 'default: 2h')
        .replace('drainTimeout: 1s', 'drainTimeout: 2s');
      write(text);
      const dry = await run('reload', '--dry-run');
      expect(dry.out).toContain('would change: cache.memory.size');
      expect(node.tier.cache.budgetBytes).toBe(512 * 2 ** 20);
      const done = await run('reload', '--json');
      const report = JSON.parse(done.out) as { changed: string[]; needsRestart: string[] };
      expect(report.changed.toSorted()).toEqual(
        [
          'cache.memory.size',
          'cache.memory.maxObject',
          'origins.fresh',
          'routes[new]',
          'routes[photos].ttl.default',
          'log.access.to',
        ].toSorted(),
      );
      expect(report.needsRestart).toEqual(['server.drainTimeout']);
      expect(node.tier.cache.budgetBytes).toBe(64 * 2 ** 20);
      expect((await (await get('/new/1.jpg')).bytes()).length).toBe(500);
      expect(other.requests()).toBe(1);
      await (await get('/photos/1.jpg')).bytes();
      expect(origin.requests()).toBe(1);
      const { routes, origins, config } = node.snapshot();
      expect(routes.map(({ name, requests }) => [name, requests.hit, requests.miss])).toEqual([
        ['photos', 1, 1],
        ['feeds', 0, 0],
        ['new', 0, 1],
      ]);
      expect(origins.map(({ name, requests }) => [name, requests])).toEqual([
        ['shop', 1],
        ['fresh', 1],
      ]);
      expect(config).toMatchObject({ lastReloadOk: true, needsRestart: ['server.drainTimeout'] });
      // A file that is refused takes nothing back: the restart is as due as before.
      write(fileFor(origin, 'log: { level: loud }'));
      expect((await run('reload')).code).toBe(1);
      expect(node.snapshot().config).toMatchObject({
        lastReloadOk: false,
        needsRestart: ['server.drainTimeout'],
      });
      expect((await run('reload', '--json')).out).toContain('"changed":[]');
      // Gone from the file: its counters stay, and it is served no more.
      write(fileFor(origin));
      expect((await run('reload')).out).toContain('routes[new]');
      expect((await get('/new/1.jpg')).status).toBe(404);
      expect(node.snapshot().routes[2]).toMatchObject({ name: 'new', entries: 1 });
      await node.stop(0);
      await files.close();
      expect(readFileSync(join(dir, 'access.log'), 'utf8')).toContain('/new/1.jpg');
    } finally {
      await other.stop();
    }
  });

  test('a mistake changes nothing, is told line by line, and is loud', async () => {
    const { run, get, origin, node, write, logged } = scene();
    const before = node.snapshot().config!.hash;
    write(fileFor(origin, 'cache: { memory: { size: 1 } }\nlog: { level: loud }'));
    const refused = await run('reload');
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/error: line 6:\d+ {2}cache\.memory\.size: /);
    expect(refused.out).toMatch(/error: line 7:\d+ {2}log\.level: /);
    expect(refused.out).toContain('the last good configuration');
    expect(logged.filter((line) => line.startsWith('reload refused'))).toHaveLength(2);
    expect((await (await get('/photos/1.jpg')).bytes()).length).toBe(500);
    expect(node.snapshot().config).toMatchObject({ hash: before, lastReloadOk: false, problems: 2 });
    expect((await run('status')).out).toContain('REFUSED');
    const metrics = await fetch(`${node.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${READER}` },
    });
    expect(await metrics.text()).toContain('\nholdfast_config_last_reload_successful 0\n');
    // What only the machine can tell is refused as well.
    write(fileFor(origin, 'cache: { memory: { size: 1TiB } }'));
    expect((await run('reload')).out).toContain('more than the 8 GiB of this machine');
    write(fileFor(origin));
    expect((await run('reload')).out).toContain('changed: nothing');
    expect(node.snapshot().config).toMatchObject({ hash: before, lastReloadOk: true });
  });

  test('a smaller memory says what it evicts; a token that is gone is refused at once', async () => {
    const { run, get, origin, write, node } = scene();
    origin.set({ bodyBytes: () => 1_000_000 });
    for (let i = 0; i < 12; i += 1) await (await get(`/photos/${i}.jpg`)).bytes();
    write(fileFor(origin, 'cache: { memory: { size: 8MiB } }').replace(READER, 'another-token-of-theirs'));
    expect((await run('reload', '--dry-run')).out).toMatch(
      /shrinks from 512 MiB to 8 MiB: about \d+ responses/,
    );
    expect(node.tier.cache.count).toBe(12);
    expect((await run('status', '--token', READER)).code).toBe(0);
    expect((await run('reload')).out).toContain('admin.tokens');
    expect(node.tier.cache.count).toBeLessThan(9);
    expect((await run('status', '--token', READER)).code).toBe(1);
    expect((await run('status', '--token', 'another-token-of-theirs')).code).toBe(0);
  });
});
