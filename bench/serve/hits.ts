import { truncateSync } from 'node:fs';
import { sizedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import {
  ADMIN_TOKEN,
  fillAndVerify,
  type HoldfastNode,
  type Origin,
  type Server,
  type ServerName,
  startHoldfast,
  startNginx,
  startVarnish,
} from '../support/servers.ts';
import { median, roundRatios, type Spread, spread } from '../support/stats.ts';
import type { Workbench } from '../support/workbench.ts';
import { type Round, runWrk } from '../support/wrk.ts';

/** The hit path: processor time per request of Holdfast, nginx and Varnish, one core each, in turn. */

interface Size {
  readonly label: string;
  readonly bytes: number;
  /** Least multiple of nginx's requests per processor second; the goal is 1. */
  readonly floor: number;
}

const SIZES: readonly Size[] = [
  { label: '2 KB', bytes: 2_000, floor: 1.1 },
  { label: '30 KB', bytes: 30_000, floor: 0.9 },
  { label: '200 KB', bytes: 200_000, floor: 0.9 },
];
const URLS = 2_000;
const NGINX_GOAL = 1;
const VARNISH_GOAL = 1.5;
/** Holds every body of every size, for all three servers alike. */
const CACHE_MIB = 1024;
const WARM_UP_SECONDS = 2;

export interface HitOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Off: the node's default, for comparison. The recorded figures are with it. */
  readonly accessLog: boolean;
}

type Rounds = Readonly<Record<ServerName, readonly Round[]>>;

export interface SectionResult {
  readonly markdown: string;
  readonly floorsMet: boolean;
}

export async function measureHits(
  bench: Workbench,
  origin: Origin,
  options: HitOptions,
): Promise<SectionResult> {
  const holdfast = await startHoldfast(bench, origin, {
    memory: `${CACHE_MIB}MiB`,
    accessLog: options.accessLog,
  });
  const servers: Server[] = [
    holdfast,
    await startNginx(bench, origin, `${CACHE_MIB}m`),
    await startVarnish(bench, origin, `${CACHE_MIB}m`),
  ];
  const results: [Size, Rounds][] = [];
  for (const size of SIZES) {
    const prefix = sizedPrefix(size.bytes);
    for (const server of servers) {
      await fillAndVerify(server, origin, prefix, URLS);
      await runWrk(bench, server.port, server.child.pid, load(prefix, WARM_UP_SECONDS));
    }
    results.push([size, await measureSize(bench, origin, servers, size, options)]);
    if (options.accessLog) truncateSync(holdfast.accessLogPath);
  }
  const log = options.accessLog ? await accessLogCounts(holdfast) : { lines: 1, dropped: 0 };
  for (const server of servers) await bench.stop(server.child);
  return report(results, log);
}

const load = (prefix: string, seconds: number) => ({ mode: 'cycle', prefix, count: URLS, seconds }) as const;

async function measureSize(
  bench: Workbench,
  origin: Origin,
  servers: readonly Server[],
  size: Size,
  { rounds, seconds }: HitOptions,
): Promise<Rounds> {
  const results = { Holdfast: [] as Round[], nginx: [] as Round[], Varnish: [] as Round[] };
  const fetchedBefore = await origin.count();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, port, child } of servers) {
      const result = await runWrk(bench, port, child.pid, load(sizedPrefix(size.bytes), seconds));
      results[name].push(result);
      console.error(
        `hits ${size.label} round ${round + 1} ${name.padEnd(8)} ${result.cpuUs.toFixed(2)} us/request, ` +
          `${Math.round(result.perSecond)}/s, p99 ${result.p99Ms.toFixed(2)} ms`,
      );
    }
  }
  const fetched = (await origin.count()) - fetchedBefore;
  if (fetched > 0) throw new Error(`the origin was asked ${fetched} times while only hits were measured`);
  return results;
}

