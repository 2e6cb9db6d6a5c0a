import { describe, expect, test } from 'bun:test';
import { Fields } from './fields.ts';
import {
  addVia,
  isLoop,
  originRequestFields,
  passedResponseFields,
  storedResponseFields,
} from './forward.ts';

const of = (fields: Record<string, string>): Fields => new Fields(Object.entries(fields).flat());
const NOW_S = 784_111_777;
const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';

describe('originRequestFields', () => {
  test.each([
    'accept',
    'accept-language',
    'user-agent',
    'authorization',
    'origin',
    'sec-ch-dpr',
    'dpr',
    'via',
    'x-custom',
  ])('sends %s', (name) => {
    expect(originRequestFields(of({ [name]: 'v' })).get(name)).toBe('v');
  });

  test.each([
    'host',
    'connection',
    'keep-alive',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'proxy-authorization',
    'proxy-connection',
    'content-length',
    'expect',
    'range',
    'if-range',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'if-unmodified-since',
    'cookie',
    'cache-control',
    'pragma',
    'forwarded',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-anything',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
    'x-host',
    'x-middleware-subrequest',
    // Gateways read these as X-Forwarded-Host.
    'x_forwarded_host',
    'x-forwarded_host',
    'x.forwarded.host',
    'x_anything',
    // The client's situation.
    'referer',
    'sec-fetch-site',
    'sec-fetch-dest',
    'sec-purpose',
    'purpose',
    'dnt',
    'from',
    'x-requested-with',
    'upgrade-insecure-requests',
    'priority',
  ])('keeps %s back', (name) => {
    expect(originRequestFields(of({ [name]: 'v', accept: '*/*' })).flat).toEqual(['accept', '*/*']);
  });

  test('keeps back what Connection names', () => {
    const request = of({ connection: 'close, X-Secret', 'x-secret': '1', 'x-open': '2' });
    expect(originRequestFields(request).flat).toEqual(['x-open', '2']);
  });

  test('cookies and cache directives on demand', () => {
    const request = of({ cookie: 'a=b', 'cache-control': 'no-cache', pragma: 'no-cache' });
    expect(originRequestFields(request, { cookies: true }).flat).toEqual(['cookie', 'a=b']);
    expect(originRequestFields(request, { cacheDirectives: true }).flat).toEqual([
      'cache-control',
      'no-cache',
      'pragma',
      'no-cache',
    ]);
  });

  test('the situation on demand, and with cookies: then the answer is for one client', () => {
    const flat = ['referer', 'http://a/', 'sec-fetch-dest', 'image'];
    expect(originRequestFields(new Fields(flat), { neutral: false }).flat).toEqual(flat);
    expect(originRequestFields(new Fields(flat), { cookies: true }).flat).toEqual(flat);
    expect(originRequestFields(new Fields(flat), { cookies: true, neutral: true }).flat).toEqual([]);
    expect(
      originRequestFields(of({ x_forwarded_host: 'v' }), { neutral: false, cookies: true }).flat,
    ).toEqual([]);
  });

  test('keeps the order, and lines of one name apart', () => {
    const flat = ['b', '1', 'a', '2', 'b', '3'];
    expect(originRequestFields(new Fields(flat)).flat).toEqual(flat);
  });
});

describe('storedResponseFields', () => {
  test('keeps end-to-end fields as they are', () => {
    const flat = [
      'date',
      DATE,
      'content-type',
      'image/png',
      'etag',
      '"a"',
      'x-a',
      '1',
      'x-a',
      '2',
      'cache-control',
      'max-age=5',
    ];
    expect(storedResponseFields(new Fields(flat), NOW_S + 5).flat).toEqual(flat);
  });

  test.each([
    'connection',
    'transfer-encoding',
    'proxy-authenticate',
    'set-cookie',
    'age',
    'content-length',
    'alt-svc',
  ])('leaves %s out', (name) => {
    expect(storedResponseFields(of({ [name]: 'v', date: DATE }), NOW_S).flat).toEqual(['date', DATE]);
  });

  test('leaves out what qualified private and no-cache name', () => {
    const response = of({
      date: DATE,
      'cache-control': 'private="X-User", no-cache="x-b"',
      'x-user': '1',
      'x-b': '2',
    });
    const stored = storedResponseFields(response, NOW_S);
    expect(stored.has('x-user')).toBe(false);
    expect(stored.has('x-b')).toBe(false);
    expect(stored.has('cache-control')).toBe(true);
  });

  test('a missing or broken Date becomes the time of receipt', () => {
    expect(storedResponseFields(of({}), NOW_S).flat).toEqual(['date', DATE]);
    expect(storedResponseFields(of({ date: 'now' }), NOW_S).flat).toEqual(['date', DATE]);
    expect(storedResponseFields(new Fields(['date', DATE, 'date', DATE]), NOW_S).flat).toEqual([
      'date',
      DATE,
    ]);
  });
});

test('passedResponseFields keeps what is for this client, not what is for this hop', () => {
  const response = of({
    'set-cookie': 'a=b',
    age: '5',
    'content-length': '9',
    connection: 'x-h',
    'x-h': '1',
    'alt-svc': 'h3',
  });
  expect(passedResponseFields(response).flat).toEqual([
    'set-cookie',
    'a=b',
    'age',
    '5',
    'content-length',
    '9',
  ]);
});

describe('Via', () => {
  test('appended, in one line', () => {
    const fields = new Fields();
    addVia(fields, 'holdfast');
    expect(fields.flat).toEqual(['via', '1.1 holdfast']);
    const more = new Fields(['via', '1.0 a', 'x', 'y', 'via', '2 b']);
    addVia(more, 'holdfast');
    expect(more.flat).toEqual(['x', 'y', 'via', '1.0 a, 2 b, 1.1 holdfast']);
  });

  test.each([
    ['1.1 node-1', true],
    ['1.0 a, HTTP/1.1 node-1 (comment)', true],
    ['1.1 node-10', false],
    ['node-1', false],
    ['1.1 a (node-1)', false],
  ])('a loop in %p: %p', (via, loop) => {
    expect(isLoop(of({ via }), 'node-1')).toBe(loop);
  });

  test('no Via, no loop', () => {
    expect(isLoop(of({}), 'node-1')).toBe(false);
  });
});
