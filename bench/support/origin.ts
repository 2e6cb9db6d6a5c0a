/**
 * The origin of the benchmarks: `bun bench/support/origin.ts PORT`.
 *
 *   /s/<bytes>/<number>          a body of that length, different for each number
 *   /r/<least>-<most>/<number>   a body whose length, between the two, depends on the number
 *   /count                       requests answered so far, this one not counted
 */
import { seededRandom } from '../../src/base/random.ts';

const LARGEST_BYTES = 1024 * 1024;
const OFFSETS = 65_537;

const random = seededRandom(20);
const pool = new Uint8Array(LARGEST_BYTES + OFFSETS).map(() => random.u32());
const SHAPE = /\/([sr])\/(\d+)(?:-(\d+))?\/(\d+)$/;

/** What a request path asks for; undefined when it is none of ours. */
function bodyOf(path: string): Uint8Array | undefined {
  const found = SHAPE.exec(path);
  if (found === null) return undefined;
  const least = Number(found[2]);
  const number = Number(found[4]);
  const bytes =
    found[1] === 's'
      ? least
      : least + ((Math.imul(number, 0x9e3779b1) >>> 0) % (Number(found[3]) - least + 1));
  const offset = number % OFFSETS;
  return bytes <= LARGEST_BYTES ? pool.subarray(offset, offset + bytes) : undefined;
}

let answered = 0;
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  idleTimeout: 255,
  fetch(request) {
    const path = request.url.slice(request.url.indexOf('/', 8));
    if (path === '/count') return new Response(String(answered));
    const body = bodyOf(path);
    if (body === undefined) return new Response('not found\n', { status: 404 });
    answered += 1;
    return new Response(body, {
      headers: {
        'Content-Type': 'image/jpeg',
        'Cache-Control': 'public, max-age=86400',
        ETag: `"${path.slice(1)}"`,
        'Last-Modified': 'Sun, 01 Nov 2026 10:00:00 GMT',
      },
    });
  },
});
