import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { KeyBuffer } from '../cache/key.ts';
import { openRecord } from '../traffic/record/files.ts';
import { rowsOf } from '../traffic/rows.fixture.ts';
import { traffic } from './traffic.ts';

const CALGARY = join(import.meta.dir, '../../test/golden/calgary_img_5000.csv.gz');

interface Scene {
  readonly dir: string;
  /** The next command gets that signal as soon as it waits for one. */
  interrupt(signal: 'SIGINT' | 'SIGTERM'): void;
  path(name: string): string;
  run(...args: string[]): Promise<{ code: number; out: string; err: string }>;
}

/** A directory of its own, and a node that answers with some bytes. */
async function scene(play: (scene: Scene) => Promise<void>, node?: () => Response): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-traffic-test-'));
  let pending: 'SIGINT' | 'SIGTERM' | undefined;
  const run: Scene['run'] = async (...args) => {
    const written = { out: '', err: '' };
    const code = await traffic(args, {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      readFile: (path) => readFile(path, 'utf8'),
      env: { HOLDFAST_ADMIN_TOKEN: 'token', TMPDIR: dir },
      fetch: () =>
        node === undefined
          ? Promise.reject(Object.assign(new Error('refused'), { code: 'ConnectionRefused' }))
          : Promise.resolve(node()),
      clock: virtualClock(0),
      cwd: dir,
      isTty: false,
      onSignal: (_, fn) => {
        if (pending !== undefined) fn(pending);
        pending = undefined;
      },
    });
    return { code, ...written };
  };
  try {
    const interrupt = (signal: typeof pending): void => {
      pending = signal;
    };
    await play({ dir, run, interrupt, path: (name) => join(dir, name) });
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('a log is imported, looked at, exported, and comes back as it was', () =>
  scene(async ({ run, path, dir }) => {
    const made = await run('import', CALGARY, '--to', 'rec');
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain('csv, gzip');
    expect(made.out).toContain('5,000  requests in the record');
    const info = await run('info', 'rec');
    expect(info.code).toBe(0);
    expect(info.out).toContain('requests        5,000');
    expect(info.out).toContain('nothing says what was a hit');
    const summary = JSON.parse((await run('info', 'rec', '--json')).out);
    expect(summary).toMatchObject({ requests: 5000, routes: [{ name: 'all', requests: 5000 }] });
    const table = (await run('export', 'rec')).out;
    await writeFile(path('table.csv'), table);
    expect((await run('import', 'table.csv', '--to', 'back.hft')).code).toBe(0);
    expect((await run('export', 'back.hft')).out).toBe(table);
    expect(await run('export', 'rec', '--as', 'oracleGeneral', '--to', 'x.bin')).toMatchObject({ code: 0 });
    expect(await readFile(path('x.bin'))).toHaveLength(120_000);
    expect((await run('import', 'x.bin', '--to', 'oracle.hft')).out).toContain('oracleGeneral');
    const sizes = (name: string) =>
      rowsOf(openRecord(path(name)).batches()).map(({ bodyBytes }) => bodyBytes);
    expect(sizes('oracle.hft')).toEqual(sizes('rec'));
    expect((await run('export', 'rec', '--as', 'hft', '--to', 'copy.hft')).code).toBe(0);
    expect(sizes('copy.hft')).toEqual(sizes('rec'));
    expect((await readdir(dir)).sort()).toEqual([
      'back.hft',
      'copy.hft',
      'oracle.hft',
      'rec',
      'table.csv',
      'x.bin',
    ]);
  }));

test('parts, merged again, are the whole', () =>
  scene(async ({ run, path }) => {
    await run(
      'synth',
      '--to',
      's.hft',
      '--requests',
      '20000',
      '--keys',
      '500',
      '--duration',
      '10h',
      '--seed',
      '3',
    );
    const rows = (name: string) => rowsOf(openRecord(path(name)).batches());
    const whole = rows('s.hft');
    expect(whole).toHaveLength(20_000);
    expect((await run('slice', 's.hft', '--out', 'a.hft', '--to', '2026-01-05T05:00')).code).toBe(0);
    expect((await run('slice', 's.hft', '--out', 'b.hft', '--from', '2026-01-05T06:00+01:00')).code).toBe(0);
    expect(rows('a.hft').length + rows('b.hft').length).toBe(20_000);
    expect((await run('merge', 'b.hft', 'a.hft', '--to', 'm.hft')).code).toBe(0);
    expect(rows('m.hft')).toEqual(whole);
    const busiest = await run('slice', 's.hft', '--out', 'c.hft', '--busiest', '1h', '--sample', '0.5');
    expect(busiest.out).toMatch(/^busiest: 2026-01-05 \d\d:\d\d:00 UTC to /);
    expect(openRecord(path('c.hft')).info).toMatchObject({ rateMin: 0.5, rateMax: 0.5 });
    const none = await run('slice', 's.hft', '--out', 'd.hft', '--route', 'nothing');
    expect(none.code).toBe(1);
    expect(none.err).toContain('nothing of the record is in that part');
  }));

const CONFIG = `version: 1
origins: { o: { type: http, url: 'http://o.example' } }
routes:
  - { name: avatars, origin: o, match: { paths: ['/avatars/*'] }, key: { query: none } }
  - { name: photos, origin: o, match: { hosts: ['img.example'], paths: ['/photos/*'] }, images: { widths: [400] } }
`;

test('a configuration names the routes, makes the keys, and tells variants from originals', () =>
  scene(async ({ run, path }) => {
    await writeFile(path('c.yaml'), CONFIG);
    const targets = [
      'http://img.example/avatars/1.png?x=1',
      'http://img.example/avatars/1.png',
      'http://img.example/photos/a.jpg',
      'http://img.example/photos/a.jpg?w=400',
      'http://other.example/photos/a.jpg',
    ];
    const log = targets
      .map(
        (target, i) =>
          `::1 - - [24/Nov/2026:10:00:0${i} +0000] "GET ${target} HTTP/1.1" 200 ${i + 1} "-" "-"\n`,
      )
      .join('');
    await writeFile(path('access.log'), log);
    const made = await run('import', 'access.log', '--to', 'r.hft', '-c', 'c.yaml');
    expect(made.out).toContain('1  left out: no route of the configuration serves it');
    const [first, second, original, variant] = rowsOf(openRecord(path('r.hft')).batches());
    expect([first, second, original, variant].map((row) => [row!.kind.route, row!.kind.variant])).toEqual([
      ['avatars', false],
      ['avatars', false],
      ['photos', false],
      ['photos', true],
    ]);
    expect([first!.keyLo, first!.keyHi]).toEqual([second!.keyLo, second!.keyHi]);
    expect(variant!.keyHi).toBe(original!.keyHi);
    expect(variant!.keyLo).not.toBe(original!.keyLo);
    await writeFile(path('key'), '00000001ffffffff\n');
    await run('import', 'access.log', '--to', 'k.hft', '-c', 'c.yaml', '--key', 'key');
    const buffer = new KeyBuffer({ k0: 1, k1: 0xffff_ffff });
    const [avatar] = rowsOf(openRecord(path('k.hft')).batches());
    const { lo, hi } = buffer.set('avatars /avatars/1.png');
    expect([avatar!.keyLo, avatar!.keyHi]).toEqual([lo, hi]);
    expect((await run('import', 'access.log', '--to', 'l.hft', '--key', 'c.yaml')).err).toContain(
      'is not the key of a record',
    );
    await writeFile(path('bad.yaml'), 'version: 2\n');
    const bad = await run('import', 'access.log', '--to', 'n.hft', '-c', 'bad.yaml');
    expect(bad).toMatchObject({ code: 2 });
    expect(bad.err).toContain('the configuration is not valid');
  }));

test('a running node is asked for its record, and temporary files are gone afterwards', async () => {
  const bytes: { record: Uint8Array } = { record: new Uint8Array(0) };
  await scene(async ({ run, path }) => {
    await run('import', CALGARY, '--to', 'r.hft');
    bytes.record = await readFile(path('r.hft'));
  });
  await scene(
    async ({ run, path, dir }) => {
      const info = await run('info', '--admin', ':9090');
      expect(info).toMatchObject({ code: 0, err: '' });
      expect(info.out).toContain('http://127.0.0.1:9090');
      expect((await run('export', '--as', 'hft', '--to', 'n.hft')).code).toBe(0);
      expect(await readFile(path('n.hft'))).not.toHaveLength(0);
      expect(await readdir(dir)).toEqual(['n.hft']);
    },
    () => new Response(Buffer.from(bytes.record)),
  );
  await scene(
    async ({ run }) =>
      expect(await run('info')).toMatchObject({
        code: 1,
        err: expect.stringContaining('has not recorded a request yet'),
      }),
    () => new Response(''),
  );
  await scene(
    async ({ run }) =>
      expect(await run('info')).toMatchObject({
        code: 1,
        err: expect.stringContaining('does not accept this admin token'),
      }),
    () => new Response('', { status: 401 }),
  );
  await scene(async ({ run }) => {
    expect(await run('info')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nothing listens at http://127.0.0.1:9090'),
    });
  });
});

