import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { formatProblems } from '../../config/problem.ts';
import { validateConfig } from '../../config/validate.ts';
import { eventually } from '../harness.suite.ts';
import { type Gallery, imgproxyMacOf, macOf, smallImages, startGallery, TYPES } from './images.fixture.ts';

/** Signed addresses that were changed, presets that there are not, numbers that are none, and secrets that are to stay so. */

// Machines may be slow, and busy with other things.
setDefaultTimeout(60_000);

const KEY = 'first-key-of-the-tests-0123456789';
const FORMER = 'former-key-of-the-tests-987654321';
const OTHER = 'a-key-that-the-node-does-not-have';
const HEX = Buffer.from(KEY).toString('hex');
const HEX_FORMER = Buffer.from(FORMER).toString('hex');
const SALT = Buffer.from('salt-of-the-tests').toString('hex');
const SECRETS = [KEY, FORMER, HEX, HEX_FORMER, SALT];

const SIGNED = { host: 'signed.test' };
const PRESETS = { host: 'presets.test' };

let gallery: Gallery;

beforeAll(async () => {
  const keys = `keys: [{ key: ${KEY} }, { key: ${FORMER} }]`;
  gallery = await startGallery(`
log: { access: { to: stdout } }
routes:
  - name: s-imgix
    origin: web
    match: { hosts: [signed.test], paths: ['/imgix/*'] }
    images: { signing: { ${keys} } }
  - name: s-cloudflare
    origin: web
    match: { hosts: [signed.test], paths: ['/cf/*'] }
    images: { grammar: cloudflare, signing: { ${keys} } }
  - name: s-next
    origin: web
    match: { hosts: [signed.test], paths: ['/_next/image', '/next/*'] }
    images: { grammar: next, signing: { ${keys} } }
  - name: s-imgproxy
    origin: web
    match: { hosts: [signed.test], paths: ['/ip/*'] }
    stripPrefix: /ip
    images:
      grammar: imgproxy
      originals: photos
      signing: { keys: [{ key: ${HEX}, salt: ${SALT} }, { key: ${HEX_FORMER}, salt: ${SALT} }] }
  - name: p-imgix
    origin: web
    match: { hosts: [presets.test], paths: ['/imgix/*'] }
    images: { presets: { hero: w=20, card: w=10&fm=png }, presetsOnly: true }
  - name: p-imgproxy
    origin: web
    match: { hosts: [presets.test], paths: ['/ip/*'] }
    stripPrefix: /ip
    images: { grammar: imgproxy, originals: photos, presets: { hero: w=20 }, presetsOnly: true }
  - { name: photos, origin: web, match: { paths: ['/photos/*'] } }
  - { name: imgix, origin: web, match: { paths: ['/imgix/*'] }, images: { onFailure: error } }
  - name: cloudflare
    origin: web
    match: { paths: ['/cf/*'] }
    images: { grammar: cloudflare, originals: photos }
  - name: imgproxy
    origin: web
    match: { paths: ['/ip/*'] }
    stripPrefix: /ip
    images: { grammar: imgproxy, originals: photos }
`);
  const { jpg } = await smallImages();
  for (const path of [
    '/photos/a.jpg',
    '/imgix/a.jpg',
    '/next/a.jpg',
    '/cf/a.jpg',
    '/imgix/b.jpg',
    '/photos/b.jpg',
  ])
    gallery.origin.can(path, { body: jpg!, fields: { 'content-type': TYPES['jpg']! } });
});

afterAll(async () => {
  await gallery.stop();
  expect(gallery.faults).toEqual([]);
});

const nowS = (): number => Math.floor(Date.now() / 1000);

/** What is signed, for each grammar whose signature is in the query: path and query. */
const ADDRESSES: Readonly<Record<string, readonly [path: string, query: string]>> = {
  imgix: ['/imgix/a.jpg', 'w=20&q=70'],
  cloudflare: ['/cf/cdn-cgi/image/width=20,quality=70/photos/a.jpg', ''],
  'an original of cloudflare': ['/cf/a.jpg', ''],
  next: ['/_next/image', 'url=%2Fnext%2Fa.jpg&w=16&q=75'],
  'an original of next': ['/next/a.jpg', ''],
  'an original of imgix': ['/imgix/a.jpg', ''],
};

