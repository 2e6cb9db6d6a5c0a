import { join } from 'node:path';
import { type Child, freePort, type Workbench } from '../support/workbench.ts';
import type { ClientJob, ClientResult } from './client.ts';
import type { DirectJob, DirectResult } from './direct.ts';
import { startImageNode } from './node.ts';
import { acceptOf, addressOf, type Encoders, type TargetName, type Wanted } from './operations.ts';
import { emptyNextCache, nextProgram, type Peers, peerEnv } from './peers.ts';

/** The servers under measurement, and the loop over sharp, behind one face. */

/** Of Holdfast's memory tier, for originals and variants. */
export const CACHE_MIB = 32;

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

/** Starts one of them, with an empty cache. */
export async function startTarget(name: TargetName, setting: Setting): Promise<Target> {
  const { bench, cores, originPort } = setting;
  if (name === 'Holdfast') {
    const { child, port } = await startImageNode(bench, originPort, { cores, cacheMib: CACHE_MIB });
    return serverTarget(name, child, port, setting);
  }
  const port = await freePort();
  const child = bench.start(commandOf(name, port, setting), cores, envOf(name, setting));
  const ready = name === 'ipx' ? `w_1/http://127.0.0.1:${originPort}/ready.png` : '';
  await bench.ready(child, `http://127.0.0.1:${port}/${ready}`);
  return name === 'sharp' ? directTarget(child, port) : serverTarget(name, child, port, setting);
}

function commandOf(name: Exclude<TargetName, 'Holdfast'>, port: number, setting: Setting): string[] {
  const { peers } = setting;
  const preload = setting.isEqual ? ['--import', join(peers.folder, 'same-settings.mjs')] : [];
  switch (name) {
    case 'sharp': {
      const script = join(import.meta.dirname, 'direct.ts');
      const { folder, parallel, encoders } = setting;
      return [
        ...[process.execPath, script, String(port), folder],
        ...[String(parallel), JSON.stringify(encoders)],
      ];
    }
    case 'ipx':
      return ['node', ...preload, join(peers.folder, 'ipx.mjs'), String(port)];
    case 'Next.js':
      emptyNextCache(peers.folder);
      return [
        ...['node', ...preload, nextProgram(peers.folder), 'start', peers.folder],
        ...['-H', '127.0.0.1', '-p', String(port)],
      ];
  }
}

/** The loop's is the one of the process in which Holdfast transforms. */
function envOf(name: Exclude<TargetName, 'Holdfast'>, { encoders }: Setting): Record<string, string> {
  return name === 'sharp'
    ? { MALLOC_ARENA_MAX: '2' }
    : { ...peerEnv(), BENCH_ENCODERS: JSON.stringify(encoders) };
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
  const post = async (path: string, pictures: readonly Wanted[]): Promise<Response> => {
    const job: DirectJob = { pictures };
    const init = { method: 'POST', body: JSON.stringify(job) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    if (!response.ok) throw new Error(`the loop failed: ${await response.text()}`);
    return response;
  };
  return {
    name: 'sharp',
    child,
    make: async (wanted) => (await (await post('/all', wanted)).json()) as DirectResult,
    bytesOf: async (wanted) => (await post('/one', [wanted])).bytes(),
  };
}
