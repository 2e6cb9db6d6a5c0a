import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Something about the arguments or the machine makes the benchmark impossible; the message says what to do. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

/** A core for each part of a measurement. With two cores the origin shares the client's. */
export interface Cores {
  readonly server: number;
  readonly client: number;
  readonly origin: number;
  /** All that this process may use. */
  readonly all: readonly number[];
}

export type Child = Bun.Subprocess<'ignore', 'pipe', 'pipe'>;

const STOP_PATIENCE_MS = 5_000;
const READY_PATIENCE_MS = 20_000;
/** What a container gets as /dev/shm by default is too small to be of use. */
const TMPFS_BYTES_MIN = 4 * 2 ** 30;

/** What one benchmark leaves on the machine: processes and a scratch directory, all gone after {@link dispose}. */
export class Workbench {
  /** Scratch directory: on tmpfs if there is one with room, so that no server waits for a disk. */
  readonly dir: string;
  readonly onTmpfs: boolean;
  readonly cores: Cores;
  readonly #children = new Set<Child>();

  /** @throws Unusable on a machine with a single core. */
  constructor(name: string) {
    const all = allowedCores();
    const [server, client, third] = all;
    if (server === undefined || client === undefined) {
      throw new Unusable('this needs two cores: one for the server, one for the client');
    }
    this.cores = { server, client, origin: third ?? client, all };
    this.onTmpfs = hasRoomInMemory();
    this.dir = mkdtempSync(join(this.onTmpfs ? '/dev/shm' : tmpdir(), `holdfast-bench-${name}-`));
    process.on('exit', () => this.#abort());
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  }

  /** Makes a directory inside of {@link dir}. */
  subdir(name: string): string {
    const path = join(this.dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /**
   * Starts a process on one core, or on several (`0,1`). `HOLDFAST_STATE` leads into the scratch directory.
   *
   * @param env beside that of this process.
   */
  start(
    command: readonly string[],
    core: number | string,
    env: Readonly<Record<string, string>> = {},
  ): Child {
    const child = Bun.spawn(['taskset', '-c', String(core), ...command], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      env: { ...process.env, ...env, HOLDFAST_STATE: this.dir },
    });
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }

  /** Starts a process that ends by itself. @returns its standard output. @throws Error with what it said when it failed. */
  async run(command: readonly string[], core: number | string): Promise<string> {
    const child = this.start(command, core);
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${(err || out).trim()}`);
    return out;
  }

  /** Asks a process of {@link start} to end, and ends it after some seconds. */
  async stop(child: Child): Promise<void> {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await child.exited;
    clearTimeout(late);
  }

  /** Waits until `url` answers 200. @throws Error with what the process said when it ends or takes too long. */
  async ready(child: Child, url: string): Promise<void> {
    for (const deadline = performance.now() + READY_PATIENCE_MS; performance.now() < deadline; ) {
      if (child.exitCode !== null) {
        throw new Error(`the server at ${url} ended: ${(await new Response(child.stderr).text()).trim()}`);
      }
      try {
        const response = await fetch(url);
        await response.arrayBuffer();
        if (response.status === 200) return;
      } catch {
        // Not listening yet.
      }
      await Bun.sleep(20);
    }
    throw new Error(`nothing answers at ${url} after ${READY_PATIENCE_MS / 1000} s`);
  }

  /** Ends every process that is left and removes the scratch directory. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.stop(child)));
    rmSync(this.dir, { recursive: true, force: true });
  }

  #abort(): void {
    for (const child of this.#children) child.kill('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Numbers of the cores that this process may use (proc(5): Cpus_allowed_list, such as `0-2,5`). */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
  });
}

function hasRoomInMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize >= TMPFS_BYTES_MIN;
  } catch {
    return false;
  }
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * Runs a benchmark and ends this process: 0 when every floor was met, 1 when one was missed or the measurement failed,
 * 2 for unusable arguments or a machine that it cannot run on.
 *
 * @param main resolves to whether every floor was met.
 */
export async function runBenchmark(name: string, main: () => Promise<boolean>): Promise<never> {
  try {
    process.exit((await main()) ? 0 : 1);
  } catch (error) {
    const known =
      error instanceof Unusable || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    console.error(`bench:${name}: ${known ? (error as Error).message : ((error as Error).stack ?? error)}`);
    process.exit(known ? 2 : 1);
  }
}