function signed(path: string, query: string, key = KEY): string {
  const text = query === '' ? path : `${path}?${query}`;
  return `${text}${query === '' ? '?' : '&'}s=${macOf(key, text)}`;
}

/** The same bytes in another spelling: the last of 43 characters has two bits to spare. */
function alias(mac: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = mac.slice(0, -1) + alphabet[alphabet.indexOf(mac.at(-1)!) + 1];
  expect(Buffer.from(other, 'base64url')).toEqual(Buffer.from(mac, 'base64url'));
  return other;
}
const turned = (text: string): string =>
  text.replace(/[a-z]/i, (char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()));
const hexed = (text: string): string => text.replace(/./g, (char) => `%${char.charCodeAt(0).toString(16)}`);

/** Addresses that somebody makes of a good one without the key. */
function forged(path: string, query: string): string[] {
  const mac = macOf(KEY, query === '' ? path : `${path}?${query}`);
  const and = query === '' ? '' : `${query}&`;
  const with_ = (signature: string): string => `${path}?${and}${signature}`;
  const reordered = query.split('&').reverse().join('&');
  return [
    query === '' ? path : `${path}?${query}`,
    with_('s='),
    with_('s'),
    with_(`s=${mac.slice(0, -1)}`),
    with_(`s=${mac.slice(1)}`),
    with_(`s=${mac.slice(0, 8)}`),
    with_(`s=${mac}A`),
    with_(`s=${mac}=`),
    with_(`s=${mac}%3D`),
    with_(`s=${mac}%00`),
    with_(`s=${mac}&`),
    with_(`s=${mac}#`),
    with_(`s=${alias(mac)}`),
    with_(`s=${turned(mac)}`),
    with_(`s=${mac.toLowerCase()}`),
    with_(`s=${hexed(mac)}`),
    with_(`s=%${mac.charCodeAt(0).toString(16)}${mac.slice(1)}`),
    with_(`s=${Buffer.from(mac, 'base64url').toString('hex')}`),
    with_(`s=${Buffer.from(mac, 'base64url').toString('base64')}`),
    with_(`S=${mac}`),
    with_(`%73=${mac}`),
    with_(`%53=${mac}`),
    with_(`s%5B%5D=${mac}`),
    with_(`s[]=${mac}`),
    with_(`s[0]=${mac}`),
    with_(`+s=${mac}`),
    with_(`s+=${mac}`),
    with_(`s%00=${mac}`),
    with_(`s=${mac}&s=${mac}`),
    with_(`s=&s=${mac}`),
    with_(`S=&s=${mac}`),
    with_(`%73=x&s=${mac}`),
    with_(`s=${mac};s=${mac}`),
    with_(`w=21&s=${mac}`),
    with_(`W=21&s=${mac}`),
    with_(`s=${mac}&w=21`),
    with_(`s=${mac}&x`),
    with_(`&s=${mac}`),
    with_(`;s=${mac}`),
    `${path}?s=${mac}&${query === '' ? 'x=1' : query}`,
    `${path}??${and}s=${mac}`,
    `${path}?${hexed(and)}s=${mac}`,
    `${path}?x=1&${and}s=${mac}`,
    `${path};x?${and}s=${mac}`,
    `${path}/?${and}s=${mac}`,
    `${path}%20?${and}s=${mac}`,
    `${path}%3Fx?${and}s=${mac}`,
    `/${path}?${and}s=${mac}`,
    `${path.replace('a.jpg', 'b.jpg').replace('image', 'images')}?${and}s=${mac}`,
    `${path.replace('a.jpg', 'A.jpg').replace('image', 'Image')}?${and}s=${mac}`,
    ...(reordered === query ? [] : [`${path}?${reordered}&s=${mac}`]),
    ...(query === '' ? [] : [`${path}?s=${mac}`, `${path}?${query.replace(/\d+$/, '71')}&s=${mac}`]),
    ...(query === '' ? [] : [`${path}?${query.replace('=', '%3D')}&s=${mac}`, `${path}?${query}%26s=${mac}`]),
    ...(query === ''
      ? []
      : [`${path}?${query}&${query}&s=${mac}`, `${path}?${query.replace('w=', '%77=')}&s=${mac}`]),
    signed(path, query, OTHER),
    signed(path, query, ''),
    with_(`s=${macOf(KEY, path.slice(1))}`),
    with_(`s=${macOf(KEY, `http://signed.test${path}`)}`),
    ...(query === '' ? [] : [with_(`s=${macOf(KEY, path)}`)]),
    // The signature of another grammar.
    with_(`s=${imgproxyMacOf(HEX, SALT, path)}`),
    with_(`s=${imgproxyMacOf(HEX, '', path)}`),
    signed(path, `${and}expires=1000`),
    signed(path, `${and}expires=${nowS() - 1}`),
    `${signed(path, `${and}expires=1000`).replace('expires=1000', `expires=${nowS() + 1000}`)}`,
  ];
}

async function expectRefused(targets: readonly string[]): Promise<void> {
  const before = gallery.origin.requests();
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PURGE', 'OPTIONS']) {
    const answers = await Promise.all(targets.map((target) => gallery.ask(target, { ...SIGNED, method })));
    for (const [index, { status, body, fields }] of answers.entries()) {
      expect([method, targets[index], [400, 403, 404].includes(status)]).toEqual([
        method,
        targets[index],
        true,
      ]);
      expect(fields.get('content-type')).toStartWith('text/plain');
      expect(body.includes('JFIF')).toBe(false);
    }
  }
  expect(gallery.origin.requests()).toBe(before);
}

