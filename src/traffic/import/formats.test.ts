import { expect, test } from 'bun:test';
import { Stated } from '../batch.ts';
import { CSV_HEADER } from '../export.ts';
import { type FieldMap, parseFieldMap } from './field-map.ts';
import { fileOf, imported, keyOf, keyText, rowsOfText } from './import.fixture.ts';

const fields = (text: string): FieldMap => parseFieldMap(text) as FieldMap;

test('nginx: combined, with request time, upstream time and cache status behind it', async () => {
  const text = `203.0.113.9 - - [24/Nov/2026:10:00:00 +0000] "GET /a/b.jpg HTTP/1.1" 200 5120 "https://example.com/x?y=1" "Mozilla/5.0 (X11; Linux x86_64)" 0.003 - HIT
2001:db8::1 - alice [24/Nov/2026:11:00:01 +0100] "GET /a/c.jpg?w=3 HTTP/2.0" 200 512 "-" "curl \\"8\\"" rt=0.010 urt="0.008" cs=MISS
203.0.113.9 - - [24/Nov/2026:10:00:02 +0000] "GET /a/b.jpg HTTP/1.1" 304 0 "-" "HIT MISS" 0.000 - REVALIDATED
203.0.113.9 - - [24/Nov/2026:10:00:03 +0000] "HEAD /a/b.jpg HTTP/1.1" 200 0 "-" "-" 0.000 - EXPIRED
203.0.113.9 - - [24/Nov/2026:10:00:04 +0000] "GET /gone HTTP/1.1" 404 153 "-" "-" 0.000 - STALE
`;
  expect(await rowsOfText(text)).toEqual([
    ['2026-11-24T10:00:00.000Z', 5120, 200, 'GET', 'hit', undefined],
    ['2026-11-24T10:00:01.000Z', 512, 200, 'GET', 'miss', 8],
    ['2026-11-24T10:00:02.000Z', 5120, 200, 'GET', 'revalidated', undefined],
    ['2026-11-24T10:00:03.000Z', 5120, 200, 'HEAD', 'miss', undefined],
    ['2026-11-24T10:00:04.000Z', 153, 404, 'GET', 'stale', undefined],
  ]);
});

test('nginx: fields behind the user agent are named by their place', async () => {
  const text = `203.0.113.9 - - [24/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 10 "-" "-" 0.121 0.020, 0.100 "MISS" img.example.com
203.0.113.9 - - [24/Nov/2026:10:00:01 +0000] "GET /a HTTP/1.1" 200 10 "-" "-" 0.000 - "HIT" img.example.com
`;
  const { rows } = await imported([fileOf('a', text)], { fields: fields('origin_s=2,cache=3') });
  expect(rows.map(({ originMs, kind }) => [originMs, kind.outcome])).toEqual([
    [120, 'miss'],
    [undefined, 'hit'],
  ]);
});

test('common and vhost_combined; one key for all spellings of a path', async () => {
  const text = `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
img.example.com:443 203.0.113.9 - - [10/Oct/2000:20:55:37 +0000] "GET /%61pache_pb.gif HTTP/1.1" 200 2326 "-" "-"
::1 - - [10/Oct/2000:20:55:38 +0000] "GET /x/../apache_pb.gif HTTP/1.1" 206 1000 "-" "-"
::1 - - [10/Oct/2000:20:55:39 +0000] "GET /a\\"b HTTP/1.1" 200 - "-" "-"
::1 - - [10/Oct/2000:20:55:40 +0000] "GET /a%22b" 200 7
`;
  const { rows, report } = await imported([fileOf('a', text)]);
  expect(rows.map(({ bodyBytes }) => bodyBytes)).toEqual([2326, 2326, 2326, 0, 7]);
  expect(new Set(rows.slice(0, 3).map(keyText))).toEqual(new Set([keyOf('/apache_pb.gif')]));
  expect(new Set(rows.slice(3).map(keyText))).toEqual(new Set([keyOf('/a%22b')]));
  expect(report.sizesGuessed).toBe(1);
});

test('varnishncsa: whole addresses, and words for how it was handled', async () => {
  const text = `192.0.2.1 - - [24/Nov/2026:10:00:00 +0000] "GET http://img.example.com/a.jpg HTTP/1.1" 200 100 "-" "-" hit 0.000045
192.0.2.1 - - [24/Nov/2026:10:00:01 +0000] "GET http://img.example.com/a.jpg?x=1 HTTP/1.1" 200 100 "-" "-" pass 0.1
192.0.2.1 - - [24/Nov/2026:10:00:02 +0000] "GET http://img.example.com HTTP/1.1" 503 100 "-" "-" synth 0.1
`;
  const { rows } = await imported([fileOf('a', text)]);
  expect(rows.map((row) => [keyText(row), row.kind.outcome])).toEqual([
    [keyOf('/a.jpg'), 'hit'],
    [keyOf('/a.jpg?x=1'), 'bypass'],
    [keyOf('/'), 'refused'],
  ]);
});