test('the record of a node has no name while it is read: what ends a command leaves nothing behind', () => {
  const asked: string[][] = [];
  let dir = '';
  return scene(
    async (made) => {
      dir = made.dir;
      const { code, out } = await made.run('info', '--admin', ':9090');
      expect([code, out]).toEqual([2, '']);
      expect(asked).toEqual([[], [], []]);
    },
    () =>
      new Response(
        (async function* () {
          for (let i = 0; i < 3; i += 1) {
            yield Buffer.from('no record of anything');
            asked.push(await readdir(dir));
          }
        })(),
      ),
  );
});

test('nothing is written into the directory of a node', () =>
  scene(async ({ run, path, dir }) => {
    await run('import', CALGARY, '--to', 'mine.hft');
    await mkdir(path('node'));
    await writeFile(path('node/key'), '0123456789abcdef\n');
    await writeFile(path('node/traffic-20261124T040000.000Z.hft'), '');
    const commands = [
      ['import', CALGARY, '--to'],
      ['slice', 'mine.hft', '--sample', '0.5', '--out'],
      ['merge', 'mine.hft', 'mine.hft', '--to'],
      ['synth', '--requests', '10', '--to'],
      ['export', 'mine.hft', '--as', 'hft', '--to'],
    ];
    for (const command of commands)
      for (const to of ['node', 'node/more.hft'])
        expect(await run(...command, to)).toMatchObject({
          code: 1,
          out: '',
          err: expect.stringContaining('is where a node records'),
        });
    expect((await readdir(path('node'))).sort()).toEqual(['key', 'traffic-20261124T040000.000Z.hft']);
    expect((await readdir(dir)).sort()).toEqual(['mine.hft', 'node']);
  }));