describe.each(Object.keys(ADDRESSES))('a signed address of %s', (name) => {
  const [path, query] = ADDRESSES[name]!;

  test('is served: with the key, with the former one, and until its time is over', async () => {
    for (const target of [
      signed(path, query),
      signed(path, query, FORMER),
      signed(path, `${query}${query === '' ? '' : '&'}expires=${nowS() + 3600}`),
      signed(path, query).replace('/a.jpg', query === '' ? '/%61.jpg' : '/a.jpg'),
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const { status, fields } = await gallery.ask(target, { ...SIGNED, method });
        expect([target, status, fields.get('content-type')]).toEqual([target, 200, 'image/jpeg']);
      }
    }
  });

  test('is refused when anything of it was changed, stored or not', async () => {
    expect((await gallery.ask(signed(path, query), SIGNED)).status).toBe(200);
    // Some of the changes are none where there is no query.
    await expectRefused(forged(path, query).filter((target) => target !== signed(path, query)));
  });
});

describe('a signed address of imgproxy', () => {
  const rest = '/w:20/q:70/plain/photos/a.jpg';
  const mac = imgproxyMacOf(HEX, SALT, rest);

  test('is served: with the key, with the former one, and until its time is over', async () => {
    const timely = `/exp:${nowS() + 3600}${rest}`;
    for (const target of [
      `/ip/${mac}${rest}`,
      `/ip/${imgproxyMacOf(HEX_FORMER, SALT, rest)}${rest}`,
      `/ip/${imgproxyMacOf(HEX, SALT, timely)}${timely}`,
    ]) {
      for (const method of ['GET', 'HEAD'])
        expect((await gallery.ask(target, { ...SIGNED, method })).status).toBe(200);
    }
  });

  test('is refused when anything of it was changed, stored or not', async () => {
    const late = `/exp:${nowS() - 1}${rest}`;
    const late2 = `/exp:${nowS() + 1000}/exp:1000${rest}`;
    await expectRefused([
      `/ip/unsafe${rest}`,
      `/ip/insecure${rest}`,
      `/ip/_${rest}`,
      `/ip${rest}`,
      `/ip/${rest}`,
      `/ip/${mac.slice(0, -1)}${rest}`,
      `/ip/${mac.slice(0, 8)}${rest}`,
      `/ip/${mac}A${rest}`,
      `/ip/${mac}=${rest}`,
      `/ip/${mac}%3D${rest}`,
      `/ip/${alias(mac)}${rest}`,
      `/ip/${turned(mac)}${rest}`,
      `/ip/${mac}/${mac}${rest}`,
      `/ip/x/${mac}${rest}`,
      `/ip/${mac}/${rest}`,
      `/ip/${mac}/w:21/q:70/plain/photos/a.jpg`,
      `/ip/${mac}/q:70/w:20/plain/photos/a.jpg`,
      `/ip/${mac}/W:20/q:70/plain/photos/a.jpg`,
      `/ip/${mac}/width:20/q:70/plain/photos/a.jpg`,
      `/ip/${mac}/w:20/q:70/plain/photos/b.jpg`,
      `/ip/${mac}/w:20/q:70/plain/photos/a.jpg@png`,
      `/ip/${mac}/w:20/q:70/plain/photos/a.jpg/`,
      `/ip/${mac}/w:20/q:70/w:21/plain/photos/a.jpg`,
      `/ip/${mac}/w:20/q:70/plain/photos%2Fa.jpg`,
      `/ip/${mac}/w%3A20/q:70/plain/photos/a.jpg`,
      `/ip/${mac}/w:20/q:70/plain/local:///photos/a.jpg`,
      `/ip/${mac}/w:20/q:70/${Buffer.from('/photos/a.jpg').toString('base64url')}`,
      `/ip/${imgproxyMacOf(HEX, '', rest)}${rest}`,
      `/ip/${imgproxyMacOf(SALT, HEX, rest)}${rest}`,
      `/ip/${imgproxyMacOf(Buffer.from(OTHER).toString('hex'), SALT, rest)}${rest}`,
      `/ip/${imgproxyMacOf(HEX, SALT, `/ip${rest}`)}${rest}`,
      `/ip/${imgproxyMacOf(HEX, SALT, rest.slice(1))}${rest}`,
      `/ip/${macOf(KEY, rest)}${rest}`,
      `/ip/${imgproxyMacOf(HEX, SALT, late)}${late}`,
      `/ip/${imgproxyMacOf(HEX, SALT, late2)}${late2}`,
      '/ip/photos/a.jpg',
    ]);
  });

  test('the query is no part of it, and changes nothing', async () => {
    const before = gallery.origin.requests();
    expect((await gallery.ask(`/ip/${mac}${rest}?w=9&s=x`, SIGNED)).status).toBe(200);
    expect(gallery.origin.requests()).toBe(before);
  });
});

