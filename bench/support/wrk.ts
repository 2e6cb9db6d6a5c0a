import { join } from 'node:path';
import { treeCpuMs } from './proc.ts';
import type { Workbench } from './workbench.ts';

export const CONNECTIONS = 64;

export interface Load {
  /** `cycle` through the URLs in order, a uniformly `random` one each time, or `rising` numbers that never repeat. */
  readonly mode: 'cycle' | 'random' | 'rising';
  /** Path before the number. */
  readonly prefix: string;
  /** How many URLs there are; ignored when rising. */
  readonly count: number;
  /** Rising: numbers start above this one. Random: the seed. */
  readonly first?: number;
  readonly seconds: number;
  /** Default 64. */
  readonly connections?: number;
  /** Mean time that each connection waits before it asks again, uniformly from 0 to twice that; default 0. */
  readonly thinkMs?: number;
}

export interface Round {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Processor time of the server for each request, in microseconds. */
  readonly cpuUs: number;
  /** Processor time of the server per second of wall time; 1 is a whole core. */
  readonly coreShare: number;
}

/**
 * One round of wrk (one thread) against the server whose process tree starts at `pid`.
 *
 * @param core where wrk runs.
 * @throws Error when a response was not 2xx or a connection broke: such a round measures something else.
 */
export async function runWrk(
  bench: Workbench,
  port: number,
  pid: number,
  load: Load,
  core: number = bench.cores.client,
): Promise<Round> {
  const script = join(import.meta.dirname, 'wrk.lua');
  const { mode, prefix, count, first = 0, seconds, connections = CONNECTIONS, thinkMs = 0 } = load;
  const beforeMs = treeCpuMs(pid);
  const out = await bench.run(
    [
      ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`],
      ...['--', mode, prefix, String(count), String(first), String(thinkMs)],
    ],
    core,
  );
  const cpuMs = treeCpuMs(pid) - beforeMs;
  const json = /^\{.*\}$/m.exec(out)?.[0];
  if (json === undefined) throw new Error(`wrk gave no result: ${out.trim()}`);
  const result = JSON.parse(json) as Record<string, number>;
  const problems = result['statusErrors']! + result['socketErrors']!;
  if (problems > 0 || result['requests'] === 0) {
    throw new Error(`wrk on port ${port}, ${prefix}: ${problems} errors in ${result['requests']} requests`);
  }
  return {
    requests: result['requests']!,
    perSecond: result['requests']! / result['seconds']!,
    p50Ms: result['p50Ms']!,
    p99Ms: result['p99Ms']!,
    p999Ms: result['p999Ms']!,
    maxMs: result['maxMs']!,
    cpuUs: (cpuMs * 1000) / result['requests']!,
    coreShare: cpuMs / 1000 / result['seconds']!,
  };
}
