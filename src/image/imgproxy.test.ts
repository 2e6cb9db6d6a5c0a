import { expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { read, refusalOf, specAt } from './rules.fixture.ts';

const rules = { grammar: 'imgproxy' } as const;
const at = (options: string): string => `/unsafe/${options}/plain/photos/a.jpg`;
const base64 = (text: string): string => Buffer.from(text).toString('base64url');

test.each([
  ['rs:fit:400:300', '~w=400,h=300'],
  ['resize:fill:400:300:0', '~w=400,h=300,fit=cover'],
  ['rs:fill:400:300:1/g:no', '~w=400,h=300,fit=cover,up,at=north'],
  ['rs:fill-down:400:300:1', '~w=400,h=300,fit=cover,up'],
  ['rs:force:400:300', '~w=400,h=300,fit=fill'],
  ['rs:fit:400:300:0:1', '~w=400,h=300,fit=contain'],
  ['rs:fit:400:300:0:1:so', '~w=400,h=300,fit=contain,at=south'],
  ['rs:fit:0:300', '~h=300'],
  ['rs::400', '~w=400'],
  ['s:400:300:t', '~w=400,h=300,up'],
  ['w:400/h:300/rt:fill/el:1', '~w=400,h=300,fit=cover,up'],
  ['w:400/dpr:2', '~w=800'],
  ['w:400/z:0.5', '~w=200'],
  ['w:400/h:300/ex:1:nowe', '~w=400,h=300,fit=contain,at=northwest'],
  ['rs:fill:400:300/g:sm', '~w=400,h=300,fit=cover,at=attention'],
  ['rs:fill:400:300/g:fp:0.2:0.7', '~w=400,h=300,fit=cover,at=0.2:0.7'],
  ['c:0.5:0.5', '~rect=0.25:0.25:0.5:0.5:r'],
  ['c:0.5:0.5:fp:0.1:0.6', '~rect=0:0.35:0.5:0.5:r'],
  ['g:soea/crop:0.5:0', '~rect=0.5:0:0.5:1:r'],
  ['c:300:200:nowe:10:20', '~rect=10:20:300:200'],
  ['t:10', '~trim=10'],
  ['ar:1/sm:1/scp:1', '~'],
  ['rot:90', '~rot=90'],
  ['fl:1', '~flop'],
  ['flip:0:1', '~flip'],
  ['bg:255:0:0', '~bg=ff0000'],
  ['bg:f00/bga:0.5', '~bg=ff000080'],
  ['bg:', '~'],
  ['bl:3', '~blur=3'],
  ['sh:0.7', '~sharp=0.7'],
  ['q:80', '~q=80'],
  ['q:0', '~'],
  ['f:webp', '~f=webp'],
  ['ext:best', '~f=auto'],
  ['kcr:1', '~keep=copyright'],
  ['da:1', '~still'],
  ['cb:abc/fn:x', '~'],
])('%s is %s', (options, spec) => {
  expect(specAt(at(options), { rules })).toBe(spec);
});

test.each([
  ['rs:auto:400:300', 'resizing_type has a value that is not known; known are: fit, fill, fill-down, force.'],
  ['w:99999', 'width is 99999; it goes from 0 to 65535.'],
  ['mw:400', 'min-width is an option of imgproxy that is not offered here.'],
  ['pd:10', 'padding is an option of imgproxy that is not offered here.'],
  ['skp:jpg', 'skip_processing is an option of imgproxy that is not offered here.'],
  ['constructor:1', 'There is an option that is not known; known are: resize, '],
  ['ar:0', 'auto_rotate is always true here.'],
  ['sm:0', 'strip_metadata is always true here.'],
  ['g:no:5', 'gravity with an offset is not offered here.'],
  ['c:300:200', 'crop in pixels is offered from the corner only: crop:w:h:nowe:x:y.'],
  ['rot:45', 'rotate is 45; it is a multiple of 90.'],
  ['f:mp4', 'format has a value that is not known; known are: jpg, jpeg, png, webp, avif, gif, best.'],
  ['wm:0.5:soea', 'watermark needs an image: no single one is configured here.'],
  [`wmu:${base64('/logo.png')}`, 'watermark_url is not offered here: there are no overlays.'],
  ['pr:hero', 'There are no presets here.'],
  ['q:80:90', 'An option has more arguments than it knows.'],
])('%s is refused: %s', (options, why) => {
  expect(refusalOf(at(options), { rules })).toStartWith(`image-options: ${why}`);
});

test('a source in plain text or base64url, with a format behind it', () => {
  const source = (text: string) => {
    const reading = read(`/insecure/w:9${text}`, { rules });
    return reading.kind === 'variant' ? `${reading.original.path} ${reading.spec}` : reading.kind;
  };
  expect(source('/plain/photos/a.jpg')).toBe('/photos/a.jpg ~w=9');
  expect(source('/plain//photos/a.jpg@webp')).toBe('/photos/a.jpg ~w=9,f=webp');
  expect(source('/plain/local:///photos/a.jpg@')).toBe('/photos/a.jpg ~w=9');
  expect(source('/plain/local%3A%2F%2F%2Fphotos%2Fa%20b.jpg%3Fv=1')).toBe('/photos/a%20b.jpg ~w=9');
  expect(source('/plain/photos/a%40b+c.jpg@png')).toBe('/photos/a@b+c.jpg ~w=9,f=png');
  expect(source('/plain/photos/100%25.jpg')).toBe('/photos/100%25.jpg ~w=9');
  expect(source(`/${base64('photos/a.jpg')}`)).toBe('/photos/a.jpg ~w=9');
  expect(source(`/${base64('local:///photos/é.jpg')}.avif`)).toBe('/photos/%C3%A9.jpg ~w=9,f=avif');
  expect(source(`/${base64('/photos/a.jpg').replace(/(.{5})/g, '$1/')}.png`)).toBe(
    '/photos/a.jpg ~w=9,f=png',
  );
  for (const other of [
    'http://evil.example/a.jpg',
    'https://evil.example/a.jpg',
    's3://bucket/a.jpg',
    'local://evil/a.jpg',
    '//evil.example/a.jpg',
    '/../a/../../etc/%2e%2e%2fpasswd',
    'data:image/png;base64,AAAA',
    '\\\\evil.example\\a.jpg',
    'a\nb',
    '',
  ]) {
    expect([other, source(`/plain/${encodeURIComponent(other)}`)]).toEqual([other, 'refused']);
    expect([other, source(`/${base64(other)}`)]).toEqual([other, 'refused']);
  }
  expect(source('/plain/http://evil.example/a.jpg')).toBe('refused');
  expect(source('/enc/AAAA')).toBe('refused');
  expect(source('')).toBe('refused');
  expect(read('/a.jpg', { rules }).kind).toBe('refused');
  expect(read('/unsafe/raw:1/plain/photos/a.jpg', { rules })).toMatchObject({
    kind: 'original',
    original: { path: '/photos/a.jpg' },
  });
});

test('presets are in the words of imgix; options behind them have the last one', () => {
  const presets = { sharp: 'sharp=10', card: 'w=300&h=200&fit=crop' };
  expect(specAt(at('pr:card:sharp/w:600'), { rules: { ...rules, presets } })).toBe(
    '~w=600,h=200,fit=cover,up,sharp=1',
  );
  expect(refusalOf(at(`pr${':card'.repeat(17)}`), { rules: { ...rules, presets } })).toContain(
    'more than 16',
  );
  const only = { rules: { ...rules, presets, presetsOnly: true } };
  expect(specAt('/unsafe/pr:card/cb:1/plain/a.jpg@webp', only)).toBe('~w=300,h=200,fit=cover,up,f=webp');
  expect(refusalOf('/unsafe/pr:card/w:1/plain/a.jpg', only)).toContain('width is not allowed here');
  expect(refusalOf('/unsafe/raw:1/plain/a.jpg', only)).toContain('raw is not allowed here');
});

test('watermarks come from the paths that are allowed', () => {
  const allowed = { rules: { ...rules, overlays: ['/logos/*', '/mark.png'] } };
  expect(read(at('wm:0.5:soea:10:10:0.2'), allowed)).toMatchObject({
    variant: {
      overlay: { path: '/mark.png', opacity: 0.5, gravity: 'southeast', margin: 10, scale: 0.2, tile: false },
    },
  });
  expect(specAt(at(`wm:1:re/wmu:${base64('/logos/a.png')}`), allowed)).toBe(
    '~mark=centre:0:1::t:/logos/a.png',
  );
  for (const path of ['http://evil.example/logos/a.png', '/logos/../b.png', '/other.png'])
    expect(read(at(`wm:1/wmu:${base64(path)}`), allowed).kind).toBe('refused');
});

const KEY = { key: `${'00'.repeat(16)}ab`, salt: '736563726574' };
const signed = { rules: { ...rules, signing: { required: true, keys: [KEY] } } };

test('the signature of the documentation of imgproxy', () => {
  // Key "secret", salt "hello": docs/signing_the_url.md.
  const keys = [{ key: '736563726574', salt: '68656C6C6F' }];
  const rest = '/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png';
  const asking = { rules: { ...rules, signing: { required: true, keys } } };
  // It is right, so that what is refused is the other server.
  expect(refusalOf(`/oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8${rest}`, asking)).toContain(
    'another server',
  );
});

test('only what was signed is read', () => {
  const rest = '/w:400/plain/photos/a.jpg';
  const mac = createHmac('sha256', Buffer.from(KEY.key, 'hex')).update(`secret${rest}`).digest('base64url');
  expect(specAt(`/${mac}${rest}`, signed)).toBe('~w=400');
  expect(specAt(`/img/${mac}${rest}`, { ...signed, prefix: '/img' })).toBe('~w=400');
  for (const address of [
    `/${mac}/w:401/plain/photos/a.jpg`,
    `/${mac}/w:400/plain/photos/b.jpg`,
    `/${mac}/w:400/plain/photos/A.jpg`,
    `/${mac}//w:400/plain/photos/a.jpg`,
    `/${mac}/w:400/plain/photos/a.jpg@png`,
    `/${mac}/w%3A400/plain/photos/a.jpg`,
    `/${mac.slice(0, 42)}${rest}`,
    `/${mac}A${rest}`,
    `/unsafe${rest}`,
    `/_${rest}`,
    rest,
  ])
    expect([address, read(address, signed).kind]).toEqual([address, 'refused']);
  expect(refusalOf(`/unsafe${rest}`, signed)).toBe(
    'image-signature: The signature is not that of this address.',
  );
  const open = { rules: { ...rules, signing: { required: false, keys: [KEY] } } };
  expect(specAt(`/unsafe${rest}`, open)).toBe('~w=400');
  expect(refusalOf(`/other${rest}`, open)).toContain('image-signature');
});
