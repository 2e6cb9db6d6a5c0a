import { parseArgs } from 'node:util';
import type { Clock, Timer } from '../base/clock.ts';
import { parseDuration } from '../base/units.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { AdminClient, AdminError, type AdminFetch, DEFAULT_ADMIN_URL } from '../server/admin-client.ts';
import { argumentMistake } from './arguments.ts';
import { type CliIo, EXIT } from './io.ts';
import { Live, type Screen, type ScreenEvents } from './live.ts';
import { plainLine, renderLive } from './live-view.ts';

/** What `top` needs of the outside world beyond {@link CliIo}. */
export interface TopIo extends Pick<CliIo, 'out' | 'err' | 'readFile' | 'env'> {
  readonly clock: Clock;
  readonly fetch: AdminFetch;
  /** Takes over the terminal; undefined when standard output is none. */
  openScreen(events: ScreenEvents): Screen | undefined;
}

/** What `holdfast top --help` prints. */
export const TOP_HELP = `holdfast top: what a running node does, live

  holdfast top [--interval 1s] [--plain] [--once] [--json]

  --admin URL      the node's admin port (default ${DEFAULT_ADMIN_URL})
  --token TOKEN    its admin token; better in HOLDFAST_ADMIN_TOKEN, since other users can see arguments.
                   Not needed on the node's own machine by the user that runs it.
  --ca FILE        certificate of a private authority, for https (or HOLDFAST_ADMIN_CA)
  --interval 1s    time between two samples, 200ms to 1m
  --plain          one line per sample, as when standard output is not a terminal
  --once           one sample of that length, then exit
  --json           print the samples as JSON, one per line

Keys: q or Ctrl-C quits.
`;

const INTERVAL_MS = { min: 200, default: 1_000, max: 60_000 } as const;
/** Of the view that \`--once\` prints. */
const PRINTED = { columns: 101, rows: 60 } as const;

interface TopOptions {
  readonly admin: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly intervalMs: number;
  readonly plain: boolean;
  readonly once: boolean;
  readonly json: boolean;
}

/**
 * `holdfast top`: shows a node's state until the user quits.
 *
 * @returns 0; 1 when the node cannot be asked; 2 when the arguments make no sense.
 */
export async function top(args: readonly string[], io: TopIo): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    io.out(TOP_HELP);
    return EXIT.ok;
  }
  const options = readOptions(args);
  if (typeof options === 'string') {
    io.err(`holdfast top: ${options}\nRun "holdfast top --help" for what it takes.\n`);
    return EXIT.unusable;
  }
  try {
    const client = new AdminClient({
      url: options.admin,
      token: options.token,
      ca: options.ca,
      env: io.env,
      readFile: (path) => io.readFile(path),
      fetch: io.fetch,
    });
    // The first answer comes before the screen is taken: an error then stays readable.
    const first = await client.status();
    if (options.once) return await printOnce(first, client, options, io);
    if (options.json) return await stream(first, client, options, io);
    return await watch(first, client, options, io);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    io.err(`holdfast top: ${error.message}\n${error.remedy}\n`);
    return EXIT.refused;
  }
}

function readOptions(args: readonly string[]): TopOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        admin: { type: 'string' },
        token: { type: 'string' },
        ca: { type: 'string' },
        interval: { type: 'string' },
        plain: { type: 'boolean', default: false },
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const interval = parseDuration(values.interval ?? '1s');
    if (!interval.ok) return `--interval ${values.interval}: ${interval.reason}; ${interval.remedy}`;
    if (interval.value < INTERVAL_MS.min || interval.value > INTERVAL_MS.max) {
      return `--interval ${values.interval} is outside 200ms to 1m`;
    }
    const { admin, token, ca, plain, once, json } = values;
    return { admin, token, ca, intervalMs: interval.value, plain, once, json };
  } catch (error) {
    return argumentMistake(error);
  }
}

/** One interval's worth: rates need two samples. */
async function printOnce(
  first: Snapshot,
  client: AdminClient,
  options: TopOptions,
  io: TopIo,
): Promise<number> {
  await sleep(io.clock, options.intervalMs);
  const second = await client.status();
  if (options.json) io.out(`${JSON.stringify(second)}\n`);
  else if (options.plain) io.out(`${plainLine(first, second)}\n`);
  else io.out(`${renderLive([first, second], PRINTED, { color: false, notes: [] }).join('\n')}\n`);
  return EXIT.ok;
}

/** Samples as JSON lines, until the node stops answering or the process is ended. */
async function stream(first: Snapshot, client: AdminClient, options: TopOptions, io: TopIo): Promise<number> {
  for (let sample = first; ; sample = await client.status()) {
    io.out(`${JSON.stringify(sample)}\n`);
    await sleep(io.clock, options.intervalMs);
  }
}

async function watch(first: Snapshot, client: AdminClient, options: TopOptions, io: TopIo): Promise<number> {
  const { promise: quit, resolve: onQuit } = Promise.withResolvers<'quit'>();
  let live: Live | undefined;
  const events: ScreenEvents = { onQuit: () => onQuit('quit'), onResize: () => live?.redraw() };
  const screen = options.plain ? undefined : io.openScreen(events);
  live = new Live({
    screen,
    out: (text) => io.out(text),
    color: !io.env['NO_COLOR'],
    notes: [`q quits   ${client.url}`],
  });
  try {
    live.push(first);
    let trouble = '';
    while (await passes(io.clock, options.intervalMs, quit)) {
      const answer = await Promise.race([quit, client.status().catch((error: unknown) => error)]);
      if (answer === 'quit') break;
      if (!(answer instanceof Error)) {
        live.push(answer as Snapshot);
        trouble = '';
        continue;
      }
      // A node that restarts comes back: go on asking, and say so once.
      if (!(answer instanceof AdminError)) throw answer;
      live.alert(answer.message);
      if (screen === undefined && trouble !== answer.message) io.err(`holdfast top: ${answer.message}\n`);
      trouble = answer.message;
    }
    return EXIT.ok;
  } finally {
    live.close();
  }
}

function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** Waits for the next sample; false as soon as the user quits. */
async function passes(clock: Clock, delayMs: number, quit: Promise<'quit'>): Promise<boolean> {
  let timer: Timer | undefined;
  const due = new Promise<'due'>((resolve) => {
    timer = clock.after(delayMs, () => resolve('due'));
  });
  const first = await Promise.race([quit, due]);
  clock.cancel(timer);
  return first === 'due';
}