describe('an unsigned address is not served through the back door', () => {
  const url = 'http://signed.test/imgix/a.jpg?w=33';
  const post = (path: string, body: object) =>
    gallery.admin(path, { method: 'POST', body: JSON.stringify(body) });

  test('by warming, explaining or purging', async () => {
    const before = gallery.origin.requests();
    const job = (await (await post('/api/warm', { urls: [url] })).json()) as { id: number };
    let report: { state: string; failures: { why: string }[] };
    do report = (await (await gallery.admin(`/api/warm/${job.id}`)).json()) as typeof report;
    while (report.state === 'running');
    expect(report.failures).toMatchObject([{ why: 'status 403' }]);
    const explained = await (await gallery.admin(`/api/explain?url=${encodeURIComponent(url)}`)).json();
    expect(explained).toMatchObject({ verdict: expect.stringContaining('answered 403, image-signature') });
    expect((await post('/api/purge', { url })).status).toBeLessThan(500);
    expect(gallery.origin.requests()).toBe(before);
    expect((await gallery.ask('/imgix/a.jpg?w=33', SIGNED)).status).toBe(403);
  });
});

describe('presets', () => {
  const names = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '../hero',
    'hero/../card',
    '..%2Fhero',
    './hero',
    'hero%00',
    'hero%20',
    '%20hero',
    'HERO',
    'Hero',
    'her%C3%B3',
    '',
    'hero,card',
    'hero;card',
    'hero%26w=99',
    'hero%0d%0aSet-Cookie:%20evil=1',
    'x'.repeat(4000),
    '*',
    '0',
    'null',
    'undefined',
  ];

  test('that there are not are refused, and nothing of them is repeated', async () => {
    const before = gallery.origin.requests();
    for (const name of names) {
      for (const target of [
        `/imgix/a.jpg?preset=${name}`,
        `/imgix/a.jpg?preset=hero&preset=${name}`,
        `/ip/x/pr:${name}/plain/photos/a.jpg`,
        `/ip/x/preset:hero:${name}/plain/photos/a.jpg`,
        `/ip/x/${name}:1/plain/photos/a.jpg`,
      ]) {
        const answer = await gallery.ask(target, PRESETS);
        expect([target, answer.status]).toEqual([target, 400]);
        expect(answer.head).not.toContain('evil');
        if (/^[a-z_]{8,}/.test(name)) expect(answer.body.toString()).not.toContain(name.slice(0, 40));
      }
    }
    expect(gallery.origin.requests()).toBe(before);
  });

  test('are all that may be asked for', async () => {
    for (const target of [
      '/imgix/a.jpg?preset=hero&w=21',
      '/imgix/a.jpg?w=20',
      '/imgix/a.jpg?preset=hero&%77=21',
      '/imgix/a.jpg?preset=hero&fm=png',
      '/ip/x/w:20/plain/photos/a.jpg',
      '/ip/x/pr:hero/w:21/plain/photos/a.jpg',
      '/ip/x/raw:1/plain/photos/a.jpg',
      '/ip/x/pr:hero/raw:1/plain/photos/a.jpg',
    ])
      expect([target, (await gallery.ask(target, PRESETS)).status]).toEqual([target, 400]);
    for (const target of ['/imgix/a.jpg?preset=hero', '/ip/x/pr:hero/plain/photos/a.jpg'])
      expect((await gallery.ask(target, PRESETS)).fields.get('holdfast-image')).toContain('width=20');
  });
});

