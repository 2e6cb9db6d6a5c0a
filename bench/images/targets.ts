import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, freePort, type Workbench } from '../support/workbench.ts';
import type { ClientJob, ClientResult } from './client.ts';
import type { DirectJob, DirectResult } from './direct.ts';
import { acceptOf, addressOf, type Encoders, type TargetName, type Wanted } from './operations.ts';
import { emptyNextCache, nextProgram, type Peers, peerEnv } from './peers.ts';

/** The servers under measurement, and the loop over sharp, behind one face. */

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Of Holdfast's memory tier, for originals and variants. */
export const CACHE_MIB = 64;

export interface Target {
  readonly name: TargetName;
  readonly child: Child;
  /** Makes all of them, some at a time, and waits for the last. @throws Error when one is not what was asked for. */
  make(wanted: readonly Wanted[]): Promise<ClientResult>;
  /** The bytes of one. */
  bytesOf(wanted: Wanted): Promise<Uint8Array>;
}

export interface Setting {
  readonly bench: Workbench;
  readonly originPort: number;
  /** Where the pictures are. */
  readonly folder: string;
  readonly peers: Peers;
  readonly encoders: Encoders;
  /** Peers encode as the encoders say, whatever they would by themselves. */
  readonly isEqual: boolean;
  /** Cores of a server, for taskset. */
  readonly cores: string;
  /** How many of them. */
  readonly coreCount: number;
  /** Requests under way at a time. */
  readonly parallel: number;
}

/** Starts the origin of the originals. @returns its port. */
export async function startPictures(bench: Workbench, folder: string, core: number): Promise<number> {
  const port = await freePort();
  const script = join(import.meta.dirname, 'origin.ts');
  const child = bench.start([process.execPath, script, String(port), folder], core);
  await bench.ready(child, `http://127.0.0.1:${port}/ready.png`);
  return port;
}

/** Starts one of them, with an empty cache. */
export async function startTarget(name: TargetName, setting: Setting): Promise<Target> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const { bench, cores } = setting;
  const child = bench.start(commandOf(name, [port, adminPort], setting), cores, envOf(name, setting));
  await bench.ready(child, `http://127.0.0.1:${port}${readyPath(name, setting)}`);
  return name === 'sharp' ? directTarget(child, port) : serverTarget(name, child, port, setting);
}

function commandOf(name: TargetName, ports: readonly [number, number], setting: Setting): string[] {
  const { peers } = setting;
  const port = String(ports[0]);
  const preload = setting.isEqual ? ['--import', join(peers.folder, 'same-settings.mjs')] : [];
  switch (name) {
    case 'sharp': {
      const script = join(import.meta.dirname, 'direct.ts');
      const { folder, parallel, encoders } = setting;
      return [process.execPath, script, port, folder, String(parallel), JSON.stringify(encoders)];
    }
    case 'Holdfast':
      return [process.execPath, MAIN, 'serve', '-c', writeConfig(ports, setting)];
    case 'ipx':
      return ['node', ...preload, join(peers.folder, 'ipx.mjs'), port];
    case 'Next.js':
      emptyNextCache(peers.folder);
      return [
        ...['node', ...preload, nextProgram(peers.folder), 'start', peers.folder],
        ...['-H', '127.0.0.1', '-p', port],
      ];
  }
}

function envOf(name: TargetName, { encoders }: Setting): Record<string, string> {
  return name === 'ipx' || name === 'Next.js'
    ? { ...peerEnv(), BENCH_ENCODERS: JSON.stringify(encoders) }
    : {};
}

function readyPath(name: TargetName, { originPort }: Setting): string {
  if (name === 'ipx') return `/w_1/http://127.0.0.1:${originPort}/ready.png`;
  return name === 'Holdfast' ? '/ready.png' : '/';
}

/** Everything by its default but the size of the cache, which would else be a share of the machine's memory. */
function writeConfig([port, adminPort]: readonly [number, number], { bench, originPort }: Setting): string {
  const file = join(bench.subdir(`holdfast-${port}`), 'holdfast.yaml');
  const config = `version: 1
server: { listen: '127.0.0.1:${port}' }
admin: { listen: '127.0.0.1:${adminPort}' }
cache: { memory: { size: ${CACHE_MIB}MiB } }
origins: { pictures: { type: http, url: 'http://127.0.0.1:${originPort}' } }
routes:
  - { name: pictures, origin: pictures, images: { grammar: imgix } }
log: { level: warn }
`;
  writeFileSync(file, config);
  return file;
}

function serverTarget(
  name: Exclude<TargetName, 'sharp'>,
  child: Child,
  port: number,
  { bench, originPort, parallel }: Setting,
): Target {
  const serverUrl = `http://127.0.0.1:${port}`;
  const originUrl = `http://127.0.0.1:${originPort}`;
  const addresses = (wanted: readonly Wanted[]): string[] =>
    wanted.map((one) => addressOf(name, one, originUrl));
  return {
    name,
    child,
    async make(wanted) {
      const { format } = wanted[0]!.operation;
      const job: ClientJob = {
        serverUrl,
        addresses: addresses(wanted),
        accept: acceptOf(format),
        type: `image/${format}`,
        parallel,
      };
      const script = join(import.meta.dirname, 'client.ts');
      const command = [process.execPath, script, JSON.stringify(job)];
      return JSON.parse(await bench.run(command, bench.cores.all.at(-1)!)) as ClientResult;
    },
    async bytesOf(wanted) {
      const headers = { Accept: acceptOf(wanted.operation.format) };
      return (await fetch(serverUrl + addresses([wanted])[0]!, { headers })).bytes();
    },
  };
}

function directTarget(child: Child, port: number): Target {
  const post = (path: string, pictures: readonly Wanted[]): Promise<Response> => {
    const job: DirectJob = { pictures };
    return fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: JSON.stringify(job) });
  };
  return {
    name: 'sharp',
    child,
    make: async (wanted) => (await (await post('/all', wanted)).json()) as DirectResult,
    bytesOf: async (wanted) => (await post('/one', [wanted])).bytes(),
  };
}
