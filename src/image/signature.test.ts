import { expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { normalisePath } from '../http/target.ts';
import { RULES, read, refusalOf } from './rules.fixture.ts';
import { sign } from './signature.ts';

const OLD = { key: 'the-old-key-of-sixteen', salt: undefined };
const NEW = { key: 'the-new-key-of-sixteen', salt: undefined };
const signing = { required: true, keys: [NEW, OLD] };
const rules = { ...RULES, signing };
const signed = (text: string, expiresS?: number): string => sign(rules, normalisePath(text)!, expiresS)!;
const kind = (text: string, nowS = 0): string => {
  const reading = read(text, { rules, nowS });
  return reading.kind === 'refused' ? reading.code : reading.kind;
};

test('what is signed is path and query as they are sent', () => {
  const address = signed('/photos/a.jpg?w=400&fit=crop');
  const mac = createHmac('sha256', NEW.key).update('/photos/a.jpg?w=400&fit=crop').digest('base64url');
  expect(address).toBe(`/photos/a.jpg?w=400&fit=crop&s=${mac}`);
  expect(kind(address)).toBe('variant');
  expect(kind(signed('/photos/a.jpg'))).toBe('original');
  expect(kind(signed('/photos/a.jpg?'))).toBe('original');
  expect(kind(signed('/photos/%C3%A9%20b.jpg?w=1&v=%2F'))).toBe('variant');
});

test('nothing of an address can be changed', () => {
  const address = signed('/photos/a.jpg?w=400&h=300');
  const mac = address.slice(-43);
  const other = signed('/photos/b.jpg?w=400&h=300').slice(-43);
  for (const changed of [
    '/photos/a.jpg?w=400&h=300',
    '/photos/a.jpg',
    `/photos/a.jpg?h=300&w=400&s=${mac}`,
    `/photos/a.jpg?w=401&h=300&s=${mac}`,
    `/photos/a.jpg?w=400&h=300&q=1&s=${mac}`,
    `/photos/a.jpg?w=400&h=300&&s=${mac}`,
    `/photos/a.jpg?&w=400&h=300&s=${mac}`,
    `/photos/a.jpg?w=400&s=${mac}&h=300`,
    `/photos/a.jpg?s=${mac}&w=400&h=300`,
    `/photos/a.jpg?w=400&h=300&S=${mac}`,
    `/photos/a.jpg?w=400&h=300&%73=${mac}`,
    `/photos/a.jpg?w=400&h=300&s%3D${mac}`,
    `/photos/a.jpg?w=400&h=300&s=${mac}&s=${mac}`,
    `/photos/a.jpg?w=400&h=300&s=x&s=${mac}`,
    `/photos/a.jpg?w=400&h=300&s=&s=${mac}`,
    `/photos/a.jpg?w=400&h=300&%53=x&s=${mac}`,
    `/photos/a.jpg?w=400&h=300&s[]=x&s=${mac}`,
    '/photos/a.jpg?w=400&h=300&s=',
    '/photos/a.jpg?w=400&h=300&s',
    `/photos/a.jpg?w=400&h=300&s=${mac.slice(0, -1)}`,
    `/photos/a.jpg?w=400&h=300&s=${mac}A`,
    `/photos/a.jpg?w=400&h=300&s=${mac}=`,
    `/photos/a.jpg?w=400&h=300&s=${mac.toLowerCase()}`,
    `/photos/a.jpg?w=400&h=300&s=${other}`,
    `/photos/a.jpg?%77=400&h=300&s=${mac}`,
    `/photos/a.jpg?w=40%30&h=300&s=${mac}`,
    `/photos/a.jpg?W=400&h=300&s=${mac}`,
    `/photos/A.jpg?w=400&h=300&s=${mac}`,
    `/photos//a.jpg?w=400&h=300&s=${mac}`,
    `//photos/a.jpg?w=400&h=300&s=${mac}`,
    `/photos/a.jpg/?w=400&h=300&s=${mac}`,
    `/photos/a.jpg;x?w=400&h=300&s=${mac}`,
    `/photos/x/..%2fa.jpg?w=400&h=300&s=${mac}`,
    `/photos/%2e%2e/a.jpg?w=400&h=300&s=${mac}`,
    `/photos/a.jpg%3Fw=400&h=300?s=${mac}`,
    `/photos/a.jpg&s=${mac}`,
  ])
    expect([changed, read(changed, { rules }).kind]).toEqual([changed, 'refused']);
  // One spelling of a path is signed, and stands for all that mean the same.
  expect(kind(`/x/../photos/%61.jpg?w=400&h=300&s=${mac}`)).toBe('variant');
});

test('the signature of a path is none of the path with it', () => {
  const mac = signed('/a').slice(-43);
  expect(kind(`/a?s=${mac}`)).toBe('original');
  expect(kind(`/a&s=${mac}`)).toBe('image-signature');
  expect(kind(`/a?&s=${mac}`)).toBe('image-signature');
});

test('the base64 of a signature has one spelling', () => {
  const address = signed('/a.jpg?w=1');
  // The last of 43 characters stands for four bits and two that say nothing.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const right = [...alphabet].filter((char) => kind(address.slice(0, -1) + char) === 'variant');
  expect(right).toEqual([address.at(-1)!]);
});

test('any key verifies, the first one signs; a key that is gone does not', () => {
  const old = sign({ ...rules, signing: { required: true, keys: [OLD] } }, { path: '/a.jpg', query: 'w=1' })!;
  expect(old).not.toBe(signed('/a.jpg?w=1'));
  expect(kind(old)).toBe('variant');
  const now = { rules: { ...rules, signing: { required: true, keys: [NEW] } } };
  expect(refusalOf(old, now)).toBe('image-signature: The signature is not that of this address.');
  expect(sign(RULES, { path: '/a.jpg', query: '' })).toBeUndefined();
});

test('an end is part of what is signed', () => {
  const address = signed('/a.jpg?w=1', 1000);
  expect(address).toStartWith('/a.jpg?w=1&expires=1000&s=');
  expect(kind(address, 999)).toBe('variant');
  expect(kind(address, 1000)).toBe('image-expired');
  expect(kind(address.replace('expires=1000', 'expires=2000'), 999)).toBe('image-signature');
  expect(kind(address.replace('&expires=1000', ''), 999)).toBe('image-signature');
  expect(kind(signed('/a.jpg', 1000), 1000)).toBe('image-expired');
  expect(kind(signed('/a.jpg?w=1&expires=5&expires=9'), 1)).toBe('image-options');
  expect(kind(signed('/a.jpg?w=1&expires=-1'), 1)).toBe('image-options');
});

test('where it is not required, one that is there still has to be right', () => {
  const open = { rules: { ...rules, signing: { required: false, keys: [NEW] } } };
  expect(read('/a.jpg?w=1', open).kind).toBe('variant');
  expect(read(signed('/a.jpg?w=1'), open).kind).toBe('variant');
  expect(read(`${signed('/a.jpg?w=1').slice(0, -1)}!`, open).kind).toBe('refused');
  expect(read('/a.jpg?w=1&S=x', open).kind).toBe('refused');
});

test.each([
  ['cloudflare', '/cdn-cgi/image/w=9/a.jpg'],
  ['next', '/_next/image?url=%2Fa.jpg&w=9&q=75'],
] as const)('so it is in the grammar %s', (grammar, text) => {
  const own = { ...rules, grammar };
  const address = sign(own, normalisePath(text)!, 1000)!;
  expect(read(address, { rules: own, nowS: 1 })).toMatchObject({ kind: 'variant', expiresS: 1000 });
  expect(read(address, { rules: own, nowS: 1000 })).toMatchObject({ code: 'image-expired' });
  expect(refusalOf(text, { rules: own })).toContain('image-signature');
  expect(refusalOf(address.replace('9', '8'), { rules: own })).toContain('image-signature');
});

test('so it is in the grammar imgproxy, in its own way', () => {
  const own = {
    ...rules,
    grammar: 'imgproxy' as const,
    signing: { required: true, keys: [{ key: 'ab'.repeat(16), salt: 'cd' }] },
  };
  const address = sign(own, { path: '/w:9/plain/a.jpg', query: '' }, 1000, '/img')!;
  expect(address).toMatch(/^\/img\/[\w-]{43}\/exp:1000\/w:9\/plain\/a\.jpg$/);
  expect(read(address, { rules: own, prefix: '/img', nowS: 1 })).toMatchObject({
    spec: '~w=9',
    expiresS: 1000,
  });
  expect(read(address, { rules: own, prefix: '/img', nowS: 1000 })).toMatchObject({ code: 'image-expired' });
});
