import type { Clock } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import type { DiskFile, DiskFiles, DiskSpace } from '../../src/store/disk/files.ts';

/** How badly a virtual disk behaves. All may be changed while it is used. */
export interface DiskTemper {
  /** What there is room for, of all files. */
  capacityBytes: number;
  /** Taken by others. */
  foreignBytes: number;
  freeInodes: number;
  /** What its file system says of itself. */
  isMemory: boolean;
  isMounted: boolean;
  /** How likely an operation of that kind fails with EIO. */
  failRead: number;
  failWrite: number;
  failSync: number;
  failOpen: number;
  /** How likely a read brings one bit flipped. */
  flip: number;
  /** Longest time of an operation, in milliseconds of the clock; 0: none, it ends with the next microtask. */
  latencyMs: number;
  /** Nothing ends any more. */
  hangs: boolean;
}

/** A disk that does what it is told. */
export const EVEN_TEMPER: DiskTemper = {
  capacityBytes: 2 ** 40,
  foreignBytes: 0,
  freeInodes: 1_000_000,
  isMemory: false,
  isMounted: true,
  failRead: 0,
  failWrite: 0,
  failSync: 0,
  failOpen: 0,
  flip: 0,
  latencyMs: 0,
  hangs: false,
};

/** A file as running programs see it, and what would be left of it after a crash. */
interface Inode {
  bytes: Buffer;
  length: number;
  durable: Buffer;
  /** Written since the last sync, in order. */
  unsynced: { readonly at: number; readonly bytes: Buffer }[];
}

/**
 * A directory in memory, with faults that a seed decides. It outlives the tier that uses it: {@link crash} is the power
 * failing, {@link kill} the process.
 */
export class VirtualDisk {
  readonly temper: DiskTemper;
  readonly #clock: Clock;
  readonly #random: Random;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** Changes of names since they were last made durable, in order. */
  #renames: (readonly [name: string, inode: Inode | undefined])[] = [];
  /** Counts starts: what belongs to an earlier one does nothing any more. */
  #life = 0;
  #locked = false;
  /** Files open now. */
  openFiles = 0;

  constructor(clock: Clock, random: Random, temper: Partial<DiskTemper> = {}) {
    this.#clock = clock;
    this.#random = random;
    this.temper = { ...EVEN_TEMPER, ...temper };
  }

