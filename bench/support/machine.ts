import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** One paragraph that says when, on what and with which versions the figures were measured. */
export function describeRun(command: string, tools: readonly Tool[] = []): string {
  const cpu = cpus();
  const versions = [`Bun ${Bun.version}`, ...tools.map((tool) => `${tool.name} ${versionOf(tool)}`)];
  const load = loadavg()[0]!.toFixed(1);
  return [
    `Measured ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC with \`${command}\` on ${cpu.length} cores of`,
    `${cpu[0]?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()};`,
    `${versions.join(', ')}. Load average before the run: ${load}.`,
  ].join(' ');
}

/** A program that tells its version on either output. */
export interface Tool {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly pattern: RegExp;
}

export const NGINX: Tool = { name: 'nginx', command: ['nginx', '-v'], pattern: /nginx\/([\d.]+)/ };
export const VARNISH: Tool = { name: 'Varnish', command: ['varnishd', '-V'], pattern: /varnish-([\d.]+)/ };
export const WRK: Tool = { name: 'wrk', command: ['wrk', '-v'], pattern: /wrk \S*?([\d.]+)/ };

function versionOf({ command: [program, ...args], pattern }: Tool): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? '(unknown version)';
}
