import { sizedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import { fillAndVerify, type Origin, type Server, startHoldfast, startNginx } from '../support/servers.ts';
import { median, roundRatios, spread } from '../support/stats.ts';
import type { Workbench } from '../support/workbench.ts';
import { type Round, runWrk } from '../support/wrk.ts';
import type { HitOptions } from './hits.ts';

/** The miss path: every request asks for another URL, and the response is stored. */

const BODY_BYTES = 30_000;
const PREFIX = sizedPrefix(BODY_BYTES);
/** Small enough to be full after the warm-up, so that storing means evicting as well. */
const CACHE_MIB = 512;
const WARM_UP_SECONDS = 4;

/** @returns Markdown. @throws Error when a request was not a miss. */
export async function measureMisses(
  bench: Workbench,
  origin: Origin,
  { rounds, seconds }: HitOptions,
): Promise<string> {
  const servers = [
    await startHoldfast(bench, origin, { memory: `${CACHE_MIB}MiB` }),
    await startNginx(bench, origin, `${CACHE_MIB}m`),
  ] as const;
  const results: Record<string, Round[]> = {};
  let first = 1_000_000;
  const round = async (server: Server, roundSeconds: number): Promise<Round> => {
    const before = await origin.count();
    const load = { mode: 'rising', prefix: PREFIX, count: 0, first, seconds: roundSeconds } as const;
    const result = await runWrk(bench, server.port, server.child.pid, load);
    const fetched = (await origin.count()) - before;
    if (fetched < result.requests)
      throw new Error(`${server.name} served hits where only misses were asked for`);
    first += 10_000_000;
    return result;
  };
  for (const server of servers) {
    await fillAndVerify(server, origin, PREFIX, 100);
    await round(server, WARM_UP_SECONDS);
    results[server.name] = [];
  }
  for (let i = 0; i < rounds; i += 1) {
    for (const server of servers) {
      const result = await round(server, seconds);
      results[server.name]!.push(result);
      console.error(
        `misses round ${i + 1} ${server.name.padEnd(8)} ${result.cpuUs.toFixed(1)} us/request, ${Math.round(result.perSecond)}/s`,
      );
    }
  }
  for (const server of servers) await bench.stop(server.child);
  return report(results, bench.onTmpfs);
}

function report(results: Readonly<Record<string, readonly Round[]>>, onTmpfs: boolean): string {
  const rows = Object.entries(results).map(([name, rounds]) => {
    const cpu = spread(rounds.map((round) => round.cpuUs));
    const perSecond = spread(rounds.map((round) => round.perSecond));
    return [
      name,
      `${cpu.median.toFixed(1)} (${cpu.min.toFixed(1)}-${cpu.max.toFixed(1)})`,
      `${Math.round(perSecond.median).toLocaleString('en')} (${Math.round(perSecond.min).toLocaleString('en')}-${Math.round(perSecond.max).toLocaleString('en')})`,
      median(rounds.map((round) => round.p50Ms)).toFixed(2),
      median(rounds.map((round) => round.p99Ms)).toFixed(2),
      median(rounds.map((round) => round.coreShare)).toFixed(2),
    ];
  });
  const cpuOf = (name: string): number[] => results[name]!.map((round) => round.cpuUs);
  const ratio = median(roundRatios(cpuOf('nginx'), cpuOf('Holdfast')));
  return [
    '### Misses',
    '',
    `Every request for another URL of ${BODY_BYTES / 1000} KB, 64 connections, the cache full, so each response is fetched, stored and`,
    `another one evicted. Holdfast stores into its memory tier of ${CACHE_MIB} MiB; nginx into files on`,
    `${onTmpfs ? 'tmpfs, so it waits for no disk' : 'disk, through the page cache'}, ${CACHE_MIB} MiB at most.`,
    '',
    table(['server', 'CPU us/request', 'requests/s', 'p50 ms', 'p99 ms', 'core'], rows),
    '',
    `Requests per processor second: ${ratio.toFixed(2)} x nginx.`,
  ].join('\n');
}