test('what cannot be used is said in one sentence', () =>
  scene(async ({ run, path, dir }) => {
    await writeFile(path('page.html'), '<!doctype html><html></html>');
    await writeFile(path('log.gz'), gzipSync('not a log\n'));
    await writeFile(path('there.hft'), 'x');
    await writeFile(path('ok.csv'), 'time_s,key,size\n1,a,1\n');
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [[], 2, /say what to do/],
      [['frobnicate'], 2, /there is no "traffic frobnicate"/],
      [['import'], 2, /name the logs/],
      [['import', 'ok.csv'], 2, /say where the record goes/],
      [['import', 'missing.log', '--to', 'r'], 2, /cannot read .*missing.log: there is no such file/],
      [['import', '.', '--to', 'r'], 2, /is a directory; name the files in it/],
      [
        ['import', 'page.html', '--to', 'r'],
        2,
        /page.html is no log that is known here; it looks like an HTML page/,
      ],
      [['import', 'log.gz', '--to', 'r'], 2, /log.gz is no log that is known here; it looks like text/],
      [
        ['import', 'ok.csv', '--to', 'r', '--format', 'apache'],
        2,
        /there is no format "apache"; there are combined/,
      ],
      [['import', 'ok.csv', '--to', 'r', '--fields', 'zeit=1'], 2, /"zeit" is nothing that a field says/],
      [['import', 'ok.csv', '--to', 'r', '--only', 'cats'], 2, /there is --only images and --only all/],
      [['import', 'ok.csv', '--to', 'r', '--lifetime', '60'], 2, /the number 60 has no unit/],
      [['import', 'ok.csv', '--to', 'r', '--query', 'none', '-c', 'x.yaml'], 2, /-c says all that/],
      [['import', 'ok.csv', '--to', 'r', '-c', 'x.yaml'], 2, /Cannot read x.yaml: there is no such file/],
      [
        ['import', 'ok.csv', '--to', 'there.hft'],
        1,
        /there.hft exists; a record is not written over another file/,
      ],
      [['import', '--frob', 'x'], 2, /there is no option --frob/],
      [['import', 'page.html', '--to', 'ok.csv'], 1, /ok.csv exists/],
      [['synth', '--to', 'there.hft'], 1, /there.hft exists/],
      [['info', 'missing.hft'], 2, /missing.hft/],
      [['info', 'ok.csv'], 2, /ok.csv/],
      [['info', 'a', 'b'], 2, /name one record/],
      [['export', 'there.hft', '--as', 'parquet'], 2, /there is no --as parquet; there are csv/],
      [['export', 'there.hft', '--as', 'oracleGeneral'], 2, /say where it goes with --to/],
      [['slice', 'there.hft'], 2, /say where the part goes/],
      [
        ['slice', 'there.hft', '--out', 'x', '--from', 'monday'],
        2,
        /is no time; write it like 2026-11-24T10:00/,
      ],
      [
        ['slice', 'there.hft', '--out', 'x', '--busiest', '1h', '--from', '0'],
        2,
        /leave out --from and --to/,
      ],
      [['slice', 'there.hft', '--out', 'x', '--sample', '0'], 2, /is not a number from/],
      [['merge', 'there.hft', '--to', 'x'], 2, /at least two records/],
      [['synth'], 2, /say where it goes/],
      [['synth', '--to', 'x.hft', '--requests', '1.5'], 2, /--requests 1.5 is not a whole number from 1/],
      [['synth', '--to', 'x.hft', '--one-hit', '0.9', '--scan', '0.2'], 2, /together at most 1/],
    ];
    for (const [args, code, err] of cases) {
      const result = await run(...args);
      expect([args, result.code]).toEqual([args, code]);
      expect(result.err).toMatch(err);
      expect(result.err).not.toMatch(/\n {4}at /);
    }
    // Nothing was written by any of them.
    expect((await readdir(dir)).sort()).toEqual(['log.gz', 'ok.csv', 'page.html', 'there.hft']);
  }));