test('CloudFront: columns by the header, values encoded once, several files with headers of their own', async () => {
  const header = `#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end
`;
  const line = (time: string, stem: string, query: string, status: string, result: string, length: string) =>
    `2019-12-04\t${time}\tLAX1\t1392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t${stem}\t${status}\t-\tMozilla/5.0%20(Windows)\t${query}\t-\t${result}\tSOX4==\timg.example.com\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE\t${result}\tHTTP/2.0\t-\t-\t11040\t0.021\t${result}\timage/jpeg\t${length}\t-\t-\n`;
  const one = `${header}${line('21:02:31', '/a%2520b.jpg', '-', '200', 'Hit', '78')}${line('21:02:33', '/c.jpg', 'w=10%26h=3', '200', 'Miss', '50')}`;
  const two = `${header}${line('21:02:32', '/c.jpg', '-', '304', 'RefreshHit', '-')}${line('21:02:34', '/d.jpg', '-', '000', 'Error', '-')}${line('21:02:35', '/d.jpg', '-', '502', 'Error', '5')}`;
  const { rows, report } = await imported([fileOf('two', two), fileOf('one', one)]);
  expect(
    rows.map((row) => [keyText(row), row.bodyBytes, row.kind.status, row.kind.outcome, row.originMs]),
  ).toEqual([
    [keyOf('/a%20b.jpg'), 78, 200, 'hit', undefined],
    [keyOf('/c.jpg'), 0, 200, 'revalidated', undefined],
    [keyOf('/c.jpg?w=10&h=3'), 50, 200, 'miss', 21],
    [keyOf('/d.jpg'), 1392, 200, 'miss', 21],
    [keyOf('/d.jpg'), 5, 502, 'failed', undefined],
  ]);
  expect(report.files.map(({ format }) => format)).toEqual(['cloudfront', 'cloudfront']);
});

test('Cloudflare: times of three kinds, nanoseconds of the origin, null and 0 for what is not known', async () => {
  const line = (values: object) =>
    `${JSON.stringify({ ClientRequestMethod: 'GET', ClientRequestHost: 'img.example.com', EdgeResponseStatus: 200, ...values })}\n`;
  const text =
    line({
      EdgeStartTimestamp: '2026-11-24T10:00:00Z',
      ClientRequestURI: '/a.jpg?w=1',
      CacheCacheStatus: 'hit',
      CacheResponseBytes: 900,
      OriginResponseTime: 0,
    }) +
    line({
      EdgeStartTimestamp: 1795514401,
      ClientRequestURI: '/a.jpg?w=1',
      CacheCacheStatus: 'miss',
      CacheResponseBytes: 900,
      OriginResponseTime: 25_000_000,
    }) +
    line({
      EdgeStartTimestamp: 1795514402500000000,
      ClientRequestPath: '/a.jpg',
      ClientRequestQuery: '?w=1',
      CacheCacheStatus: 'expired',
      EdgeResponseBodyBytes: 800,
      CacheResponseBytes: null,
    }) +
    line({
      EdgeStartTimestamp: '2026-11-24T10:00:03.25Z',
      ClientRequestPath: '/b.jpg',
      EdgeResponseStatus: 0,
      CacheCacheStatus: 'dynamic',
    }) +
    line({
      EdgeStartTimestamp: '2026-11-24T10:00:04Z',
      ClientRequestPath: '/b.jpg',
      ClientRequestMethod: 'POST',
    });
  const { rows, report } = await imported([fileOf('a', text)]);
  expect(
    rows.map((row) => [
      new Date(row.atMs).toISOString().slice(17),
      keyText(row),
      row.bodyBytes,
      row.kind.outcome,
      row.originMs,
    ]),
  ).toEqual([
    ['00.000Z', keyOf('/a.jpg?w=1'), 900, 'hit', undefined],
    ['01.000Z', keyOf('/a.jpg?w=1'), 900, 'miss', 25],
    ['02.500Z', keyOf('/a.jpg?w=1'), 800, 'miss', undefined],
    ['03.250Z', keyOf('/b.jpg'), 0, 'bypass', undefined],
  ]);
  expect(report.leftOut.method).toBe(1);
});

