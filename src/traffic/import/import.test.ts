import { expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { seededRandom } from '../../base/random.ts';
import { batchesOf, Stated } from '../batch.ts';
import { encodeBlock } from '../record/format.ts';
import { bytesSource, recordFrom } from '../record/reading.ts';
import { madeRows } from '../rows.fixture.ts';
import { fileOf, imported, keyOf, keyText, PLAIN, recordFile, rowsOfText } from './import.fixture.ts';
import { NoLog } from './input.ts';
import { PlainNamer } from './naming.ts';

/** `count` lines of a combined log, one a second. */
function log(count: number, startS = 1_795_514_400, path = (i: number) => `/${i % 17}.jpg`): string {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  return Array.from({ length: count }, (_, i) => {
    const iso = new Date((startS + i) * 1000).toISOString();
    const day = `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)}`;
    return `192.0.2.1 - - [${day} +0000] "GET ${path(i)} HTTP/1.1" 200 ${100 + i} "-" "-"\n`;
  }).join('');
}

test('however a file is cut into pieces, its rows are the same', async () => {
  const text = log(50);
  const whole = await imported([fileOf('a', text)]);
  expect(whole.rows).toHaveLength(50);
  for (const pieceBytes of [1, 2, 3, 79, 80, 81, 1000]) {
    const { rows, report } = await imported([fileOf('a', text, pieceBytes)]);
    expect(rows).toEqual(whole.rows);
    expect(report.lines).toBe(50);
  }
  expect((await imported([fileOf('a', text.replaceAll('\n', '\r\n'))])).rows).toEqual(whole.rows);
});

test('packed files are unpacked: several members, and what was there before an early end', async () => {
  const [one, two] = [log(3000), log(3000, 1_795_600_000)];
  const whole = await imported([fileOf('a', one + two)]);
  for (const pack of [gzipSync, zstdCompressSync]) {
    const members = Buffer.concat([pack(one), pack(two)]);
    for (const pieceBytes of [1000, 1_000_000]) {
      const { rows, report } = await imported([fileOf('a', members, pieceBytes)]);
      expect(rows).toEqual(whole.rows);
      expect(report.troubles).toEqual([]);
      expect(report.bytesRead).toBe(members.length);
    }
    const early = await imported([fileOf('a', members.subarray(0, members.length - 20), 1000)]);
    expect(early.report.troubles).toEqual(['a: it ends in the middle; what was there before is imported']);
    expect(early.rows.length).toBeGreaterThanOrEqual(3000);
    expect(early.rows).toEqual(whole.rows.slice(0, early.rows.length));
  }
  const random = seededRandom(5);
  const large = log(20_000, 1e9, () => `/${random.u32()}.jpg`);
  const damaged = gzipSync(large);
  damaged.fill(0xff, 100_000, 100_100);
  const { report, rows } = await imported([fileOf('a', damaged)]);
  expect(rows.length).toBeGreaterThan(5000);
  expect(report.troubles[0]).toMatch(/^a: it is damaged/);
  const small = imported([fileOf('a', Buffer.concat([gzipSync(one).subarray(0, 100), Buffer.alloc(100)]))]);
  expect(small).rejects.toThrow('a is damaged: nothing of it can be unpacked');
});

test('packed files that are damaged anywhere end, and hand out whole lines of what was there', async () => {
  const random = seededRandom(17);
  const text = log(4000, 1e9, () => `/${random.u32()}.jpg`);
  const whole = (await imported([fileOf('a', text)])).rows;
  for (let round = 0; round < 60; round += 1) {
    const packed = Buffer.from((round % 2 === 0 ? gzipSync : zstdCompressSync)(text));
    const at = 100 + (random.u32() % (packed.length - 100));
    if (round % 3 === 0) packed[at] = packed[at]! ^ (1 + (random.u32() % 255));
    const bytes = round % 3 === 0 ? packed : packed.subarray(0, at);
    const outcome = await imported([fileOf('a', bytes, 1 + (random.u32() % 100_000))]).catch(
      (error: unknown) => {
        expect(error).toBeInstanceOf(NoLog);
      },
    );
    if (outcome === undefined) continue;
    const { rows, report } = outcome;
    // zstd has a checksum only where the packer was asked for one.
    if (round % 3 !== 0 || round % 2 === 0) expect([round, report.troubles.length]).toEqual([round, 1]);
    if (round % 3 !== 0) expect(rows).toEqual(whole.slice(0, rows.length));
  }
});

test('lines that make no sense are counted by reason and shown without secrets', async () => {
  const good = log(3).trimEnd().split('\n');
  const lines = [
    ...good,
    'a line of something else password=hunter2 Bearer abc.def',
    good[0]!.replace('24/Nov', '99/Nov'),
    good[0]!.replace('2026', '1966'),
    good[0]!.replace('GET /0.jpg', '\\x16\\x03'),
    good[0]!.replace('/0.jpg', '/../%00?token=secret'),
    good[0]!.replace(' 200 ', ' 999 '),
    good[0]!.replace(' 100 ', ' x100 '),
    `${'x'.repeat(300_000)}`,
    'again',
    '',
    good[0]!.replace('GET', 'POST'),
    good[0]!.slice(0, 40),
  ];
  const { report, rows } = await imported([fileOf('a.log', lines.join('\n'))]);
  expect(rows).toHaveLength(3);
  expect(report.leftOut.method).toBe(1);
  expect(report.lines).toBe(14);
  const reasons = [...report.unreadable].map(([reason, { count, line }]) => [reason, count, line]);
  expect(reasons).toEqual([
    ['format', 2, 4],
    ['time', 2, 5],
    ['request', 1, 7],
    ['path', 1, 8],
    ['status', 1, 9],
    ['size', 1, 10],
    ['long', 1, 11],
    ['cut', 1, 15],
  ]);
  const told = JSON.stringify([...report.unreadable.values()]);
  for (const secret of ['hunter2', 'secret', 'abc.def']) expect(told).not.toContain(secret);
  expect(report.unreadable.get('long')!.text.length).toBeLessThan(110);
});

test('sizes that a log does not say are those that their key had', async () => {
  const row = (method: string, status: number, size: string) =>
    `192.0.2.1 - - [24/Nov/2026:10:00:00 +0000] "${method} /a.jpg HTTP/1.1" ${status} ${size}\n`;
  const text =
    row('HEAD', 200, '0') +
    row('GET', 206, '10') +
    row('GET', 206, '5') +
    row('GET', 499, '7') +
    row('GET', 200, '50') +
    row('GET', 206, '20') +
    row('GET', 304, '0') +
    row('HEAD', 200, '0') +
    row('HEAD', 404, '0') +
    row('GET', 416, '9') +
    row('GET', 404, '33') +
    row('GET', 301, '178') +
    row('GET', 304, '-');
  const { rows, report } = await imported([fileOf('a', text)]);
  expect(rows.map(({ bodyBytes }) => bodyBytes)).toEqual([0, 10, 10, 10, 50, 50, 50, 50, 0, 50, 33, 178, 50]);
  expect(rows.map(({ kind }) => kind.status)).toEqual([
    200, 200, 200, 200, 200, 200, 200, 200, 404, 200, 404, 301, 200,
  ]);
  expect(report.sizesUnknown).toBe(1);
});

test('keys: query and host as asked for, and images alone', async () => {
  const text =
    log(1, 1e9, () => '/a.jpg?w=1&utm=2') +
    log(1, 1e9 + 1, () => '/a.jpg?utm=3&w=1') +
    log(1, 1e9 + 2, () => '/style.css');
  const keys = async (query: 'all' | 'none' | { allow: string[] }) => {
    const namer = new PlainNamer({ route: 'r', keyHost: false, query, hashKey: { k0: 1, k1: 2 } });
    return new Set((await imported([fileOf('a', text)], { namer })).rows.map(keyText)).size;
  };
  expect(await keys('all')).toBe(3);
  expect(await keys('none')).toBe(2);
  expect(await keys({ allow: ['w'] })).toBe(2);
  expect(await keys({ allow: ['utm'] })).toBe(3);
  const { rows, report } = await imported([fileOf('a', text)], { onlyImages: true, lifetimeS: 60 });
  expect(rows).toHaveLength(2);
  expect(report.leftOut.image).toBe(1);
  expect(rows[0]!.life).toMatchObject({ known: 'stated', lifetimeS: 60, flags: Stated.VALIDATOR });
  const hosts =
    'a.test:80 ::1 - - [24/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 200 1\nb.test:80 ::1 - - [24/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 200 1\nA.test.:443 ::1 - - [24/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 200 1\n';
  const namer = new PlainNamer({ route: 'r', keyHost: true, query: 'all', hashKey: { k0: 1, k1: 2 } });
  expect(new Set((await imported([fileOf('a', hosts)], { namer })).rows.map(keyText)).size).toBe(2);
  expect(new Set((await imported([fileOf('a', hosts)])).rows.map(keyText)).size).toBe(1);
});

test('the short way to a key and the long one agree', async () => {
  const random = seededRandom(3);
  const parts = [
    '/',
    'a',
    'B9',
    '.',
    '..',
    '%41',
    '%2e',
    '%2F',
    '~',
    '?',
    'x=1',
    '&',
    '=',
    "'",
    '%zz',
    ' ',
    '\\\\',
    'é',
  ];
  const long = new PlainNamer({
    route: 'all',
    keyHost: false,
    query: { allow: [] },
    hashKey: { k0: 1, k1: 2 },
  });
  const short = new PlainNamer({ route: 'all', keyHost: false, query: 'none', hashKey: { k0: 1, k1: 2 } });
  for (let i = 0; i < 3000; i += 1) {
    let target = '/';
    for (let n = random.u32() % 8; n > 0; n -= 1) target += parts[random.u32() % parts.length]!;
    expect([target, keyOf(target, short)]).toEqual([target, keyOf(target, long)]);
  }
});

test('files of several times and servers are joined by time, whatever their order', async () => {
  const parts = Array.from({ length: 30 }, (_, i) => log(200, 1_795_514_400 + i * 200));
  const whole = await imported([fileOf('all', parts.join(''))]);
  const files = parts.map((text, i) => fileOf(`part ${i}`, text, 1000));
  const mixed = await imported(files.toReversed());
  expect(mixed.rows).toEqual(whole.rows);
  expect(mixed.report.lateRows).toBe(0);
  // Very many of the same time, as CloudFront writes them.
  const lines = parts.join('').trimEnd().split('\n');
  const dealt = Array.from({ length: 60 }, (_, i) =>
    fileOf(
      `edge ${i}`,
      lines
        .filter((_line, at) => at % 60 === i)
        .map((line) => `${line}\n`)
        .join(''),
    ),
  );
  const many = await imported(dealt);
  expect(many.rows).toEqual(whole.rows);
  expect(many.report.bytesRead).toBe(whole.report.bytesRead);
  // Two servers, whose logs are of the same hours.
  const [even, odd] = [0, 1].map((rest) =>
    parts
      .join('')
      .split('\n')
      .filter((line, i) => line !== '' && i % 2 === rest)
      .map((line) => `${line}\n`)
      .join(''),
  );
  const both = await imported([fileOf('even', even!, 3000), fileOf('odd', odd!, 500)]);
  expect(both.rows.map(({ atMs, bodyBytes }) => [atMs, bodyBytes])).toEqual(
    whole.rows.map(({ atMs, bodyBytes }) => [atMs, bodyBytes]),
  );
});

test('records of our own are taken in with all that they say, unless they are samples', async () => {
  const rows = madeRows(seededRandom(1), 5000);
  const recordOf = (rate: number) =>
    recordFrom(
      'r',
      batchesOf(rows, rate).map((batch, i) => bytesSource(`${i}`, encodeBlock(batch))),
    );
  const back = await imported([recordFile('r.hft', recordOf(1))]);
  expect(back.rows).toEqual(rows);
  const sampled = imported([recordFile('r.hft', recordOf(0.5))]);
  expect(sampled).rejects.toThrow(
    'r.hft is a record of a sample of the keys; join such records with: holdfast traffic merge',
  );
});

test('files of another kind are refused with what they look like', async () => {
  const tar = Buffer.alloc(1024);
  tar.write('file.txt', 0);
  tar.write('ustar', 257);
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['', /^f is empty$/],
    ['\n\n', /it looks like text/],
    [Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1]), /looks like an image \(JPEG\)/],
    [tar, /looks like a tar archive/],
    [gzipSync(tar), /looks like a tar archive/],
    ['<!DOCTYPE html><html><body>Sign in</body></html>\n', /looks like an HTML page/],
    [Buffer.from('\ufeff10.0.0.1 - - "GET"', 'utf16le'), /looks like text in UTF-16/],
    ['[{"a":1},{"a":2}]', /looks like an array of JSON/],
    ['{"a":1}\n{"a":2}\n', /looks like JSON, but its lines have no time and path/],
    ['{\n  "version": 1\n}\n', /looks like JSON/],
    ['2026/11/24 10:00:00 [error] 31#31: *1 open() failed\n', /nginx's error log/],
    ['Nov 24 10:00:00 host nginx: started\n', /syslog/],
    ['PK\x03\x04abc', /ZIP/],
    ['BZh91AY', /bzip2/],
    [gzipSync(gzipSync(log(3))), /packed twice/],
    [Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919) % 256)), /binary data/],
    [Buffer.alloc(4800), /binary data/],
    ['a,b,c\n1,2,3\n', /a table whose columns are not known/],
    ['version: 1\norigins: {}\n', /a configuration/],
    ['Once upon a time there was a log.\n', /looks like text, but no line/],
  ];
  for (const [content, why] of cases) {
    const refused = await imported([fileOf('f', content)]).then(
      () => 'taken',
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(NoLog);
    expect((refused as Error).message).toMatch(why);
  }
  const empty = await imported([fileOf('new', ''), fileOf('old', log(2)), fileOf('older', gzipSync(''))]);
  expect(empty.rows).toHaveLength(2);
  expect(empty.report.troubles).toEqual(['new is empty', 'older is empty']);
  const csv = imported([fileOf('f', 'a,b\n1,2\n')], { format: 'csv' });
  expect(csv).rejects.toThrow(/^f is a table without a column for the time/);
});