test('every command explains itself', () =>
  scene(async ({ run }) => {
    const all = await run('--help');
    expect(all.code).toBe(0);
    for (const [, name] of all.out.matchAll(/holdfast traffic (\w+) /g)) {
      const help = await run(name!, '--help');
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toMatch(new RegExp(`^holdfast traffic ${name}: `));
      expect(help.out).toMatch(/Exit codes: 0 /);
    }
  }));

test('merged samples have the lowest rate wherever they overlap, in whatever order they are named', () =>
  scene(async ({ run, path }) => {
    await run('synth', '--to', 'all.hft', '--requests', '20000', '--keys', '500', '--duration', '2h');
    await run('slice', 'all.hft', '--out', 's50.hft', '--sample', '0.5');
    await run('slice', 'all.hft', '--out', 's20.hft', '--sample', '0.2');
    await run('merge', 's50.hft', 's20.hft', '--to', 'a.hft');
    await run('merge', 's20.hft', 's50.hft', '--to', 'b.hft');
    const [a, b, s20, s50] = ['a.hft', 'b.hft', 's20.hft', 's50.hft'].map((name) => openRecord(path(name)));
    const keys = (record: typeof a): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const { keyHi, keyLo } of rowsOf([...record!.batches()]))
        counts.set(`${keyHi} ${keyLo}`, (counts.get(`${keyHi} ${keyLo}`) ?? 0) + 1);
      return counts;
    };
    const twice = new Map([...keys(s20)].map(([key, count]) => [key, 2 * count]));
    expect(keys(a)).toEqual(twice);
    expect(keys(b)).toEqual(twice);
    expect([a!.info.fromMs, b!.info.fromMs]).toEqual([s50!.info.fromMs, s50!.info.fromMs]);
    expect([a!.info.rateMin, a!.info.rateMax, a!.info.requests]).toEqual([0.2, 0.2, 40_000]);
  }));

