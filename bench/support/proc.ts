import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second in /proc: 100 on every Linux architecture that Bun runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly ticks: number;
  readonly kernelTicks: number;
}

/**
 * Processor time of a process and all its descendants, threads included, in milliseconds; exact to 10 ms each.
 * Children that ended count through the parent that waited for them, so the figure never goes back.
 *
 * @throws Error when the process is gone.
 */
export function treeCpuMs(root: number): number {
  return sumTree(root, (stat) => stat.ticks);
}

/** That part of {@link treeCpuMs} which was spent in the kernel. */
export function treeKernelMs(root: number): number {
  return sumTree(root, (stat) => stat.kernelTicks);
}

/** Processor time that all processes of the machine have used, in milliseconds (proc(5): /proc/stat, without idle and iowait). */
function machineCpuMs(): number {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!;
  const [user, nice, kernel, , , interrupts, softInterrupts] = line.trim().split(/\s+/).slice(1).map(Number);
  return ((user! + nice! + kernel! + interrupts! + softInterrupts!) * 1000) / TICKS_PER_SECOND;
}

/**
 * Watches what else is going on: figures of a machine that others use are theirs too.
 *
 * @returns how to end that, which gives the processor seconds per second that were used by none of this process's tree.
 */
export function watchOthers(): () => number {
  const [machineMs, ownMs, startMs] = [machineCpuMs(), treeCpuMs(process.pid), performance.now()];
  return () => {
    const others = machineCpuMs() - machineMs - (treeCpuMs(process.pid) - ownMs);
    return Math.max(0, others / (performance.now() - startMs));
  };
}

function sumTree(root: number, ticksOf: (stat: Stat) => number): number {
  let ticks = 0;
  for (const stat of treeOf(root).values()) ticks += ticksOf(stat);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** A process and all its descendants. @throws Error when the process is gone. */
function treeOf(root: number): Map<number, Stat> {
  const all = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat !== undefined) all.set(Number(name), stat);
  }
  if (!all.has(root)) throw new Error(`process ${root} is gone`);
  return new Map([...all].filter(([pid]) => descends(pid, root, all)));
}

function descends(pid: number, root: number, all: ReadonlyMap<number, Stat>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = all.get(at)?.parent) {
    if (at === root) return true;
  }
  return false;
}

/** Parent and processor time (proc(5): fields 4 and 14 to 17); undefined when the process ended meanwhile. */
function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name before may contain anything, spaces and brackets too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (field: number): number => Number(fields[field - 3]);
  const [user, kernel] = [number(14) + number(16), number(15) + number(17)];
  return { parent: number(4), ticks: user + kernel, kernelTicks: kernel };
}

/** Resident memory of one process in bytes (proc(5): VmRSS). @throws the system's error when it is gone. */
export function residentBytes(pid: number): number {
  return memoryOf(pid).all;
}

/** Resident memory, and what of it are pages of files (proc(5): VmRSS, RssFile). */
function memoryOf(pid: number): { readonly all: number; readonly ofFiles: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { all: read('VmRSS'), ofFiles: read('RssFile') };
}

/** How often memory is looked at, and how often who belongs to the tree. */
const SAMPLE_MS = 20;
const TREE_EVERY = 10;

/**
 * Watches the resident memory of a process and all its descendants, fifty times a second. Pages of files, which are programs and
 * libraries, are counted for the one that has most of them mapped: those of a program that runs twice are in memory once.
 *
 * @returns how to end that, which gives the largest sum that was seen, in bytes.
 */
export function watchTreeResident(root: number): () => number {
  let pids: number[] = [];
  let samples = 0;
  let peakBytes = 0;
  const sample = (): void => {
    if (samples++ % TREE_EVERY === 0) pids = [...treeOf(root).keys()];
    let ownBytes = 0;
    let fileBytes = 0;
    for (const pid of pids) {
      try {
        const { all, ofFiles } = memoryOf(pid);
        ownBytes += all - ofFiles;
        fileBytes = Math.max(fileBytes, ofFiles);
      } catch {
        // It ended meanwhile.
      }
    }
    peakBytes = Math.max(peakBytes, ownBytes + fileBytes);
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    samples = 0;
    sample();
    return peakBytes;
  };
}
