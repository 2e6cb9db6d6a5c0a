import type { HashKey } from '../base/hash.ts';
import type { FileSink } from '../monitor/sink.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import type { DiskFiles } from '../store/disk/files.ts';
import type { StartWorker } from '../transform/process.ts';
import type { CliIo, TextForm } from './io.ts';
import type { TopIo } from './top.ts';

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Everything of the outside world that commands use. `main.ts` builds the real one. */
export interface World extends CliIo, TopIo {
  readonly version: string;
  /** What standard output can show. */
  readonly outForm: TextForm;
  /** Writes a line of the node's own log to standard error, without ever waiting. */
  log(text: string): void;
  /** Starts the process that transforms images. Never throws: one that cannot be started ends. */
  readonly startTransforms: StartWorker;
  /** Collects all garbage of this process, now. */
  collectGarbage(): void;
  /** 64 random bits of this process. */
  readonly hashKey: HashKey;
  /** Reads a whole UTF-8 file at once. @throws the system's error. */
  readFileNow(path: string): string;
  /** Opens a log for appending: `stdout`, `stderr` or a path. @throws the system's error. */
  openSink(to: string, onTrouble: (message: string | undefined) => void): FileSink;
  /** Makes a directory usable for the disk tier. @throws Error that says what is wrong with it. */
  openDirectory(path: string): Promise<DiskFiles>;
  /** Resident memory and processor time of this process. */
  processUsage(): Snapshot['process'];
  /** Processors that this process may run on. */
  readonly processors: number;
  /** Name of the operating system, as the runtime has it: `linux`, `darwin`, `win32`. */
  readonly platform: string;
  /** Calls `fn` for each of these signals from now on, instead of ending the process. */
  onSignal(signals: readonly Signal[], fn: (signal: Signal) => void): void;
}
