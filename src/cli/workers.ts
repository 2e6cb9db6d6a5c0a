import type { ImagesConfig, ServerConfig } from '../config/config.ts';
import type { World } from './world.ts';

/** Most workers that `auto` takes: beyond, the thread that decides is what binds. */
const AUTO_MAX = 8;

/** How many threads serve, and a sentence where that is not what the configuration asks for. */
export interface WorkerCount {
  readonly count: number;
  readonly note: string | undefined;
}

/**
 * What `server.workers` works out to on this machine: with `auto`, the processors that the process may use, by affinity and by
 * the quota of its container.
 */
export async function workerCount(
  workers: ServerConfig['workers'],
  world: Pick<World, 'processors' | 'platform' | 'readFile'>,
): Promise<WorkerCount> {
  if (world.platform !== 'linux') {
    const note =
      workers === 1
        ? undefined
        : `server.workers: ${world.platform} does not deal out the connections of a shared port, so one thread serves`;
    return { count: 1, note };
  }
  if (workers !== 'auto') return { count: workers, note: undefined };
  return { count: Math.min(AUTO_MAX, await processorsOf(world)), note: undefined };
}

/**
 * How many images are transformed at a time: `images.concurrency` on this machine. With `auto` one more than processors, so that none
 * stands idle while an image waits for its bytes.
 */
export async function transformsAtATime(
  concurrency: ImagesConfig['concurrency'],
  world: Pick<World, 'processors' | 'readFile'>,
): Promise<number> {
  return concurrency === 'auto' ? (await processorsOf(world)) + 1 : concurrency;
}

/** Processors that this process may use, at least 1. */
async function processorsOf(world: Pick<World, 'processors' | 'readFile'>): Promise<number> {
  return Math.max(1, Math.min(world.processors, Math.floor(await quotaOf(world))));
}

/** Processors' worth of time that the control group may use (`quota period`, in microseconds); infinite for no limit. */
async function quotaOf(world: Pick<World, 'readFile'>): Promise<number> {
  try {
    const [quota, period] = (await world.readFile('/sys/fs/cgroup/cpu.max')).trim().split(' ');
    const share = Number(quota) / Number(period);
    return share > 0 ? share : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
