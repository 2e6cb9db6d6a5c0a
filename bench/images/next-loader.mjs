/**
 * Makes src/image/golden/next-loader.json again: addresses as the default loader of Next.js writes them, for the tests of the grammar
 * `next`. `node bench/images/next-loader.mjs`, after `npm run bench:images` has installed Next.js.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const require = createRequire(join(ROOT, '.holdfast/bench-images/peers/package.json'));
process.env.NODE_ENV = 'production'; // in development it also checks what it is told, and says the same
const { default: loader } = require('next/dist/shared/lib/image-loader');
const { imageConfigDefault } = require('next/dist/shared/lib/image-config');

const SOURCES = [
  '/photos/a.jpg',
  '/photos/summer/2026/b.png',
  '/photos/with space.jpg',
  '/photos/with%20escape.jpg',
  '/photos/100%25.jpg',
  '/photos/a%2Fb.jpg',
  '/photos/größe-日本.jpg',
  "/photos/it's(1)!*~.jpg",
  '/photos/plus+and&amp;.jpg',
  '/photos/q.jpg?v=3',
  '/photos/q.jpg?v=3&w=10&q=1',
  '/photos/q.jpg?sign=a%2Bb%3D',
  '/photos/deployed.jpg?dpl=abc123',
  '/_next/static/media/hero.0f3c9a1d.avif',
  'https://cdn.example.com/photos/a.jpg',
  'https://cdn.example.com:8443/photos/a.jpg?x=1&y=%26#part',
];
const SETTINGS = [
  { width: 640, quality: undefined },
  { width: 3840, quality: 75 },
  { width: 16, quality: 30 },
];
/** Beside the default path: an application below a path, and one whose addresses end in slashes. */
const PATHS = ['/shop/_next/image', '/_next/image/'];

// As a build without `images.qualities` in its configuration would not have it: any quality is left as it is.
const config = { ...imageConfigDefault, qualities: undefined };
const addressOf = (src, { width, quality }, path = config.path) => ({
  src,
  width,
  quality: quality ?? null,
  url: loader({ config: { ...config, path }, src, width, quality }),
});

const widths = [...imageConfigDefault.imageSizes, ...imageConfigDefault.deviceSizes];
const addresses = [
  ...widths.map((width) => addressOf(SOURCES[0], { width, quality: undefined })),
  ...SOURCES.flatMap((src) => SETTINGS.map((setting) => addressOf(src, setting))),
  ...PATHS.map((path) => addressOf(SOURCES[0], SETTINGS[0], path)),
];
const file = join(ROOT, 'src/image/golden/next-loader.json');
writeFileSync(file, `[\n${addresses.map((address) => `  ${JSON.stringify(address)}`).join(',\n')}\n]\n`);
