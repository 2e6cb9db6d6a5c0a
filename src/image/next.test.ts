import { expect, test } from 'bun:test';
import { generate } from 'unpic/providers/nextjs';
import { ACCEPT, read, refusalOf, specAt, variantOf } from './rules.fixture.ts';

const rules = { grammar: 'next' } as const;
const at = (url: string, rest = '&w=640&q=75'): string =>
  `/_next/image?url=${encodeURIComponent(url)}${rest}`;

test('fits inside, is never enlarged, and in the best format that both sides have', () => {
  expect(read(at('/photos/a b.jpg'), { rules, fields: { accept: ACCEPT.webp } })).toMatchObject({
    kind: 'variant',
    original: { path: '/photos/a%20b.jpg', query: '' },
    variant: {
      width: 640,
      height: undefined,
      fit: 'inside',
      enlarge: false,
      quality: 75,
      output: 'auto-webp',
    },
    spec: '~w=640,q=75,f=auto-webp',
    vary: ['Accept'],
    expiresS: undefined,
  });
  // Deployments put their id behind it.
  expect(specAt(`${at('/a.jpg')}&dpl=dpl_1`, { rules })).toBe('~w=640,q=75,f=auto');
  expect(read('/photos/a.jpg?x=1', { rules }).kind).toBe('original');
  expect(read(at('/a.jpg?v=2&x=3'), { rules: { ...rules, originalQuery: { allow: ['v'] } } })).toMatchObject({
    original: { path: '/a.jpg', query: 'v=2' },
  });
});

test('hints have no say: the width is that of the screen', () => {
  const asking = { rules: { ...rules, hints: ['dpr', 'width'] as const }, fields: { dpr: '3', width: '99' } };
  expect(read(at('/a.jpg'), asking)).toMatchObject({ variant: { width: 640 }, vary: ['Accept'] });
});

test.each([
  ['/_next/image?w=640&q=75', 'url is missing.'],
  ['/_next/image?url=%2Fa.jpg&q=75', 'w is missing.'],
  ['/_next/image?url=%2Fa.jpg&w=640', 'q is missing.'],
  ['/_next/image', 'url is missing.'],
  [at('/a.jpg', '&w=0&q=75'), 'w is 0; it goes from 1 to 65535.'],
  [at('/a.jpg', '&w=640.5&q=75'), 'w is 640.5, and not a whole number; it goes from 1 to 65535.'],
  [at('/a.jpg', '&w=640&q=101'), 'q is 101; it goes from 1 to 100.'],
  [at('/a.jpg', '&w=640&w=640&q=75'), 'w is there twice.'],
  [`${at('/a.jpg')}&%75rl=%2Fb.jpg`, 'url is there twice.'],
  [at('/_next/image?url=%2Fa.jpg&w=1&q=1'), 'url leads to an optimised image again.'],
  [at('/x/../_next/%69mage'), 'url leads to an optimised image again.'],
  [at('/_next%2Fimage/x'), 'url leads to an optimised image again.'],
  [at('a.jpg'), 'url is not a path on this server: it has to start with one /.'],
  [at('//evil.example/a.jpg'), 'url names another server; it has to be a path on this one.'],
  [at('/\\evil.example/a.jpg'), 'url names another server; it has to be a path on this one.'],
  [at('https://evil.example/a.jpg'), 'url is not a path on this server: it has to start with one /.'],
  [at('/a\\b.jpg'), 'url has a backslash or a control character in it.'],
  [at('/a\u0000.jpg'), 'url has a backslash or a control character in it.'],
  [at('/.//evil.example/a.jpg'), 'url is not a path that can be served.'],
  [at('/a/..%2f..%2fsecret'), 'url is not a path that can be served.'],
  [at(`/${'a'.repeat(3100)}`), 'url is longer than 3072 characters.'],
])('%s is refused', (address, why) => {
  expect(refusalOf(address, { rules })).toBe(`image-options: ${why}`);
});

test('what the unpic library and the loader of Next.js ask for', () => {
  const fields = { accept: ACCEPT.avif };
  const url = generate('/photos/a.jpg', { width: 828, quality: 60 }) as string;
  expect(variantOf(url, { rules, fields })).toMatchObject({ width: 828, quality: 60, output: 'auto-avif' });
  expect(
    specAt(generate('/photos/a.jpg', { width: 100, height: 5, format: 'png' }) as string, { rules }),
  ).toBe('~w=100,q=75,f=auto');
  expect(read(generate('https://evil.example/a.jpg', { width: 100 }) as string, { rules }).kind).toBe(
    'refused',
  );
  // next/dist/shared/lib/image-loader.ts: path?url=encodeURIComponent(src)&w=width&q=quality
  const loader = (src: string, width: number, quality = 75) =>
    `/_next/image?url=${encodeURIComponent(src)}&w=${width}&q=${quality}${src.startsWith('/_next/static/media/') ? '&dpl=x' : ''}`;
  expect(read(loader('/_next/static/media/me.1a2b.png', 1080), { rules })).toMatchObject({
    original: { path: '/_next/static/media/me.1a2b.png' },
    variant: { width: 1080, quality: 75 },
  });
});
