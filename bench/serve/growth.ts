import { join } from 'node:path';
import { table } from '../support/markdown.ts';
import { median } from '../support/stats.ts';
import { freePort, type Workbench } from '../support/workbench.ts';
import { runWrk } from '../support/wrk.ts';

/** The cost of a hit in caches of a thousand to a million objects. */

const OBJECTS = [1_000, 10_000, 100_000, 1_000_000];
const HOT_OBJECTS = 1_000;
const ROUNDS = 3;
const ROUND_SECONDS = 1;

interface Cost {
  readonly objects: number;
  /** In the process, all objects equally likely. */
  readonly uniformNs: number;
  /** In the process, only a thousand of them asked for. */
  readonly hotNs: number;
  /** The same over HTTP: the server's processor time. */
  readonly uniformHttpUs: number;
  readonly hotHttpUs: number;
}

/** @returns Markdown. */
export async function measureGrowth(bench: Workbench): Promise<string> {
  const costs: Cost[] = [];
  for (const objects of OBJECTS) {
    const cost = await measureCost(bench, objects);
    costs.push(cost);
    console.error(`growth ${objects} objects: ${JSON.stringify(cost)}`);
  }
  return report(costs);
}

async function measureCost(bench: Workbench, objects: number): Promise<Cost> {
  const port = await freePort();
  const script = join(import.meta.dirname, 'growth-node.ts');
  const child = bench.start([process.execPath, script, String(objects), String(port)], bench.cores.server);
  await bench.ready(child, `http://127.0.0.1:${port}/o/0`);
  const cpuUs = async (count: number): Promise<number> => {
    const results: number[] = [];
    // The first round only warms up.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const load = { mode: 'random', prefix: '/o/', count, first: round, seconds: ROUND_SECONDS } as const;
      const { cpuUs } = await runWrk(bench, port, child.pid, load);
      if (round > 0) results.push(cpuUs);
    }
    return median(results);
  };
  const uniformHttpUs = await cpuUs(objects);
  const hotHttpUs = await cpuUs(Math.min(objects, HOT_OBJECTS));
  await bench.stop(child);
  const direct = JSON.parse(await new Response(child.stdout).text()) as { uniformNs: number; hotNs: number };
  return { objects, ...direct, uniformHttpUs, hotHttpUs };
}

function report(costs: readonly Cost[]): string {
  const rows = costs.map((cost) => [
    cost.objects.toLocaleString('en'),
    cost.hotNs.toFixed(0),
    cost.uniformNs.toFixed(0),
    cost.hotHttpUs.toFixed(2),
    cost.uniformHttpUs.toFixed(2),
  ]);
  const growth = (pick: (cost: Cost) => number): string => (pick(costs.at(-1)!) / pick(costs[0]!)).toFixed(2);
  return [
    '### Cost of a hit as the cache grows',
    '',
    'Bodies of 1 KB. "1,000 of them": the same thousand URLs, spread over the whole cache, are asked for however many',
    'objects there are, which shows the work of the index and the policy alone. "All": every object is equally likely,',
    "so with 100,000 and more the data no longer fits the processor's caches and each hit waits for memory, whatever the",
    'algorithm. In the process: one call of the request path, body copied out and booked. Over HTTP: CPU per request.',
    '',
    table(
      ['objects', 'in process, 1,000 of them, ns', 'all, ns', 'over HTTP, 1,000 of them, us', 'all, us'],
      rows,
    ),
    '',
    `From 10^3 to 10^6 objects: ${growth((cost) => cost.hotNs)} x and ${growth((cost) => cost.uniformNs)} x in the process, ` +
      `${growth((cost) => cost.hotHttpUs)} x and ${growth((cost) => cost.uniformHttpUs)} x over HTTP.`,
  ].join('\n');
}
