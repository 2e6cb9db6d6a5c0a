/**
 * What the disk tier needs of a file system. All of it is asynchronous, so that a slow disk never holds up the serving thread.
 * Failures are rejections with the system's `code` (ENOSPC, EIO, ...).
 */
export interface DiskFiles {
  /** Names in the directory. */
  list(): Promise<string[]>;
  /** Opens a file for reading and writing; makes it when it is not there. */
  open(name: string): Promise<DiskFile>;
  /** Removes a name. Who has the file open may go on reading. */
  unlink(name: string): Promise<void>;
  /** Makes new and removed names durable. */
  syncNames(): Promise<void>;
  space(): Promise<DiskSpace>;
  /**
   * Takes the directory for this process alone, until it ends, however it ends.
   *
   * @returns gives it back; undefined when another process has it.
   */
  lock(): Promise<(() => void) | undefined>;
}

/** One open file. Positions and lengths in bytes. */
export interface DiskFile {
  /** Fills `into` from `position` on. @returns bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of the pieces, one behind the other. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  /** Makes what was written durable. */
  sync(): Promise<void>;
  size(): Promise<number>;
  truncate(sizeBytes: number): Promise<void>;
  /** True when only its owner may read it. */
  isPrivate(): Promise<boolean>;
  /** From now on only its owner may read and write it. */
  makePrivate(): Promise<void>;
  close(): Promise<void>;
}

/** What there is left where the directory lies. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Infinite on file systems that do not count them. */
  readonly freeInodes: number;
  /** Gone after a restart of the machine: tmpfs, ramfs. */
  readonly isMemory: boolean;
  /** Identifies the file system. */
  readonly device: number;
  /** That of the directory above: equal when nothing is mounted here. */
  readonly parentDevice: number;
}
