import { formatCount, formatDuration, formatSize } from '../base/units.ts';
import { hitRatio } from '../monitor/rates.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { describeStandings } from '../simulate/auto/describe.ts';
import { describeAround } from '../simulate/curves/around.ts';
import { ADMIN_HELP, type AdminIo, adminCommand } from './admin-command.ts';
import { EXIT } from './io.ts';
import { variantText } from './live-variants.ts';

const HELP = `holdfast status: a running node on one screen

  holdfast status

${ADMIN_HELP}
Counters are since the node started; "holdfast top" shows what happens now. Exit codes: 0 all is well, 1 the node cannot be
asked, or its last reload was refused.
`;

/** `holdfast status`. */
export function status(args: readonly string[], io: AdminIo): Promise<number> {
  return adminCommand({ name: 'status', help: HELP, options: {} }, args, io, async ({ values, client }) => {
    const snapshot = await client.status();
    io.out(values.json ? `${JSON.stringify(snapshot)}\n` : `${statusLines(snapshot).join('\n')}\n`);
    return snapshot.config?.lastReloadOk === false ? EXIT.refused : EXIT.ok;
  });
}

function statusLines(it: Snapshot): string[] {
  const { memory, requests } = it;
  const ratio = hitRatio(requests);
  const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
  const uptime = formatDuration(Math.max(0, it.nowMs - it.startedAtMs));
  const evictions = memory.removals.room;
  const age =
    memory.evictionAgeS === undefined ? '' : `, median age ${formatDuration(memory.evictionAgeS * 1000)}`;
  return [
    `Holdfast ${it.holdfast}  up ${uptime}  ${it.draining ? 'draining' : 'serving'} at ${it.listen}`,
    ...configLines(it),
    row(
      'memory',
      `${formatSize(memory.usedBytes)} of ${formatSize(memory.budgetBytes)} (${percent(memory.usedBytes, memory.budgetBytes)}), entries ${formatCount(memory.entries)}, ${memory.policy}`,
    ),
    ...variantLines(memory),
    ...diskLines(it),
    ...trafficLines(it),
    ...autoLines(it),
    ...(it.curve === undefined ? [] : [row('curve', describeAround(it.curve))]),
    row(
      'evicted',
      `${formatCount(evictions)}, of which ${formatCount(memory.earlyEvictions)} early and ${formatCount(memory.prematureEvictions)} premature${age}`,
    ),
    row('requests', `${formatCount(total)}, ${it.connections} connections, ${formatSize(it.sentBytes)} sent`),
    row(
      'answered',
      `${ratio === undefined ? '-' : percent(ratio, 1)}: hit ${formatCount(requests.hit)}, collapsed ${formatCount(requests.collapsed)}, stale ${formatCount(requests.stale)}, revalidated ${formatCount(requests.revalidated)}`,
    ),
    row(
      '',
      `miss ${formatCount(requests.miss)}, bypass ${formatCount(requests.bypass)}, refused ${formatCount(requests.refused)}`,
    ),
    row('failed', `${formatCount(requests.failed)}; answers with 5xx: ${formatCount(it.statuses['5xx'])}`),
    ...imageLines(it),
    ...it.origins.map((origin) => row('origin', originText(origin))),
    row(
      'process',
      `${formatSize(it.process.residentBytes)} resident, ${formatDuration(it.process.cpuSeconds * 1000)} of processor time`,
    ),
  ];
}

function trafficLines({ traffic, nowMs }: Snapshot): string[] {
  if (traffic === undefined) return [];
  const { path, isPaused, rows, droppedRows, rate, storedBytes, sizeBytes, oldestMs } = traffic;
  const share = rate === 1 ? 'every request' : `${(100 * rate).toPrecision(3)} % of the keys`;
  const lost = droppedRows === 0 ? '' : `, ${formatCount(droppedRows)} lost`;
  const reach =
    oldestMs === undefined ? 'empty yet' : `back ${formatDuration(Math.max(0, nowMs - oldestMs))}`;
  const where = path ?? 'memory';
  return [
    row(
      'traffic',
      isPaused
        ? `NOT RECORDED for the moment: ${where} cannot be written`
        : `${share} recorded: ${formatCount(rows)}${lost}`,
    ),
    row('', `${formatSize(storedBytes)} of ${formatSize(sizeBytes)} in ${where}, ${reach}`),
  ];
}

function autoLines({ auto }: Snapshot): string[] {
  if (auto === undefined) return [];
  const [latest] = auto.decisions;
  const when = latest === undefined ? '' : new Date(latest.atMs).toISOString().slice(0, 19);
  return [
    row('policy', describeStandings(auto)),
    ...(latest === undefined ? [] : [row('', `${when}Z: ${latest.reason}`)]),
  ];
}

function diskLines({ disk }: Snapshot): string[] {
  if (disk === undefined) return [];
  const { usedBytes, budgetBytes, entries, state, damaged } = disk;
  const fill = `${formatSize(usedBytes)} of ${formatSize(budgetBytes)} (${percent(usedBytes, budgetBytes)})`;
  return [
    row('disk', `${fill}, entries ${formatCount(entries)}, ${state}, damaged ${formatCount(damaged)}`),
    ...variantLines(disk),
  ];
}

/** How a tier is divided, where there is anything to divide. */
function variantLines({ originals, variants }: Pick<Snapshot['memory'], 'originals' | 'variants'>): string[] {
  if (variants.entries === 0) return [];
  const text = ({ entries, usedBytes }: typeof variants): string =>
    `${formatSize(usedBytes)} in ${formatCount(entries)}`;
  return [row('', `originals ${text(originals)}, variants ${text(variants)}`)];
}

function imageLines({ images }: Snapshot): string[] {
  if (images === undefined) return [];
  const { active, waiting, residentBytes, restarts } = images;
  const size = residentBytes === 0 ? 'not started' : `${formatSize(residentBytes)} resident`;
  return [
    row('variants', `${variantText(images)}; ${active} being made, ${waiting} waiting`),
    row('', `their process: ${size}, restarts ${formatCount(restarts)}`),
  ];
}

function configLines({ config, purges }: Snapshot): string[] {
  if (config === undefined) return [];
  const lines = [
    row(
      'config',
      config.file === undefined ? 'the defaults, without a file' : `${config.file} (${config.hash})`,
    ),
  ];
  if (config.lastReloadAtMs !== undefined) {
    const at = new Date(config.lastReloadAtMs).toISOString();
    lines.push(
      row(
        'reload',
        config.lastReloadOk
          ? `at ${at}`
          : `REFUSED at ${at}: ${config.problems} problems; the last good one runs`,
      ),
    );
  }
  if (config.needsRestart.length > 0) lines.push(row('restart', `due for ${config.needsRestart.join(', ')}`));
  if (purges !== undefined && purges.total > 0)
    lines.push(
      row('purges', `${formatCount(purges.total)}, of which ${formatCount(purges.active)} are being swept`),
    );
  return lines;
}

function originText(origin: Snapshot['origins'][number]): string {
  const failures = Object.entries(origin.failures).filter(([, count]) => count > 0);
  const failed =
    failures.map(([cause, count]) => `${cause} ${formatCount(count)}`).join(', ') || 'no failures';
  return `${origin.name}: ${formatCount(origin.requests)} requests, ${origin.active} under way, ${failed}`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(9)} ${text}`;
}