test('Fastly, and other JSON whose fields are named', async () => {
  const fastly = `{"timestamp":"2026-11-24T10:00:00+0000","host":"img.example.com","url":"/a.jpg","request_method":"GET","response_status":200,"response_body_size":77,"fastly_info_state":"HIT-CLUSTER"}
{"timestamp":"2026-11-24T10:00:01+0000","host":"img.example.com","url":"/b.jpg","request_method":"HEAD","response_status":"200","response_body_size":"0","fastly_info_state":"MISS"}
`;
  expect(await rowsOfText(fastly)).toEqual([
    ['2026-11-24T10:00:00.000Z', 77, 200, 'GET', 'hit', undefined],
    ['2026-11-24T10:00:01.000Z', 0, 200, 'HEAD', 'miss', undefined],
  ]);
  const ours = `{"time":"2026-11-24T10:00:00.123Z","client":"::1","method":"GET","host":"h","path":"/a.jpg?w=4","status":200,"outcome":"collapsed","route":"r","bytes":77,"durationMs":3.1,"originMs":2.5}\n`;
  expect(await rowsOfText(ours)).toEqual([['2026-11-24T10:00:00.123Z', 77, 200, 'GET', 'collapsed', 3]]);
  const caddy =
    '{"ts":1795514400.25,"request":{"method":"GET","uri":"/a.jpg","host":"h"},"status":200,"size":12}\n';
  expect(await rowsOfText(caddy)).toEqual([['2026-11-24T10:00:00.250Z', 12, 200, 'GET', 'miss', undefined]]);
  const own = '{"when":"2026-11-24 10:00:00","what":{"it":"/a.jpg"},"long":5,"wait":3}\n';
  const options = { fields: fields('time=when,path=what.it,size=long,origin_ms=wait') };
  expect(await rowsOfText(own, options)).toEqual([['2026-11-24T10:00:00.000Z', 5, 200, 'GET', 'miss', 3]]);
});

test('S3: objects by their size, whichever way the bucket is addressed; other operations are left out', async () => {
  const line = (operation: string, request: string, rest: string, host: string) =>
    `79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be pics [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE ${operation} a/b.jpg "${request}" ${rest} "-" "S3Console/0.4" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuN= SigV4 ECDHE-RSA - ${host} TLSV1.2 - Yes\n`;
  const text =
    line(
      'REST.GET.OBJECT',
      'GET /pics/a/b.jpg HTTP/1.1',
      '200 - 4406 4406 71 70',
      's3.eu-west-1.amazonaws.com',
    ) +
    line(
      'REST.GET.OBJECT',
      'GET /a/b.jpg HTTP/1.1',
      '206 - 100 4406 12 11',
      'pics.s3.eu-west-1.amazonaws.com',
    ) +
    line(
      'REST.HEAD.OBJECT',
      'HEAD /a/b.jpg HTTP/1.1',
      '304 - - 4406 5 -',
      'pics.s3.eu-west-1.amazonaws.com',
    ) +
    line(
      'WEBSITE.GET.OBJECT',
      'GET /a/b.jpg HTTP/1.1',
      '404 NoSuchKey 290 - 5 -',
      'pics.s3-website.amazonaws.com',
    ) +
    line('REST.GET.VERSIONING', 'GET /pics?versioning HTTP/1.1', '200 - 113 - 7 -', 's3.amazonaws.com') +
    line('REST.GET.OBJECT', '-', '200 - 10 10 1 1', '-');
  const { rows, report } = await imported([fileOf('a', text)]);
  expect(rows.map((row) => [keyText(row), row.bodyBytes, row.kind.status, row.originMs])).toEqual([
    [keyOf('/a/b.jpg'), 4406, 200, 70],
    [keyOf('/a/b.jpg'), 4406, 200, 11],
    [keyOf('/a/b.jpg'), 4406, 200, undefined],
    [keyOf('/a/b.jpg'), 290, 404, undefined],
    [keyOf('/a/b.jpg'), 10, 200, 1],
  ]);
  expect(report.leftOut.method).toBe(1);
});

test('tables: by header, by names that are given, by places, with quotes and other separators', async () => {
  expect(await rowsOfText('time_s,key,size_bytes\n93,1.gif,1631\n94.5,"2,5.gif",7\n95,"a""b,c",8\n')).toEqual(
    [
      ['1970-01-01T00:01:33.000Z', 1631, 200, 'GET', 'miss', undefined],
      ['1970-01-01T00:01:34.500Z', 7, 200, 'GET', 'miss', undefined],
      ['1970-01-01T00:01:35.000Z', 8, 200, 'GET', 'miss', undefined],
    ],
  );
  const text =
    'when;what;how big;x_cache;method\n2026-11-24T10:00:00Z;/a.jpg;5;HIT;GET\n2026-11-24T10:00:01Z;/a.jpg;5;MISS;PUT\n';
  expect(
    await rowsOfText(text, { fields: fields('time=when,path=what,size=how big,cache=x_cache') }),
  ).toEqual([['2026-11-24T10:00:00.000Z', 5, 200, 'GET', 'hit', undefined]]);
  const bare = '17 a 300\n18 b 400\n'.replaceAll(' ', '\t');
  expect(await rowsOfText(bare, { format: 'csv', fields: fields('time_s=1,key=2,size=3') })).toEqual([
    ['1970-01-01T00:00:17.000Z', 300, 200, 'GET', 'miss', undefined],
    ['1970-01-01T00:00:18.000Z', 400, 200, 'GET', 'miss', undefined],
  ]);
});