describe('values that are none', () => {
  const values = [
    'NaN',
    'Infinity',
    '-Infinity',
    '1e9',
    '1e-9',
    '-1',
    '-0',
    '0',
    '0x10',
    '99999999999999999999',
    '1.7976931348623157e309',
    '999999999.999999999',
    '2147483648',
    '4294967297',
    '65535',
    '65536',
    '',
    '%2B1',
    '+1',
    '%D9%A3',
    '1_000',
    '1,5',
    '.5',
    '5.',
    '0.000000001',
    '__proto__',
    'constructor',
    'toString',
    '[object Object]',
    '1:1',
    '0,0,0,0',
    '0,0,1,1',
    '-0,-0,1,1',
    '0.9999,0.9999,0.0001,0.0001',
    '999999,999999,1,1',
    '10000:0.01',
    '0:0',
    'a'.repeat(2000),
    '('.repeat(2000),
    ','.repeat(2000),
    '%00',
    '%0d%0aX-Evil:%201',
  ].map((value) => value.replace(/[[\] ]/g, (char) => `%${char.charCodeAt(0).toString(16)}`));
  const IMGIX = (
    'w h fit crop fp-x fp-y ar dpr rect rot flip trim trim-tol blur sharp sat grey bg fill fill-color q auto fm lossless ' +
    'progressive animated frame metadata mark mark-align mark-scale mark-pad mark-alpha mark-tile expires __proto__ constructor'
  ).split(' ');
  const CLOUDFLARE = (
    'width height dpr fit gravity quality format anim background blur sharpen rotate flip trim saturation metadata onerror ' +
    'compression __proto__ constructor'
  ).split(' ');
  const IMGPROXY =
    'rs s rt w h z dpr el ex g c t rot fl bg bga bl sh wm wmu pr q f sm kcr da cb fn exp raw __proto__ constructor'.split(
      ' ',
    );
  const targets: Readonly<Record<string, (value: string) => string[]>> = {
    imgix: (value) => [
      ...IMGIX.map((name) => `/imgix/a.jpg?${name}=${value}`),
      ...['h', 'ar', 'dpr', 'rect', 'rot'].map((name) => `/imgix/a.jpg?w=30&h=20&fit=crop&${name}=${value}`),
    ],
    cloudflare: (value) => {
      const plain = value.replaceAll(',', ';');
      return CLOUDFLARE.map((name) => `/cf/cdn-cgi/image/${name}=${plain}/photos/a.jpg`);
    },
    imgproxy: (value) => [
      ...IMGPROXY.map((name) => `/ip/x/${name}:${value}/plain/photos/a.jpg`),
      ...IMGPROXY.map((name) => `/ip/x/${name}:${value}:${value}:${value}/plain/photos/a.jpg`),
    ],
  };

  test.each(Object.keys(targets))(
    'are refused or bounded, in the grammar %s',
    async (grammar) => {
      for (const value of values) {
        const all = targets[grammar]!(value);
        const answers = await Promise.all(all.map((target) => gallery.ask(target)));
        for (const [index, { status, head, fields, body }] of answers.entries()) {
          expect([all[index], [200, 400, 403, 422, 502].includes(status)]).toEqual([all[index], true]);
          expect(head).not.toMatch(/evil/i);
          if (status !== 200) {
            expect(body.toString('latin1')).not.toMatch(/a{99}|\({9}|object Object/);
            continue;
          }
          const says = fields.get('holdfast-image') ?? '';
          for (const [, side] of says.matchAll(/(?:width|height)=(\d+)/g))
            expect([all[index], Number(side) <= 4096]).toEqual([all[index], true]);
        }
      }
    },
    30_000,
  );
});

describe('the keys', () => {
  const expectNone = (what: string, text: string): void => {
    for (const secret of SECRETS) expect([what, text.includes(secret)]).toEqual([what, false]);
  };

  test('are in no answer, log, metric, status or explanation', async () => {
    const asked = [
      signed('/imgix/a.jpg', 'w=77'),
      '/imgix/a.jpg?w=77',
      signed('/imgix/a.jpg', 'w=78', OTHER),
    ];
    for (const target of asked) {
      const { head, body } = await gallery.ask(target, SIGNED);
      expectNone(target, head + body.toString('latin1'));
      const url = encodeURIComponent(`http://signed.test${target}`);
      expectNone('explain', await (await gallery.admin(`/api/explain?url=${url}`)).text());
    }
    for (const path of ['/api/status', '/metrics', '/healthz', '/readyz'])
      expectNone(path, await (await gallery.admin(path)).text());
    await eventually(() => gallery.logged.some((line) => line.includes('w=78')));
    expectNone('the log', gallery.logged.join('\n'));
    expectNone('the snapshot', JSON.stringify(gallery.node.snapshot()));
  });

  test.each([
    ['too short', (key: string) => `signing: { keys: [{ key: ${key.slice(0, 9)} }] }`],
    ['with blanks', (key: string) => `signing: { keys: [{ key: '${key} x' }] }`],
    [
      'not in hexadecimal',
      (key: string) => `grammar: imgproxy, signing: { keys: [{ key: ${key}, salt: ${key} }] }`,
    ],
    ['without a list', (key: string) => `signing: { keys: ${key} }`],
    ['in a list of their own', (key: string) => `signing: { keys: [${key}, ${key}] }`],
    ['in the singular', (key: string) => `signing: { key: ${key} }`],
    ['one level too high', (key: string) => `keys: [{ key: ${key} }]`],
    ['under a name of their own', (key: string) => `signing: { keys: [{ secretKey: ${key} }] }`],
    ['misspelt', (key: string) => `signing: { keys: [{ kye: ${key} }] }`],
    ['with a misspelt salt', (key: string) => `signing: { keys: [{ key: ${key}, slat: ${key} }] }`],
    ['under what is misspelt', (key: string) => `singing: { keys: [{ key: ${key} }] }`],
    ['instead of the group', (key: string) => `signing: ${key}`],
    ['in YAML that is broken', (key: string) => `signing: { keys: [{ key: ${key} }`],
  ])('are not shown where they are configured wrongly: %s', (what, images) => {
    const text = `version: 1
origins: { web: { type: http, url: 'http://127.0.0.1:1' } }
routes:
  - name: a
    origin: web
    images: { ${images(KEY)} }
`;
    const result = validateConfig(text, { file: 'keys.yaml', env: {} });
    expect([what, result.ok]).toEqual([what, false]);
    if (result.ok) return;
    const told = formatProblems(result.problems, { color: false });
    expect([what, told.includes(KEY.slice(0, 9))]).toEqual([what, false]);
  });
});
