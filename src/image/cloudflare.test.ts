import { expect, test } from 'bun:test';
import { generate } from 'unpic/providers/cloudflare';
import { ACCEPT, read, refusalOf, specAt, variantOf } from './rules.fixture.ts';

const rules = { grammar: 'cloudflare' } as const;
const at = (options: string): string => `/cdn-cgi/image/${options}/photos/a.jpg`;

test.each([
  ['width=400', '~w=400'],
  ['w=400,h=300,f=webp,q=80', '~w=400,h=300,q=80,f=webp'],
  ['width=400,height=300,fit=scale-down', '~w=400,h=300'],
  ['width=400,height=300,fit=contain', '~w=400,h=300,up'],
  ['width=400,height=300,fit=cover', '~w=400,h=300,fit=cover,up'],
  ['width=400,height=300,fit=crop', '~w=400,h=300,fit=cover'],
  ['width=400,height=300,fit=pad,background=%23FF0000', '~w=400,h=300,fit=contain,up,bg=ff0000'],
  ['width=400,height=300,fit=squeeze', '~w=400,h=300,fit=fill,up'],
  ['width=400,height=300,fit=crop,gravity=auto', '~w=400,h=300,fit=cover,at=attention'],
  ['width=400,height=300,fit=crop,g=face', '~w=400,h=300,fit=cover,at=attention'],
  ['width=400,height=300,fit=crop,gravity=left', '~w=400,h=300,fit=cover,at=west'],
  ['width=400,height=300,fit=crop,gravity=0.5x0.2', '~w=400,h=300,fit=cover,at=0.5:0.2'],
  ['width=auto', '~'],
  ['width=400,dpr=2', '~w=800'],
  ['quality=medium-high', '~q=75'],
  ['format=auto', '~f=auto'],
  ['format=baseline-jpeg', '~baseline,f=jpeg'],
  ['format=json,width=4', '~f=json'],
  ['anim=false', '~still'],
  ['background=rgb%28255%2C0%2C0%29', '~bg=ff0000'],
  ['blur=50', '~blur=25'],
  ['blur=250', '~blur=100'],
  ['sharpen=1', '~sharp=1'],
  ['rotate=90', '~rot=90'],
  ['flip=h', '~flop'],
  ['trim=border', '~trim=10'],
  ['saturation=0', '~grey'],
  ['metadata=none', '~'],
  ['metadata=keep', '~keep=copyright'],
  ['compression=fast,onerror=redirect,w=9,slow-connection-quality=50', '~w=9'],
])('%s is %s', (options, spec) => {
  expect(specAt(at(options), { rules })).toBe(spec);
});

test.each([
  ['width=0', 'width is 0; it goes from 0.5 to 65535.'],
  ['width=400,w=400', 'width is there twice.'],
  ['width', 'width has no value.'],
  ['', 'There is an option that is not known; known are: width,'],
  ['constructor=1', 'There is an option that is not known; known are: width,'],
  ['draw=x', 'draw is an option of Cloudflare that is not offered here.'],
  ['trim=1;2;3;4', 'trim by lengths is not offered here; trim=border is.'],
  ['trim.width=4', 'trim is an option of Cloudflare that is not offered here.'],
  ['gamma=2', 'gamma is an option of Cloudflare that is not offered here.'],
  ['gravity=2x2', 'gravity is 2; it goes from 0 to 1.'],
  ['rotate=45', 'rotate has a value that is not known; known are: 0, 90, 180, 270, 360.'],
])('%s is refused: %s', (options, why) => {
  expect(refusalOf(at(options), { rules })).toStartWith(`image-options: ${why}`);
});

test('the source is the path behind the options, wherever the whole is mounted', () => {
  for (const path of [
    '/cdn-cgi/image/w=9/photos/a.jpg',
    '/cdn-cgi/image/w=9//photos/a.jpg',
    '/img/cdn-cgi/image/w=9/photos/a.jpg',
  ])
    expect(read(path, { rules })).toMatchObject({ original: { path: '/photos/a.jpg', query: '' } });
  expect(read('/photos/a.jpg', { rules })).toMatchObject({
    kind: 'original',
    original: { path: '/photos/a.jpg' },
  });
  const query = { rules: { ...rules, originalQuery: { allow: ['v'] } } };
  expect(read(`${at('w=9')}?v=7&w=8&expires=99`, query)).toMatchObject({
    original: { path: '/photos/a.jpg', query: 'v=7' },
    expiresS: 99,
  });
});

test.each([
  'https://evil.example/a.jpg',
  'http:/evil.example/a.jpg',
  'HTTPS%3A%2F%2Fevil.example/a.jpg',
  'ftp://evil.example/a.jpg',
  '//evil.example/a.jpg',
  'cdn-cgi/image/w=1/a.jpg',
  'x/cdn-cgi/image/w=1/a.jpg',
  '',
])('no other source than a path: %p', (source) => {
  expect(read(`/cdn-cgi/image/width=9/${source}`, { rules }).kind).toBe('refused');
});

test('what the unpic library asks for', () => {
  const fields = { accept: ACCEPT.avif };
  const url = (operations: Parameters<typeof generate>[1]) =>
    generate('/photos/a b.jpg', operations) as string;
  const asked = variantOf(url({ width: 400, height: 300 }), { rules, fields });
  expect(asked).toMatchObject({ width: 400, height: 300, fit: 'cover', output: 'auto-avif' });
  expect(read(url({ width: 400 }), { rules })).toMatchObject({ original: { path: '/photos/a%20b.jpg' } });
  expect(
    variantOf(
      url({
        width: 400.5,
        height: 300,
        format: 'jpg' as never,
        quality: 'high' as never,
        gravity: '0.5x0.1',
        background: '#00ff00',
        fit: 'crop',
        metadata: 'copyright',
        onerror: 'redirect',
        anim: false,
      }),
      { rules },
    ),
  ).toMatchObject({
    output: 'jpeg',
    quality: 85,
    fit: 'cover',
    enlarge: false,
    position: { x: 0.5, y: 0.1 },
    background: '00ff00',
    metadata: 'copyright',
  });
  // On a domain, as pages link to it.
  const absolute = new URL(generate('/photos/a.jpg', { width: 50 }, { domain: 'images.example' }) as string);
  expect(specAt(absolute.pathname, { rules, fields })).toBe('~w=50,up,f=auto-avif');
  expect(read(generate('https://evil.example/a.jpg', { width: 50 }) as string, { rules }).kind).toBe(
    'refused',
  );
});