test('what is given as the format is not doubted', async () => {
  expect(await rowsOfText('garbage\n', { format: 'combined' })).toEqual([]);
});

test('random bytes and mutated lines are never fatal, and never read from elsewhere', async () => {
  const random = seededRandom(11);
  const seeds = [
    log(3),
    '{"timestamp":"2026-11-24T10:00:00Z","url":"/a.jpg","status":200,"bytes":5}\n',
    '#Fields: date time cs-method cs-uri-stem sc-status sc-bytes\n2019-12-04\t21:02:31\tGET\t/a%2520b.jpg\t200\t78\n',
    `79a5 pics [06/Feb/2026:00:00:38 +0000] 1.2.3.4 - 3E R.GET.OBJECT a "GET /a HTTP/1.1" 200 - 1 1 7 7 "-" "-" -\n`,
    'time_s,key,size_bytes\n93,"1.gif",1631\n',
  ];
  const formats = ['combined', 'json', 'cloudfront', 's3', 'csv', 'oracleGeneral'] as const;
  for (let round = 0; round < 1500; round += 1) {
    const bytes = Buffer.from(seeds[random.u32() % seeds.length]!.repeat(1 + (random.u32() % 3)));
    for (let n = random.u32() % 12; n > 0; n -= 1) bytes[random.u32() % bytes.length] = random.u32() & 255;
    const cut = bytes.subarray(0, random.u32() % (bytes.length + 1));
    const format = formats[random.u32() % formats.length]!;
    // Behind the text stands what must not be read.
    const guarded = Buffer.concat([cut, Buffer.from('" 200 777777 "-" "-"\n')]).subarray(0, cut.length);
    const from = (content: Uint8Array) =>
      imported([fileOf('f', content, 1 + (round % 40))], { format }).then(
        ({ rows, report }) => JSON.stringify([rows, [...report.unreadable]]),
        (error: unknown) => {
          if (!(error instanceof NoLog)) throw error;
          return 'refused';
        },
      );
    expect(await from(guarded)).toBe(await from(new Uint8Array(cut)));
  }
  expect(PLAIN).toBeDefined();
}, 30_000);

