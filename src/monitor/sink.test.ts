import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descriptorWriter, FileSink } from './sink.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-sink-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const noTrouble = (message: string | undefined): void => {
  throw new Error(message);
};

describe('a file sink', () => {
  test('appends in order, one write at a time', async () => {
    const path = join(folder, 'order.log');
    const sink = new FileSink({ to: path, onTrouble: noTrouble });
    expect(sink.ready()).toBe(true);
    let expected = '';
    for (let i = 0; i < 500; i += 1) {
      sink.write(Buffer.from(`line ${i}\n`));
      expected += `line ${i}\n`;
    }
    expect(sink.ready()).toBe(false);
    await sink.drained();
    expect(sink.ready()).toBe(true);
    sink.write(Buffer.from('last\n'));
    await sink.close();
    expect(readFileSync(path, 'utf8')).toBe(`${expected}last\n`);
    expect(statSync(path).mode & 0o137).toBe(0);
  });

  test('goes on in a new file after a rotation', async () => {
    const path = join(folder, 'rotated.log');
    const sink = new FileSink({ to: path, onTrouble: noTrouble });
    sink.write(Buffer.from('old\n'));
    renameSync(path, `${path}.1`);
    sink.reopen(); // while the write is under way
    sink.write(Buffer.from('new\n'));
    await sink.drained();
    sink.reopen();
    sink.write(Buffer.from('newer\n'));
    await sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('old\n');
    expect(readFileSync(path, 'utf8')).toBe('new\nnewer\n');
  });

  test('keeps the old file when the new one cannot be opened, and says so once', async () => {
    const inner = mkdtempSync(join(folder, 'inner-'));
    const told: (string | undefined)[] = [];
    const sink = new FileSink({ to: join(inner, 'a.log'), onTrouble: (message) => told.push(message) });
    renameSync(inner, `${inner}-moved`);
    sink.reopen();
    sink.reopen();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('cannot reopen');
    sink.write(Buffer.from('still\n'));
    await sink.close();
    expect(readFileSync(join(`${inner}-moved`, 'a.log'), 'utf8')).toBe('still\n');
  });

  test.skipIf(!existsSync('/dev/full'))('tells of a full disk once and does not throw', async () => {
    const told: (string | undefined)[] = [];
    const sink = new FileSink({ to: '/dev/full', onTrouble: (message) => told.push(message) });
    for (let i = 0; i < 3; i += 1) {
      sink.write(Buffer.from('x\n'));
      await sink.drained();
    }
    await sink.close();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('cannot write to /dev/full');
  });

  test('throws when the file cannot be opened at all', () => {
    expect(() => new FileSink({ to: join(folder, 'absent', 'a.log'), onTrouble: noTrouble })).toThrow(
      'ENOENT',
    );
  });
});

describe('a descriptor writer', () => {
  test('tells when the reader of its pipe is gone', async () => {
    const program = `
      import { descriptorWriter } from ${JSON.stringify(join(import.meta.dir, 'sink.ts'))};
      const write = descriptorWriter(1, { onClosed: () => process.exit(7) });
      setInterval(() => write('line\\n'), 1);`;
    const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'inherit' });
    const reader = child.stdout.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toStartWith('line\n');
    await reader.cancel();
    expect(await child.exited).toBe(7);
  });

  test('does not throw when there is nothing to write to', () => {
    let gone = 0;
    const write = descriptorWriter(999, {
      onClosed: () => {
        gone += 1;
      },
    });
    expect(() => write('nobody listens\n')).not.toThrow();
    expect(gone).toBe(0);
  });

  test.skipIf(!existsSync('/dev/full'))('tells when the disk is full', () => {
    const full = openSync('/dev/full', 'w');
    const told: string[] = [];
    descriptorWriter(full, { onLost: (why) => told.push(why) })('some text\n');
    closeSync(full);
    expect(told).toEqual([`cannot write to ${full}: there is no space left`]);
  });

  test.skipIf(!existsSync('/dev/full'))('a command whose output is cut ends with 1 and says so', async () => {
    const main = join(import.meta.dir, '../main.ts');
    const full = openSync('/dev/full', 'w');
    const child = Bun.spawn([process.execPath, main, 'help'], { stdout: full, stderr: 'pipe' });
    closeSync(full);
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stderr).text()).toBe(
      'holdfast: cannot write to standard output: there is no space left; what was written is not all of it\n',
    );
  });
});
