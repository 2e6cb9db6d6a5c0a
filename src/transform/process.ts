import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { frameReader, writeFrame } from './frames.ts';
import type { Order, Report } from './messages.ts';

/** What the process that transforms tells. */
export interface WorkerEvents {
  onReport(report: Report, body: Uint8Array): void;
  /** It is over: called once, for certain, and nothing is reported afterwards. `why` with what it last said. */
  onEnd(why: string): void;
}

/** The process that transforms, as the one that serves sees it. */
export interface Worker {
  /** Hands over an order and the bytes that go with it. Does not wait; what a dead process is sent is lost. */
  send(order: Order, ...bodies: readonly Uint8Array[]): void;
  /** Its resident memory; 0 when that is not known. */
  residentBytes(): number;
  /** Ends it, whatever it is doing; {@link WorkerEvents.onEnd} follows. Idempotent. */
  kill(): void;
}

/**
 * Starts a process. Never throws: one that cannot be started ends. No event before it returns.
 *
 * @param threads how many images it works on at a time; the others it was sent wait inside of it.
 */
export type StartWorker = (events: WorkerEvents, threads: number) => Worker;

/** What a result may have: beyond it the process is not believed. */
const RESULT_BYTES_MAX = 1024 * 1024 * 1024;
/** When memory runs out, the kernel takes this process first. */
const OOM_SCORE = '800';
const LAST_WORDS_MAX = 2000;

/** Starts the process that transforms: an edge. Its environment is empty but for what keeps its memory small. */
export const startWorker: StartWorker = (events, threads) => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./child/main.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Two arenas halve what glibc holds on to, and cost nothing that can be measured.
    env: { MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: String(threads) },
  });
  let saidBytes = 0;
  let words = '';
  let isOver = false;
  const reader = frameReader(RESULT_BYTES_MAX);

  const end = (why: string): void => {
    if (isOver) return;
    isOver = true;
    const last = words.trim().split('\n').slice(-3).join(' / ');
    events.onEnd(last === '' ? why : `${why}: ${last}`);
  };
  const read = (chunk: Uint8Array): void => {
    if (isOver) return;
    try {
      for (const { head, body } of reader.push(chunk)) {
        const report = head as Report;
        if (report.kind === 'memory') saidBytes = report.residentBytes;
        events.onReport(report, body);
      }
    } catch (thrown) {
      words += `\nunreadable: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      child.kill('SIGKILL');
    }
  };
  child.on('error', (error) => end(error.message));
  // Not `exit`: what it has written is to be read first.
  child.on('close', (code, signal) =>
    end(signal === null ? `ended with code ${code}` : `ended by ${signal}`),
  );
  child.stdout.on('data', read);
  child.stderr.on('data', (chunk: Uint8Array) => {
    words = (words + new TextDecoder().decode(chunk)).slice(-LAST_WORDS_MAX);
  });
  // A dead process refuses what it is sent; that it is dead is told by `close`.
  child.stdin.on('error', () => undefined);
  sacrifice(child);
  return {
    send(order, ...bodies) {
      for (const chunk of writeFrame(order, ...bodies)) if (chunk.length > 0) child.stdin.write(chunk);
    },
    residentBytes: () => (isOver ? 0 : (residentOf(child) ?? saidBytes)),
    kill: () => void child.kill('SIGKILL'),
  };
};

function sacrifice({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE);
  } catch {
    // No such kernel, or the process is gone.
  }
}

/** As the kernel tells it; undefined where none does. */
function residentOf({ pid }: ChildProcess): number | undefined {
  try {
    const resident = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return resident === undefined ? undefined : Number(resident) * 1024;
  } catch {
    return undefined;
  }
}
