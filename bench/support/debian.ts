import { spawnSync } from 'node:child_process';
import { Unusable } from './workbench.ts';

/** Programs and the Debian packages they come in. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  nginx: 'nginx',
  varnishd: 'varnish',
  wrk: 'wrk',
  taskset: 'util-linux',
};

/**
 * Makes sure that programs are there; installs their Debian packages when this is root on a machine with apt-get.
 *
 * @throws Unusable that names the packages when it cannot.
 */
export function requirePrograms(programs: readonly string[]): void {
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGE_OF[program] ?? program);
  const install = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || Bun.which('apt-get') === null) {
    throw new Unusable(`${missing.join(', ')} not found. Install the packages, as root: ${install}`);
  }
  console.error(`installing ${packages.join(', ')}`);
  for (const command of ['apt-get update', install]) {
    const [program, ...args] = command.split(' ');
    const { status } = spawnSync(program!, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      // Packages would start their services, which nobody asked for.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
    if (status !== 0) throw new Unusable(`${command} failed with ${status}; install the packages by hand`);
  }
  const still = programs.filter((program) => Bun.which(program) === null);
  if (still.length > 0) throw new Unusable(`${still.join(', ')} still not found after: ${install}`);
}
