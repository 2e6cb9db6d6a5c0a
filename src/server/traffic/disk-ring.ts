import type { DiskFile, DiskFiles } from '../../store/disk/files.ts';
import { HEAD_BYTES, readHead } from '../../traffic/record/format.ts';
import { fileName, firstMsOf, KEY_FILE } from '../../traffic/record/names.ts';
import { type HomeOptions, openHome, type RecordHome } from './home.ts';
import { overlaps, type TimeRange, type TrafficRing } from './ring.ts';

/** A file is full with so many bytes, or so large a part of the ring: the oldest one leaves as a whole. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const FILES = 32;
const FILE_AGE_MS_MAX = 6 * 3_600_000;
const FILE_AGE_MS_MIN = 600_000;

interface RingFile {
  readonly name: string;
  readonly firstMs: number;
  sizeBytes: number;
}

interface OpenFile {
  readonly file: RingFile;
  readonly handle: DiskFile;
}

/** Blocks in files of a directory, each appended to and never changed: a crash leaves all but what was not written yet. */
export class DiskRing implements TrafficRing {
  readonly sizeBytes: number;
  readonly keepMs: number;
  removals = 0;
  readonly #options: HomeOptions;
  #home: RecordHome;
  /** From the oldest to the youngest. */
  #list: RingFile[];
  #current: OpenFile | undefined;

  private constructor(
    home: RecordHome,
    options: HomeOptions,
    sizeBytes: number,
    keepMs: number,
    list: RingFile[],
  ) {
    this.#home = home;
    this.#options = options;
    this.sizeBytes = sizeBytes;
    this.keepMs = keepMs;
    this.#list = list;
  }

  /**
   * What an earlier run has left belongs to it. Rejects with the system's error; the home is given back then.
   *
   * @param options how the home is made anew when it is removed.
   */
  static async open(
    home: RecordHome,
    options: HomeOptions,
    sizeBytes: number,
    keepMs: number,
  ): Promise<DiskRing> {
    try {
      return new DiskRing(home, options, sizeBytes, keepMs, await filesIn(home.files));
    } catch (error) {
      home.release();
      throw error;
    }
  }

  get storedBytes(): number {
    return this.#list.reduce((sum, file) => sum + file.sizeBytes, 0);
  }

  get oldestMs(): number | undefined {
    return this.#list[0]?.firstMs;
  }

  async append(block: Uint8Array, fromMs: number): Promise<void> {
    try {
      await this.#lookAfter();
      if (this.#isFull(fromMs, block.length)) await this.#endFile();
      this.#current ??= await this.#begin(fromMs);
      const { file, handle } = this.#current;
      await handle.write([block], file.sizeBytes);
      file.sizeBytes += block.length;
    } catch (error) {
      // What was half written is at the end of its file, where readers expect nothing else.
      const begun = this.#current?.file;
      await this.#endFile().catch(() => undefined);
      if (begun?.sizeBytes === 0) {
        this.#list.pop();
        await this.#home.files.unlink(begun.name).catch(() => undefined);
      }
      throw error;
    }
    await this.#trim(fromMs);
  }

  /** What was removed under the running node is noticed before anything is written to a file that has no name any more. */
  async #lookAfter(): Promise<void> {
    const names = await this.#names();
    this.#list = this.#list.filter(({ name }) => names.has(name));
    const isHomeless = !names.has(KEY_FILE);
    const current = this.#current?.file.name;
    if (!isHomeless && (current === undefined || names.has(current))) return;
    await this.#endFile().catch(() => undefined);
    if (isHomeless) await this.#makeHome();
    this.removals += 1;
    this.#options.log.warn(
      'files of the traffic record were removed while it was written; it goes on in new ones',
      {
        path: this.#options.path,
        remedy: 'stop the node before its record is removed, or set a smaller traffic.keep',
      },
    );
  }

  async #makeHome(): Promise<void> {
    const { hashKey, release } = this.#home;
    release();
    const home = await openHome(this.#options, hashKey);
    if (home.hashKey.k0 >>> 0 !== hashKey.k0 >>> 0 || home.hashKey.k1 >>> 0 !== hashKey.k1 >>> 0) {
      home.release();
      throw new Error(
        `${this.#options.path} has the record of another key now; start the node again to use it`,
      );
    }
    this.#home = home;
    this.#list = await filesIn(home.files);
  }

  /** None where the directory is gone. */
  async #names(): Promise<Set<string>> {
    try {
      return new Set(await this.#home.files.list());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
      throw error;
    }
  }

  #isFull(nowMs: number, bytes: number): boolean {
    if (this.#current === undefined) return false;
    const { firstMs, sizeBytes } = this.#current.file;
    const ageMs = Math.max(FILE_AGE_MS_MIN, Math.min(FILE_AGE_MS_MAX, this.keepMs / FILES));
    return sizeBytes + bytes > Math.min(FILE_BYTES_MAX, this.sizeBytes / FILES) || nowMs - firstMs > ageMs;
  }

  async #begin(firstMs: number): Promise<OpenFile> {
    const names = new Set(await this.#home.files.list());
    let again = 0;
    while (names.has(fileName(firstMs, again))) again += 1;
    const name = fileName(firstMs, again);
    const handle = await this.#home.files.open(name);
    const file = { name, firstMs, sizeBytes: 0 };
    this.#list.push(file);
    return { file, handle };
  }

  async #trim(nowMs: number): Promise<void> {
    while (this.#list.length > 1) {
      const isOver = this.storedBytes > this.sizeBytes;
      // All in a file is older than what the next one begins with.
      if (!isOver && this.#list[1]!.firstMs >= nowMs - this.keepMs) return;
      const [oldest] = this.#list.splice(0, 1);
      await this.#home.files.unlink(oldest!.name).catch((error: NodeJS.ErrnoException) => {
        // Gone already: somebody tidied up.
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }

  async *blocks(range: TimeRange): AsyncGenerator<Uint8Array> {
    for (const { name, sizeBytes } of [...this.#list]) {
      if (!(await this.#home.files.list()).includes(name)) continue;
      const handle = await this.#home.files.open(name);
      try {
        yield* blocksOf(handle, sizeBytes, range);
      } finally {
        await handle.close();
      }
    }
  }

  async close(): Promise<void> {
    await this.#endFile();
    this.#home.release();
  }

  async #endFile(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.handle.close();
  }
}

/** The files of a record, from the oldest to the youngest. */
async function filesIn(files: DiskFiles): Promise<RingFile[]> {
  const list: RingFile[] = [];
  for (const name of await files.list()) {
    const firstMs = firstMsOf(name);
    if (firstMs === undefined) continue;
    const handle = await files.open(name);
    list.push({ name, firstMs, sizeBytes: await handle.size() });
    await handle.close();
  }
  return list.sort((a, b) => a.firstMs - b.firstMs);
}

/** The whole blocks at the beginning of a file, up to what is damaged. */
async function* blocksOf(file: DiskFile, sizeBytes: number, range: TimeRange): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.alloc(HEAD_BYTES);
  for (let at = 0; at + HEAD_BYTES <= sizeBytes; ) {
    if ((await file.read(bytes, at)) < HEAD_BYTES) return;
    const head = readHead(bytes);
    if (typeof head !== 'object' || at + HEAD_BYTES + head.storedBytes > sizeBytes) return;
    if (overlaps(head, range)) {
      const block = Buffer.alloc(HEAD_BYTES + head.storedBytes);
      if ((await file.read(block, at)) < block.length) return;
      yield block;
    }
    at += HEAD_BYTES + head.storedBytes;
  }
}