test('an import that is interrupted, or whose input fails, leaves nothing that looks like a record', () =>
  scene(async ({ run, interrupt, dir }) => {
    for (const to of ['x.hft', 'rec']) {
      interrupt('SIGINT');
      const ended = await run('import', CALGARY, '--to', to);
      expect(ended).toEqual({
        code: 1,
        out: '',
        err: 'holdfast traffic import: ended by SIGINT; nothing was imported\n',
      });
      expect((await readdir(dir, { recursive: true })).filter((name) => /hft|part/.test(name))).toEqual([]);
    }
    expect((await run('import', CALGARY, '--to', 'x.hft')).code).toBe(0);
    expect(await readdir(dir)).toContain('x.hft');
  }));

test('what is no record, or none that can be read, ends with 2 and the reason', () =>
  scene(async ({ run, path }) => {
    await writeFile(path('text.log'), 'some text that is no record at all\n');
    await writeFile(path('empty.hft'), '');
    await run('synth', '--to', 'whole.hft', '--requests', '100', '--keys', '10', '--duration', '5m');
    const bytes = await readFile(path('whole.hft'));
    await writeFile(path('cut.hft'), bytes.subarray(0, bytes.length / 2));
    const line = '::1 - - [24/Nov/2025:10:00:00 +0000] "GET /a HTTP/1.1" 200 10\n';
    const tar = Buffer.alloc(512);
    tar.write('access.log');
    tar.write('ustar', 257);
    await writeFile(path('logs.tar'), Buffer.concat([tar, Buffer.from(line.repeat(50))]));
    await writeFile(path('logs.zip'), `PK\x03\x04\x0a\0\0\0\0\0access.log${line.repeat(50)}`);
    for (const [args, said] of [
      [
        ['import', 'text.log', '--format', 'holdfast', '--to', 'x.hft'],
        'traffic import: text.log is not a traffic record',
      ],
      [['import', 'logs.tar', '--to', 'x.hft'], 'logs.tar is no log; it looks like a tar archive'],
      [['import', 'logs.zip', '--to', 'x.hft'], 'logs.zip is no log; it looks like a ZIP archive'],
      [['info', 'empty.hft'], 'it is empty'],
      [['info', '/dev/null'], 'it is neither a file nor a directory'],
      [['info', 'cut.hft'], 'torn at its end'],
    ] as const) {
      const { code, err } = await run(...args);
      expect(err).toContain(said);
      expect(code).toBe(2);
    }
  }));

test('a record that is shorter than an hour has no busiest hour', () =>
  scene(async ({ run }) => {
    await run('synth', '--to', 'short.hft', '--requests', '2000', '--keys', '100', '--duration', '30m');
    await run('synth', '--to', 'long.hft', '--requests', '2000', '--keys', '100', '--duration', '3h');
    expect((await run('info', 'short.hft')).out).not.toContain('busiest hour');
    expect((await run('info', 'long.hft')).out).toContain('busiest hour');
  }));

test('a slice says which routes it has not found, and when a sample is none', () =>
  scene(async ({ run }) => {
    await run('synth', '--to', 'all.hft', '--requests', '2000', '--keys', '100', '--duration', '1h');
    expect((await run('slice', 'all.hft', '--out', 's.hft', '--sample', '0.2')).err).toBe('');
    const again = await run('slice', 's.hft', '--out', 't.hft', '--sample', '0.4');
    expect(again).toMatchObject({
      code: 0,
      err: '--sample 0.4 changes nothing: the record has 20 % of the keys\n',
    });
    const routes = ['--route', 'all', '--route', 'nosuch'];
    const some = await run('slice', 'all.hft', '--out', 'u.hft', ...routes);
    expect(some).toMatchObject({ code: 0, err: 'no request of that time is of --route nosuch\n' });
    const none = await run('slice', 'all.hft', '--out', 'v.hft', '--route', 'nosuch');
    expect(none.code).toBe(1);
    expect(none.err).toContain('--route nosuch');
  }));