test('what is shown of a line has no secrets, whatever the log is', async () => {
  const opaque = 'q7Gh2kLmN9pRsT4uVwXyZ0aB';
  const lines = [
    `{"time":"x","path":"/a","api_token":"hunter2"}`,
    `{"Authorization":"hunter2 hunter2","time":"x"}`,
    `{"session_id":"hunter2\\"hunter2","time":"x"`,
    `{"x-api-key": 70707, "secret":hunter2`,
    `{"who":"${opaque}"}`,
    `{"cookie":"sid hunter2; b hunter2`,
  ];
  for (const line of lines) {
    const { report } = await imported([fileOf('a', `${line}\n`)], { format: 'json' });
    const [shown] = [...report.unreadable.values()];
    expect(shown!.text).not.toMatch(/hunter2|70707|q7Gh2/);
    expect(shown!.text).toContain('...');
  }
  const csv = `time,path,token\nnever,/images/a-picture-of-the-sea.jpg,${opaque}\n`;
  const { report } = await imported([fileOf('a', csv)], { format: 'csv' });
  expect([...report.unreadable.values()][0]!.text).toBe('never,/images/a-picture-of-the-sea.jpg,...');
});

test('times at which no server can have written a log are counted, and sizes that a record cannot say', async () => {
  const nowMs = Date.UTC(2026, 10, 24, 12);
  const times = [
    '24/Nov/2026:10:00:00 +0000',
    '25/Nov/2026:11:59:59 +0000',
    '25/Nov/2026:12:00:01 +0000',
    '31/Feb/2026:10:00:00 +0000',
    '29/Feb/2024:10:00:00 +0000',
    '24/Nov/9999:10:00:00 +0000',
    '31/Dec/1989:23:59:59 +0000',
  ];
  const text = times.map((time) => `::1 - - [${time}] "GET /a HTTP/1.1" 200 10\n`).join('');
  const { report, rows } = await imported([fileOf('a', text)], { nowMs });
  expect(rows).toHaveLength(3);
  expect(report.unreadable.get('date')!.count).toBe(3);
  expect(report.unreadable.get('time')!.count).toBe(1);
  const json = '{"time":"2026-02-31T10:00:00Z","path":"/a"}\n{"time":"2026-02-28T10:00:00Z","path":"/a"}\n';
  expect((await imported([fileOf('a', json)], { nowMs })).report.unreadable.get('time')!.count).toBe(1);
  // Traces count from 0, and may be made up.
  const table = await imported([fileOf('a', 'time,key,size\n0,a,4294967295\n99999999999,b,4294967296\n')], {
    nowMs,
  });
  expect(table.rows.map(({ bodyBytes }) => bodyBytes)).toEqual([2 ** 32 - 1, 2 ** 32 - 1]);
  expect(table.report.sizesCut).toBe(1);
});
