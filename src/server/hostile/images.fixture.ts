import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import sharp from 'sharp';
import { startTestNode } from '../../../test/support/node.ts';
import { type OriginServer, startOriginServer } from '../../../test/support/origin-server.ts';
import { validateConfig } from '../../config/validate.ts';
import { eventually, RawClient } from '../harness.suite.ts';
import type { Node, NodeOptions } from '../node.ts';

/** What the hostile tests of variants have in common: a node with routes of all grammars, signed and not, small images, a trap. */

/** Where nobody has any business: a listener on loopback that counts who comes. */
export interface Trap {
  readonly port: number;
  /** Connections so far. */
  readonly visits: number;
  stop(): void;
}

/** Answers nobody. */
export async function startTrap(): Promise<Trap> {
  let visits = 0;
  const server = net.createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    get visits() {
      return visits;
    },
    stop: () => void server.close(),
  };
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  /** By lower-case names; of several of one name the last. */
  readonly fields: ReadonlyMap<string, string>;
  /** Up to the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

/** A node under attack. */
export interface Gallery {
  readonly node: Node;
  readonly origin: OriginServer;
  /** Errors of its own that the node reported. */
  readonly faults: string[];
  /** Everything that it logged, at all levels, and its access log. */
  readonly logged: string[];
  /** The processes that transform for it, by their ids; empty where the kernel does not tell. */
  pids(): number[];
  ask(target: string, options?: AskOptions): Promise<Answer>;
  /** Asks the admin port. */
  admin(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/** What is sent beside the target. */
export interface AskOptions {
  readonly method?: string;
  readonly host?: string;
  /** Further field lines, each with its CRLF. */
  readonly lines?: string;
}

/** Starts a node before an origin; `$origin` in the text stands for the address of the latter. */
export async function startGallery(yaml: string, options: Partial<NodeOptions> = {}): Promise<Gallery> {
  const origin = startOriginServer({ cacheControl: 'max-age=600' });
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
origins: { web: { type: http, url: '${origin.url}' } }
${yaml}`,
    { file: 'gallery.yaml', env: {} },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const [faults, logged]: [string[], string[]] = [[], []];
  const before = new Set(transformPids());
  const note =
    (level: string) =>
    (message: string, facts?: object): void => {
      logged.push(`${level} ${message} ${JSON.stringify(facts)}`);
      if (level === 'error') faults.push(`${message} ${JSON.stringify(facts)}`);
    };
  const pids = (): number[] => transformPids().filter((pid) => !before.has(pid));
  const node = startTestNode(result.config, faults, {
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    accessLogs: {
      open: () => ({
        lostLines: 0,
        ready: () => true,
        write: (lines) => void logged.push(Buffer.from(lines).toString('utf8')),
      }),
      retire: () => undefined,
    },
    ...options,
  });
  const port = Number(new URL(node.url).port);
  return {
    node,
    origin,
    faults,
    logged,
    pids,
    ask: async (target, { method = 'GET', host = '127.0.0.1', lines = '' } = {}) => {
      const client = new RawClient(port);
      const text = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}Connection: close\r\n\r\n`;
      return parsed(await client.send(text).all());
    },
    admin: (path, init) =>
      fetch(`${node.adminUrl}${path}`, { ...init, headers: { authorization: 'Bearer a-token-for-tests' } }),
    stop: async () => {
      await node.stop(0);
      await origin.stop();
      await eventually(() => pids().length === 0);
    },
  };
}

/** Children of this process that transform images. */
function transformPids(): number[] {
  const children: number[] = [];
  for (const name of process.platform === 'linux' ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // `pid (name) state parent ...`
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (Number(parent) !== process.pid) continue;
      if (readFileSync(`/proc/${name}/cmdline`, 'latin1').includes('transform/child.ts'))
        children.push(Number(name));
    } catch {
      // It is gone.
    }
  }
  return children;
}

/** Resident memory of a process in bytes; 0 when it is gone. */
export function residentOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Takes an answer apart. @param received latin1. */
export function parsed(received: string): Answer {
  const end = received.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
  const fields = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  return {
    status,
    fields,
    head: received.slice(0, end),
    body: Buffer.from(received.slice(end + 4), 'latin1'),
  };
}

/** The HMAC of signed addresses, written anew: path and query as they are sent. */
export function macOf(key: string, text: string): string {
  return createHmac('sha256', key).update(text, 'latin1').digest('base64url');
}

/** That of imgproxy (its documentation, "Signing the URL"). @param rest from the slash behind the signature on. */
export function imgproxyMacOf(key: string, salt: string, rest: string): string {
  return createHmac('sha256', Buffer.from(key, 'hex'))
    .update(Buffer.from(salt, 'hex'))
    .update(rest, 'latin1')
    .digest('base64url');
}

/** One small image of each format that is decoded here, by its extension. */
export async function smallImages(): Promise<Readonly<Record<string, Buffer>>> {
  const frame = (red: number) =>
    sharp({ create: { width: 48, height: 36, channels: 3, background: { r: red, g: 90, b: 160 } } });
  const frames = await Promise.all([20, 120, 220].map((red) => frame(red).png().toBuffer()));
  const animation = () => sharp(frames, { join: { animated: true } });
  const [jpg, png, gif, webp, avif, tiff] = await Promise.all([
    frame(200).jpeg().toBuffer(),
    frame(200).png().toBuffer(),
    animation().gif().toBuffer(),
    animation().webp().toBuffer(),
    frame(200).avif({ effort: 0 }).toBuffer(),
    frame(200).tiff().toBuffer(),
  ]);
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="36"><circle cx="24" cy="18" r="9"/></svg>',
  );
  return { jpg, png, gif, webp, avif, tiff, svg };
}

/** Media type by extension, as origins say them. */
export const TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  tiff: 'image/tiff',
  svg: 'image/svg+xml',
};