/** Lines written and lost: a node that drops its log under load would look faster than it is. */
async function accessLogCounts(node: HoldfastNode): Promise<{ lines: number; dropped: number }> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}/metrics`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const text = await response.text();
  const value = (name: string): number => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`the node's metrics have no ${name}`);
    return Number(found);
  };
  return {
    lines: value('holdfast_access_log_lines_total'),
    dropped: value('holdfast_access_log_dropped_total'),
  };
}

function report(
  results: readonly [Size, Rounds][],
  log: { readonly lines: number; readonly dropped: number },
): SectionResult {
  const figures = results.flatMap(([size, rounds]) =>
    (['Holdfast', 'nginx', 'Varnish'] as const).map((name) => row(size, name, rounds[name])),
  );
  const verdicts = results.map(([size, rounds]) => verdict(size, rounds));
  const droppedPercent = ((100 * log.dropped) / (log.lines + log.dropped)).toFixed(2);
  const markdown = [
    '### Hits',
    '',
    `All of ${URLS.toLocaleString('en')} URLs cached, 64 connections, one core for the server. Holdfast writes an access log line for`,
    `every request (${droppedPercent} % of them were dropped), the others none. Medians of the rounds, minimum and`,
    'maximum in brackets. "Core" is the share of its core that the server used: well below 1.00, the client or other',
    'work on the machine was the limit, and requests per second say little about the server; CPU per request still does.',
    'The client asks again as soon as it is answered, so latencies are those of a server at its limit.',
    '',
    table(['body, server', 'CPU us/request', 'requests/s', 'p50 ms', 'p99 ms', 'core'], figures),
    '',
    'Requests per processor second against the others (above 1: Holdfast is cheaper), per round, then the median:',
    '',
    table(
      [
        'body',
        'x nginx',
        'floor',
        'goal',
        'x Varnish',
        'goal',
        'req/s x nginx',
        'req/s x Varnish',
        'verdict',
      ],
      verdicts.map((entry) => entry.cells),
    ),
  ].join('\n');
  return { markdown, floorsMet: verdicts.every((entry) => entry.floorMet) };
}

function row(size: Size, name: ServerName, rounds: readonly Round[]): string[] {
  const of = (pick: (round: Round) => number): Spread => spread(rounds.map(pick));
  const cpu = of((round) => round.cpuUs);
  const perSecond = of((round) => round.perSecond);
  const thousands = (value: number): string => (value / 1000).toFixed(1);
  return [
    `${size.label}, ${name}`,
    `${cpu.median.toFixed(1)} (${cpu.min.toFixed(1)}-${cpu.max.toFixed(1)})`,
    `${thousands(perSecond.median)}k (${thousands(perSecond.min)}-${thousands(perSecond.max)})`,
    of((round) => round.p50Ms).median.toFixed(2),
    of((round) => round.p99Ms).median.toFixed(2),
    of((round) => round.coreShare).median.toFixed(2),
  ];
}

function verdict(size: Size, rounds: Rounds): { cells: string[]; floorMet: boolean } {
  const cpu = (name: ServerName): number[] => rounds[name].map((round) => round.cpuUs);
  const perSecond = (name: ServerName): number[] => rounds[name].map((round) => round.perSecond);
  const nginx = median(roundRatios(cpu('nginx'), cpu('Holdfast')));
  const varnish = median(roundRatios(cpu('Varnish'), cpu('Holdfast')));
  const floorMet = nginx >= size.floor;
  const goalMet = nginx >= NGINX_GOAL && varnish >= VARNISH_GOAL;
  const cells = [
    size.label,
    nginx.toFixed(2),
    size.floor.toFixed(1),
    NGINX_GOAL.toFixed(1),
    varnish.toFixed(2),
    VARNISH_GOAL.toFixed(1),
    median(roundRatios(perSecond('Holdfast'), perSecond('nginx'))).toFixed(2),
    median(roundRatios(perSecond('Holdfast'), perSecond('Varnish'))).toFixed(2),
    floorMet ? (goalMet ? 'goal met' : 'floor met') : 'BELOW FLOOR',
  ];
  return { cells, floorMet };
}
