import { expect, test } from 'bun:test';
import { workerCount } from './workers.ts';

const machine = (processors: number, cpuMax: string | undefined, platform = 'linux') => ({
  processors,
  platform,
  readFile: (path: string) =>
    path === '/sys/fs/cgroup/cpu.max' && cpuMax !== undefined
      ? Promise.resolve(cpuMax)
      : Promise.reject(new Error(path)),
});

test.each([
  ['what is asked for, whatever the machine has', 6, machine(2, undefined), 6],
  ['auto: a thread for each processor', 'auto', machine(4, undefined), 4],
  ['auto: at most 8', 'auto', machine(64, 'max 100000\n'), 8],
  ['auto: no more than the container may use', 'auto', machine(16, '250000 100000\n'), 2],
  ['auto: at least one', 'auto', machine(16, '20000 100000\n'), 1],
  ['auto: a limit that cannot be read is none', 'auto', machine(3, 'nonsense'), 3],
] as const)('%s', async (_, workers, world, count) => {
  expect(await workerCount(workers, world)).toEqual({ count, note: undefined });
});

test('where the kernel does not deal out connections one thread serves, and that is said', async () => {
  const world = machine(8, undefined, 'darwin');
  expect(await workerCount(1, world)).toEqual({ count: 1, note: undefined });
  expect(await workerCount('auto', world)).toEqual({ count: 1, note: expect.stringContaining('darwin') });
});
