/** The origin of the originals: `bun bench/images/origin.ts PORT FOLDER`, all of it in memory. `/ready.png` is the smallest of pictures. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
};

/** For all of them. */
const FRESH = {
  'Cache-Control': 'public, max-age=86400',
  'Last-Modified': 'Sun, 01 Nov 2026 10:00:00 GMT',
};
const TINY = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const [port, folder] = process.argv.slice(2) as [string, string];
const files = new Map(
  readdirSync(folder)
    .filter((name) => extname(name).toLowerCase() in TYPES)
    .map((name) => {
      const bytes = readFileSync(join(folder, name));
      const type = TYPES[extname(name).toLowerCase()]!;
      return [`/${name}`, { type, bytes, tag: `"${Bun.hash(bytes).toString(36)}"` }];
    }),
);

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  idleTimeout: 255,
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/ready.png')
      return new Response(TINY, { headers: { ...FRESH, 'Content-Type': 'image/png' } });
    const file = files.get(pathname);
    if (file === undefined) return new Response('not found\n', { status: 404 });
    return new Response(file.bytes, {
      headers: {
        'Content-Type': file.type,
        ...FRESH,
        ETag: file.tag,
      },
    });
  },
});
