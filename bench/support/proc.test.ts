import { expect, test } from 'bun:test';
import { residentBytes, treeCpuMs, treeKernelMs, watchOthers, watchTreeResident } from './proc.ts';

test('processor time grows with work, and the kernel has a part of it', () => {
  const before = treeCpuMs(process.pid);
  let work = 0;
  while (treeCpuMs(process.pid) < before + 20) work += Math.sqrt(work + 1);
  expect(work).toBeGreaterThan(0);
  expect(treeKernelMs(process.pid)).toBeLessThanOrEqual(treeCpuMs(process.pid));
});

test('children count, while they run and when they have ended', async () => {
  const before = treeCpuMs(process.pid);
  const own = process.cpuUsage();
  const child = Bun.spawn(['sh', '-c', 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; read x'], {
    stdin: 'pipe',
    stdout: 'pipe',
  });
  await child.stdout.getReader().read();
  const childMs = treeCpuMs(child.pid);
  expect(childMs).toBeGreaterThan(0);
  expect(treeCpuMs(process.pid)).toBeGreaterThanOrEqual(before + childMs);
  child.stdin.end();
  await child.exited;
  const used = process.cpuUsage(own);
  // Each figure is a multiple of 10 ms, rounded down.
  expect(treeCpuMs(process.pid) - before).toBeGreaterThanOrEqual(
    (used.user + used.system) / 1000 + childMs - 40,
  );
  expect(() => treeCpuMs(child.pid)).toThrow('is gone');
});

test('resident memory is that of the process', () => {
  const reported = process.memoryUsage.rss();
  expect(Math.abs(residentBytes(process.pid) - reported)).toBeLessThan(reported / 2);
});

test('the memory of a tree is that of the process and of its children, also of those that came later', async () => {
  const end = watchTreeResident(process.pid);
  const child = Bun.spawn(['sh', '-c', 'echo; read x'], { stdin: 'pipe', stdout: 'pipe' });
  await child.stdout.getReader().read();
  const both = residentBytes(process.pid) + residentBytes(child.pid);
  const peakBytes = end();
  child.stdin.end();
  await child.exited;
  // Without the pages of files of the smaller one; and what the process itself let go of between the two looks.
  expect(peakBytes).toBeGreaterThan(both * 0.8);
  expect(() => watchTreeResident(child.pid)).toThrow('is gone');
});

test('work of this process is not that of others', () => {
  const cores = navigator.hardwareConcurrency;
  const end = watchOthers();
  const before = treeCpuMs(process.pid);
  let work = 0;
  while (treeCpuMs(process.pid) < before + 50) work += Math.sqrt(work + 1);
  const others = end();
  expect(others).toBeGreaterThanOrEqual(0);
  // Each figure is rounded to 10 ms, and 50 ms have passed at least.
  expect(others).toBeLessThan(cores + 1);
});
