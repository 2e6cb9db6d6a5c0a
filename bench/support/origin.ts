/**
 * The origin of the benchmarks: `bun bench/support/origin.ts PORT`. Answers the paths of bodies.ts, and `/count` with
 * the number of requests answered so far, this one not counted.
 */
import { seededRandom } from '../../src/base/random.ts';
import { imageOf } from './bodies.ts';

const LARGEST_BYTES = 1024 * 1024;
const OFFSETS = 65_537;

const random = seededRandom(20);
const pool = new Uint8Array(LARGEST_BYTES + OFFSETS).map(() => random.u32());

let answered = 0;
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  idleTimeout: 255,
  fetch(request) {
    const path = request.url.slice(request.url.indexOf('/', 8));
    if (path === '/count') return new Response(String(answered));
    const image = imageOf(path);
    if (image === undefined || image.bytes > LARGEST_BYTES)
      return new Response('not found\n', { status: 404 });
    answered += 1;
    const offset = image.number % OFFSETS;
    return new Response(pool.subarray(offset, offset + image.bytes), {
      headers: {
        'Content-Type': 'image/jpeg',
        'Cache-Control': 'public, max-age=86400',
        ETag: `"${image.number}-${image.bytes}"`,
        'Last-Modified': 'Sun, 01 Nov 2026 10:00:00 GMT',
      },
    });
  },
});