  /** Length of all files that have a name. */
  get usedBytes(): number {
    return [...this.#names.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** The process ends: what it had written stays, what it was about to write never comes. */
  kill(): void {
    this.#life += 1;
    this.#locked = false;
    this.openFiles = 0;
  }

  /** The power fails: of what was not synced, some writes survive, some in part, at any byte; names likewise, in order. */
  crash(): void {
    this.kill();
    const kept = Math.floor(this.#random.next() * (this.#renames.length + 1));
    this.#applyNames(kept);
    this.#renames = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of this.#names.values()) this.#tear(inode);
  }

  /** The bytes of a file, for tests that damage it by hand. */
  fileOf(name: string): Buffer {
    const inode = this.#names.get(name)!;
    return inode.bytes.subarray(0, inode.length);
  }

  /** Replaces a file, durably. */
  setFile(name: string, bytes: Uint8Array): void {
    const inode = {
      bytes: Buffer.from(bytes),
      length: bytes.length,
      durable: Buffer.from(bytes),
      unsynced: [],
    };
    this.#names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  /** Removes a file, durably. */
  removeFile(name: string): void {
    this.#names.delete(name);
    this.#durableNames.delete(name);
  }

  /** Names without a system call. */
  get names(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The directory as one process sees it: after {@link kill} or {@link crash}, nothing that it asks for ever ends. */
  mount(): DiskFiles {
    const life = this.#life;
    return {
      list: () => this.#operation(life, 0, () => this.names),
      open: (name) =>
        this.#operation(life, this.temper.failOpen, () => this.#fileOver(this.#inodeOf(name), life)),
      unlink: (name) =>
        this.#operation(life, 0, () => {
          if (!this.#names.delete(name)) throw systemError('ENOENT');
          this.#renames.push([name, undefined]);
        }),
      syncNames: () => {
        const last = this.#renames.at(-1);
        return this.#operation(life, this.temper.failSync, () =>
          this.#applyNames(last === undefined ? 0 : this.#renames.indexOf(last) + 1),
        );
      },
      space: () => this.#operation(life, 0, () => this.#space()),
      lock: () =>
        this.#operation(life, 0, () => {
          if (this.#locked) return undefined;
          this.#locked = true;
          return () => {
            if (life === this.#life) this.#locked = false;
          };
        }),
    };
  }

  #inodeOf(name: string): Inode {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const inode: Inode = { bytes: Buffer.alloc(0), length: 0, durable: Buffer.alloc(0), unsynced: [] };
    this.#names.set(name, inode);
    this.#renames.push([name, inode]);
    return inode;
  }

  #space(): DiskSpace {
    const { capacityBytes, foreignBytes, freeInodes, isMemory, isMounted } = this.temper;
    return {
      freeBytes: Math.max(0, capacityBytes - foreignBytes - this.usedBytes),
      totalBytes: capacityBytes,
      freeInodes,
      isMemory,
      device: 2,
      parentDevice: isMounted ? 1 : 2,
    };
  }

  #fileOver(inode: Inode, life: number): DiskFile {
    let closed = false;
    this.openFiles += 1;
    const operation = <T>(failure: number, effect: () => T): Promise<T> =>
      closed ? Promise.reject(systemError('EBADF')) : this.#operation(life, failure, effect);
    return {
      read: (into, position) => operation(this.temper.failRead, () => this.#read(inode, into, position)),
      write: (pieces, position) =>
        operation(0, () => this.#writeOrFail(inode, position, Buffer.concat(pieces))),
      sync: () => {
        const last = inode.unsynced.at(-1);
        return operation(0, () => this.#sync(inode, last));
      },
      size: () => operation(0, () => inode.length),
      isPrivate: () => operation(0, () => true),
      makePrivate: () => operation(0, () => undefined),
      truncate: (sizeBytes) => operation(0, () => this.#truncate(inode, sizeBytes)),
      close: () => {
        if (closed) return Promise.resolve();
        closed = true;
        if (life === this.#life) this.openFiles -= 1;
        return this.#operation(life, 0, () => undefined);
      },
    };
  }

  #read(inode: Inode, into: Uint8Array, position: number): number {
    const bytes = inode.bytes.subarray(position, Math.min(inode.length, position + into.length));
    into.set(bytes);
    if (bytes.length > 0 && this.#random.next() < this.temper.flip)
      into[this.#random.u32() % bytes.length]! ^= 1 << (this.#random.u32() % 8);
    return bytes.length;
  }

  #writeOrFail(inode: Inode, position: number, whole: Buffer): void {
    const { capacityBytes, foreignBytes } = this.temper;
    const room = capacityBytes - foreignBytes - this.usedBytes + inode.length;
    if (position + whole.length > room) {
      this.#write(inode, position, whole.subarray(0, Math.max(0, room - position)));
      throw systemError('ENOSPC');
    }
    if (this.#random.next() < this.temper.failWrite) {
      this.#write(inode, position, whole.subarray(0, this.#random.u32() % (whole.length + 1)));
      throw systemError('EIO');
    }
    this.#write(inode, position, whole);
  }

  /** As Linux does it: what could not be made durable is not tried again, and the next sync says that all is well. */
  #sync(inode: Inode, last: Inode['unsynced'][number] | undefined): void {
    const written = inode.unsynced.splice(0, last === undefined ? 0 : inode.unsynced.indexOf(last) + 1);
    if (this.#random.next() < this.temper.failSync) throw systemError('EIO');
    for (const { at, bytes } of written) inode.durable = put(inode.durable, at, bytes);
  }

  #truncate(inode: Inode, sizeBytes: number): void {
    inode.length = sizeBytes;
    if (sizeBytes > inode.bytes.length) inode.bytes = put(inode.bytes, sizeBytes, Buffer.alloc(0));
    inode.bytes.fill(0, sizeBytes);
    inode.durable = Buffer.from(inode.durable.subarray(0, sizeBytes));
    inode.unsynced = [{ at: 0, bytes: Buffer.from(inode.bytes.subarray(0, sizeBytes)) }];
  }

  #write(inode: Inode, at: number, bytes: Buffer): void {
    if (bytes.length === 0) return;
    const end = at + bytes.length;
    if (end > inode.bytes.length) {
      const wider = Buffer.alloc(Math.max(end, inode.bytes.length * 2));
      inode.bytes.copy(wider);
      inode.bytes = wider;
    }
    bytes.copy(inode.bytes, at);
    inode.length = Math.max(inode.length, end);
    inode.unsynced.push({ at, bytes: Buffer.from(bytes) });
  }

  #tear(inode: Inode): void {
    let left = inode.durable;
    for (const { at, bytes } of inode.unsynced) {
      const dice = this.#random.next();
      if (dice < 0.4) left = put(left, at, bytes);
      else if (dice < 0.7) left = put(left, at, bytes.subarray(0, this.#random.u32() % (bytes.length + 1)));
      // Longer, and nothing in it: the length was written, the bytes were not.
      else if (dice < 0.8) left = put(left, at + bytes.length, Buffer.alloc(0));
    }
    inode.durable = left;
    inode.bytes = Buffer.from(left);
    inode.length = left.length;
    inode.unsynced = [];
  }

  #applyNames(count: number): void {
    for (const [name, inode] of this.#renames.splice(0, count)) {
      if (inode === undefined) this.#durableNames.delete(name);
      else this.#durableNames.set(name, inode);
    }
  }

  /** Takes its time, and may fail. What belongs to a process that has ended never comes back, nor does anything. */
  async #operation<T>(life: number, failure: number, effect: () => T): Promise<T> {
    const { latencyMs } = this.temper;
    if (latencyMs > 0) {
      const delayMs = this.#random.next() * latencyMs;
      await new Promise<void>((resolve) => void this.#clock.after(delayMs, resolve));
    } else await Promise.resolve();
    while (this.temper.hangs && life === this.#life)
      await new Promise<void>((resolve) => void this.#clock.after(500, resolve));
    if (life !== this.#life) return new Promise<T>(() => undefined);
    if (failure > 0 && this.#random.next() < failure) throw systemError('EIO');
    return effect();
  }
}

function put(into: Buffer, at: number, bytes: Buffer): Buffer {
  const end = at + bytes.length;
  const wider = end > into.length ? Buffer.concat([into, Buffer.alloc(end - into.length)]) : into;
  bytes.copy(wider, at);
  return wider;
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
