import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Where distributions put a Chromium or a Chrome; `HOLDFAST_CHROMIUM` names another one. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const INSTALL_MS = 240_000;

/** How it is started for a test: without a window, and without asking anybody but this machine. */
export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
  // Whatever else it wants to ask at its start: no name is looked up.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** The browser for end-to-end tests; undefined when there is none, and those tests are skipped. */
export function findChromium(): string | undefined {
  return [process.env['HOLDFAST_CHROMIUM'] ?? '', ...PLACES].find(
    (place) => place !== '' && existsSync(place),
  );
}

/**
 * Installs Debian's Chromium where that can be done without asking anybody: as root, on Debian. At most eight minutes.
 *
 * @returns undefined when there is a browser now, else one sentence that says why not and what to do.
 */
export function installChromium(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  const remedy = 'install chromium, or name one in HOLDFAST_CHROMIUM';
  const system = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID=debian$/m.test(system)) return `no Chromium here, and this is not Debian: ${remedy}`;
  if (process.getuid?.() !== 0) return `no Chromium here, and only root may install it: ${remedy}`;
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const run = spawnSync('apt-get', ['-q', ...args], {
      encoding: 'utf8',
      timeout: INSTALL_MS,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (run.status === 0) continue;
    const last = (run.error?.message ?? run.stderr).trim().split('\n').at(-1);
    return `apt-get ${args[0]} failed (${last}): ${remedy}`;
  }
  return findChromium() === undefined ? `Debian's package brought no Chromium: ${remedy}` : undefined;
}