test('an exported record keeps keys, routes, kinds and lifetimes', async () => {
  const text = `${CSV_HEADER}1.5,00000001ffffffff,10,photos,404,stale,HEAD,1,,7,400,60\n2,0000000a0000000b,20,other,200,miss,GET,,1,,,\n2,nohash,20,other,200,miss,GET,,1,,,\n`;
  const { rows, report } = await imported([fileOf('a', text)]);
  expect(rows).toMatchObject([
    {
      atMs: 1500,
      keyHi: 1,
      keyLo: 0xffff_ffff,
      bodyBytes: 10,
      besideBytes: 400,
      originMs: 7,
      kind: { route: 'photos', status: 404, outcome: 'stale', head: true, variant: true, internal: false },
      life: { known: 'stated', lifetimeS: 60, flags: Stated.VALIDATOR },
    },
    {
      atMs: 2000,
      keyHi: 10,
      keyLo: 11,
      kind: { route: 'other', internal: true },
      life: { known: 'unknown' },
    },
  ]);
  expect(report.unreadable.get('format')).toMatchObject({ count: 1, line: 4 });
});

test('oracleGeneral: rows of 24 bytes, and a part of one at the end', async () => {
  const rows = [
    [10, 7n, 100, 2n],
    [11, 8n, 200, -1n],
    [12, 7n, 100, -1n],
  ] as const;
  const bytes = Buffer.alloc(24 * 3 + 5);
  for (const [at, [time, id, size, next]] of rows.entries()) {
    bytes.writeUInt32LE(time, at * 24);
    bytes.writeBigUInt64LE(id, at * 24 + 4);
    bytes.writeUInt32LE(size, at * 24 + 12);
    bytes.writeBigInt64LE(next, at * 24 + 16);
  }
  for (const pieceBytes of [1, 7, 24, 1000]) {
    const { rows: read, report } = await imported([fileOf('a', bytes, pieceBytes)]);
    expect(read.map(({ atMs, bodyBytes }) => [atMs, bodyBytes])).toEqual([
      [10_000, 100],
      [11_000, 200],
      [12_000, 100],
    ]);
    expect(keyText(read[0]!)).toBe(keyText(read[2]!));
    expect(keyText(read[0]!)).not.toBe(keyText(read[1]!));
    expect(report.unreadable.get('cut')).toMatchObject({ count: 1, line: 4, text: '' });
    expect(report.files[0]!.format).toBe('oracleGeneral');
  }
});

test('a table without a header loses no row, whatever its first cells look like', async () => {
  const places = { fields: fields('time_s=1,key=2,size=3') };
  for (const first of ['1,3,100', '1,a,100', '1,url,2', '1,size,3', '1,2,3']) {
    const [, key, size] = first.split(',');
    const { rows, report } = await imported([fileOf('a', `${first}\n4,b,200\n`)], places);
    expect(rows.map(({ atMs, bodyBytes }) => [atMs, bodyBytes])).toEqual([
      [1000, Number(size)],
      [4000, 200],
    ]);
    expect(keyText(rows[0]!)).toBe(keyText((await imported([fileOf('a', `9,${key},1\n`)], places)).rows[0]!));
    expect(report.troubles).toEqual([]);
  }
  const withHeader = await imported([fileOf('a', 'when,what,long\n1,a,100\n')], places);
  expect(withHeader.rows).toHaveLength(1);
});

test('fields that no log has are refused, or told', async () => {
  const table = 'ts,url,size\n1764000000,/a.jpg,100\n';
  const mistyped = imported([fileOf('t.csv', table)], { format: 'csv', fields: fields('time=nosuch') });
  expect(mistyped).rejects.toThrow('none of its columns is time=nosuch of --fields');
  expect(imported([fileOf('t.csv', table)], { fields: fields('time=nosuch') })).rejects.toThrow(
    'nothing in it is time=nosuch of --fields',
  );
  const beyond = await imported([fileOf('t.csv', table)], { fields: fields('cache=99') });
  expect(beyond.report.troubles).toEqual(['--fields cache=99: no line has it']);
  const json = '{"time":1764000000,"path":"/a","c":"HIT"}\n';
  expect((await imported([fileOf('j', json)], { fields: fields('cache=c') })).report.troubles).toEqual([]);
  expect((await imported([fileOf('j', json)], { fields: fields('cache=k') })).report.troubles).toEqual([
    '--fields cache=k: no line has it',
  ]);
});
