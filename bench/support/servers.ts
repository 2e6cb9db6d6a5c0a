import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, freePort, type Workbench } from './workbench.ts';

/** The servers under measurement, each on the server's core and tuned as its own documentation recommends. */

export type ServerName = 'Holdfast' | 'nginx' | 'Varnish';

export interface Server {
  readonly name: ServerName;
  readonly child: Child;
  readonly port: number;
}

export interface Origin {
  readonly port: number;
  /** Requests it has answered so far. */
  count(): Promise<number>;
}

const SUPPORT = import.meta.dirname;
const MAIN = join(SUPPORT, '../../src/main.ts');
/** What the admin port of a node under measurement asks for. Reachable from this machine only, for the run. */
export const ADMIN_TOKEN = 'benchmark-admin-token';

export async function startOrigin(bench: Workbench): Promise<Origin> {
  const port = await freePort();
  const child = bench.start([process.execPath, join(SUPPORT, 'origin.ts'), String(port)], bench.cores.origin);
  const countUrl = `http://127.0.0.1:${port}/count`;
  await bench.ready(child, countUrl);
  return { port, count: async () => Number(await (await fetch(countUrl)).text()) };
}

export interface HoldfastNode extends Server {
  readonly adminPort: number;
  readonly accessLogPath: string;
}

/** `holdfast serve` with a configuration file: default policy, metrics, and an access log line for every request. */
export async function startHoldfast(
  bench: Workbench,
  origin: Origin,
  options: {
    readonly memory: string;
    readonly runtimeArgs?: readonly string[];
    readonly accessLog?: boolean;
    /** Traffic is recorded; the node's default. */
    readonly record?: boolean;
    /** Default 1, on the server's core. */
    readonly workers?: number;
    readonly cores?: string;
  },
): Promise<HoldfastNode> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const dir = bench.subdir(`holdfast-${port}`);
  const file = join(dir, 'holdfast.yaml');
  const accessLogPath = join(dir, 'access.log');
  const config = `version: 1
server: { listen: '127.0.0.1:${port}', workers: ${options.workers ?? 1} }
admin: { listen: '127.0.0.1:${adminPort}', token: ${ADMIN_TOKEN} }
cache: { memory: { size: ${options.memory} } }
traffic: { record: ${options.record !== false} }
origins: { images: { type: http, url: 'http://127.0.0.1:${origin.port}' } }
routes:
  - { name: uncached, origin: images, match: { paths: ['/uncached/*'] }, cache: false }
  - { name: images, origin: images }
log: { level: warn, access: { to: ${options.accessLog === false ? 'off' : accessLogPath} } }
`;
  writeFileSync(file, config);
  const command = [process.execPath, ...(options.runtimeArgs ?? []), MAIN, 'serve', '-c', file];
  const child = bench.start(command, options.cores ?? bench.cores.server);
  await bench.ready(child, `http://127.0.0.1:${port}/s/1/0`);
  return { name: 'Holdfast', child, port, adminPort, accessLogPath };
}

/** One worker, sendfile, cached descriptors, and corked packets only for bodies that profit from them. */
export async function startNginx(bench: Workbench, origin: Origin, cacheSize: string): Promise<Server> {
  const port = await freePort();
  const dir = bench.subdir(`nginx-${port}`);
  const file = join(dir, 'nginx.conf');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const config = `${user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log warn;
events { worker_connections 8192; }
http {
  default_type application/octet-stream;
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=20000 inactive=1h;
  open_file_cache_valid 1h;
  client_body_temp_path ${dir}/client;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  proxy_cache_path ${dir}/cache levels=1:2 keys_zone=images:128m max_size=${cacheSize} inactive=1d
    use_temp_path=off manager_files=1000 manager_sleep=50ms;
  upstream origin {
    server 127.0.0.1:${origin.port};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_cache images;
    proxy_cache_key $request_uri;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffer_size 8k;
    proxy_buffers 16 16k;
    location / { tcp_nopush on; proxy_pass http://origin; }
    location /s/200000/ { tcp_nopush off; proxy_pass http://origin; }
  }
}
`;
  writeFileSync(file, config);
  const child = bench.start(['nginx', '-c', file, '-p', dir], bench.cores.server);
  await bench.ready(child, `http://127.0.0.1:${port}/s/1/0`);
  return { name: 'nginx', child, port };
}

/** Memory storage and one pool of threads, as befits one core. */
export async function startVarnish(bench: Workbench, origin: Origin, cacheSize: string): Promise<Server> {
  const port = await freePort();
  const dir = bench.subdir(`varnish-${port}`);
  const file = join(dir, 'default.vcl');
  const config = `vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${origin.port}"; }
`;
  writeFileSync(file, config);
  const child = bench.start(
    [
      ...['varnishd', '-F', '-f', file, '-n', join(dir, 'work'), '-j', 'none', '-T', 'none'],
      ...['-a', `127.0.0.1:${port}`, '-s', `malloc,${cacheSize}`, '-p', 'thread_pools=1'],
    ],
    bench.cores.server,
  );
  await bench.ready(child, `http://127.0.0.1:${port}/s/1/0`);
  return { name: 'Varnish', child, port };
}

/**
 * Fetches every URL once through a server, so that all are cached, and then compares some with the origin's bytes.
 *
 * @throws Error when a body differs, or when the origin is asked again for what should be cached.
 */
export async function fillAndVerify(
  server: Server,
  origin: Origin,
  prefix: string,
  urls: number,
): Promise<void> {
  const fetchOf = async (port: number, number: number): Promise<Uint8Array> => {
    const response = await fetch(`http://127.0.0.1:${port}${prefix}${number}`);
    if (response.status !== 200)
      throw new Error(`${server.name} answered ${response.status} for ${prefix}${number}`);
    return response.bytes();
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < urls) await fetchOf(server.port, next++);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  const samples = [0, urls >> 1, urls - 1];
  const originals = await Promise.all(samples.map((number) => fetchOf(origin.port, number)));
  const before = await origin.count();
  for (const [i, number] of samples.entries()) {
    if (!Buffer.from(await fetchOf(server.port, number)).equals(originals[i]!)) {
      throw new Error(`${server.name}: the body of ${prefix}${number} is not the origin's`);
    }
  }
  if ((await origin.count()) !== before)
    throw new Error(`${server.name} asked the origin for what it had cached`);
}
