import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { seededRandom } from '../../base/random.ts';
import { eventually, openVirtual, put, versionOf } from './disk.fixture.ts';
import { openDirectory } from './real-files.ts';

const clock = virtualClock();
const newDisk = (): VirtualDisk => new VirtualDisk(clock, seededRandom(1));

test('a directory in memory is refused', async () => {
  const disk = newDisk();
  disk.temper.isMemory = true;
  expect(openVirtual(disk, clock)).rejects.toThrow('/disk lies in memory (tmpfs)');
  expect(disk.names).toEqual([]);
});

test('a directory that is no mount is refused where one is required', async () => {
  const disk = newDisk();
  disk.temper.isMounted = false;
  expect(openVirtual(disk, clock, { requireMount: true })).rejects.toThrow('not a file system of its own');
  await (await openVirtual(disk, clock)).close();
  disk.temper.isMounted = true;
  await (await openVirtual(disk, clock, { requireMount: true })).close();
});

test('a file system that is smaller than size and minFree together is refused', async () => {
  const disk = newDisk();
  disk.temper.capacityBytes = 3 * 2 ** 20;
  expect(openVirtual(disk, clock, { minFreeBytes: 2 ** 21 })).rejects.toThrow('do not fit');
  await (await openVirtual(disk, clock, { minFreeBytes: 2 ** 20 })).close();
});

test('a directory in use is refused, and is free again when its node has ended in whatever way', async () => {
  const disk = newDisk();
  const first = await openVirtual(disk, clock);
  expect(openVirtual(disk, clock)).rejects.toThrow('in use by another process');
  await eventually(clock, first.close());
  await openVirtual(disk, clock);
  disk.kill();
  await eventually(clock, (await openVirtual(disk, clock)).close());
});

test('the format of a newer version is refused and left alone', async () => {
  const disk = newDisk();
  disk.setFile('holdfast.json', Buffer.from('{"format":2}'));
  disk.setFile('0000000001.seg', Buffer.from('what the newer version wrote'));
  expect(openVirtual(disk, clock)).rejects.toThrow('written in format 2, and this version knows 1');
  await eventually(clock, Promise.resolve());
  expect(disk.names).toEqual(['0000000001.seg', 'holdfast.json']);
});

const HALF_MADE = [
  '',
  '{"format":1,"hash',
  '{"format":1}',
  'null',
  '{"format":1,"hashKey":{"k0":1,"k1":-1}}',
];

test.each(HALF_MADE)('a directory whose making was cut short begins anew: %p', async (text) => {
  const disk = newDisk();
  disk.setFile('holdfast.json', Buffer.from(text));
  const first = await openVirtual(disk, clock);
  await eventually(clock, first.ready);
  put(first, 'b /1', 2);
  await eventually(clock, first.close());
  const second = await openVirtual(disk, clock, { newHashKey: { k0: 9, k1: 9 } });
  await eventually(clock, second.ready);
  expect(await versionOf(second, 'b /1')).toBe(2);
  await eventually(clock, second.close());
});

test.each(HALF_MADE)('one that lost its key is refused, and nothing in it is removed: %p', async (text) => {
  const disk = newDisk();
  const first = await openVirtual(disk, clock);
  put(first, 'b /1', 1);
  await eventually(clock, first.close());
  const { names } = disk;
  disk.setFile('holdfast.json', Buffer.from(text));
  await expect(openVirtual(disk, clock)).rejects.toThrow('bring it back, or remove the *.seg files');
  expect(disk.names).toEqual(names);
});

test('a directory with something of others in it is refused, and left as it is', async () => {
  const disk = newDisk();
  disk.setFile('holiday.jpg', Buffer.from('mine'));
  await expect(openVirtual(disk, clock)).rejects.toThrow('"holiday.jpg" is in it');
  expect(disk.names).toEqual(['holiday.jpg']);
});

const ROOT = join(import.meta.dir, '../../..');
mkdirSync(join(ROOT, '.holdfast'), { recursive: true });
const folder = mkdtempSync(join(ROOT, '.holdfast', 'open-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('real files: pieces are written and read where they belong, names come and go', async () => {
  const files = await openDirectory(join(folder, 'made/with/those/above'));
  const file = await files.open('0000000001.seg');
  await file.write([Buffer.from('abc'), Buffer.alloc(0), Buffer.from('defg')], 3);
  await file.sync();
  await files.syncNames();
  expect(await file.size()).toBe(10);
  const into = Buffer.alloc(20);
  expect(await file.read(into, 2)).toBe(8);
  expect(into.toString('latin1', 0, 8)).toBe('\0abcdefg');
  await file.truncate(5);
  expect(await file.size()).toBe(5);
  await files.unlink('0000000001.seg');
  expect(await files.list()).toEqual([]);
  expect(await file.read(into, 3)).toBe(2);
  await file.close();
  expect(files.unlink('0000000001.seg')).rejects.toMatchObject({ code: 'ENOENT' });
  const { freeBytes, totalBytes, freeInodes } = await files.space();
  expect(freeBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThan(freeBytes);
  expect(freeInodes).toBeGreaterThan(0);
});

test('real files: what is no directory is refused', async () => {
  writeFileSync(join(folder, 'file'), '');
  expect(openDirectory(join(folder, 'file'))).rejects.toThrow('is not a directory');
  expect(openDirectory(join(folder, 'file/below'))).rejects.toThrow('is not a directory');
});

test('real files: another process has the lock until it is killed, and leaves none behind', async () => {
  const path = join(folder, 'locked');
  const files = await openDirectory(path);
  const script = `
    const { openDirectory } = await import(${JSON.stringify(join(import.meta.dir, 'real-files.ts'))});
    const unlock = await (await openDirectory(${JSON.stringify(path)})).lock();
    console.log(unlock === undefined ? 'refused' : 'locked');
    await new Promise(() => setInterval(() => undefined, 1000));`;
  const child = Bun.spawn([process.execPath, '-e', script], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe('locked\n');
  expect(await files.lock()).toBeUndefined();
  child.kill('SIGKILL');
  await child.exited;
  const unlock = await files.lock();
  expect(unlock).toBeDefined();
  expect(await files.lock()).toBeUndefined();
  unlock!();
});
