import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Buffers } from '../buffers.ts';
import { frameReader, writeFrame } from '../frames.ts';
import type { Order, Report } from '../messages.ts';
import { setUpLibrary } from './decoders.ts';
import { make } from './pipeline.ts';
import type { Refusal } from './refusal.ts';

/**
 * The process that transforms: started by `process.ts`, reads orders, writes reports, and ends when its input does, so that none is ever left
 * behind. It has no secrets, no files and no network to use, and may die of an image at any time.
 */

/** Behind everything else that the machine has to do; hits above all. */
const NICENESS = 19;
const MEMORY_REPORT_MS = 100;
/** The body is an original and an overlay, which were measured before they were sent. */
const BODY_BYTES_MAX = 0xffff_ffff;

const nowMs = (): number => performance.now();

function report(head: Report, body: Uint8Array = new Uint8Array(0)): void {
  for (const chunk of writeFrame(head, body)) if (chunk.length > 0) process.stdout.write(chunk);
}

/** Of bodies: originals come by tens of megabytes a second. */
const buffers = new Buffers();

async function run(order: Order, body: Uint8Array): Promise<void> {
  const startMs = nowMs();
  try {
    const product = await make(
      {
        bytes: body.subarray(0, order.originalBytes),
        overlay: order.hasOverlay ? body.subarray(order.originalBytes) : undefined,
        variant: order.variant,
        provisional: order.provisional,
        limits: order.limits,
      },
      nowMs,
    );
    const made = { ...product.made, durationMs: nowMs() - startMs };
    report({ kind: 'made', id: order.id, made }, product.body);
    // After a failure the library may still be reading it.
    buffers.give(body);
  } catch (thrown) {
    const { cause, detail } = thrown as Refusal;
    report({ kind: 'failed', id: order.id, failure: { cause, detail } });
  }
}

/** On Linux each thread has a priority of its own: those that there are get it here, those to come inherit it. */
function yieldToOthers(): void {
  try {
    const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
    for (const thread of threads) setPriority(thread, NICENESS);
  } catch {
    // Without it transforms compete with hits, and that is all.
  }
}

async function main(): Promise<void> {
  // The terminal and the service manager tell everybody to stop; whoever gave the orders decides when it is over.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  setUpLibrary();
  yieldToOthers();
  report({ kind: 'ready' });
  if (process.platform !== 'linux') {
    const tell = (): void => report({ kind: 'memory', residentBytes: process.memoryUsage.rss() });
    setInterval(tell, MEMORY_REPORT_MS).unref();
  }
  const reader = frameReader(BODY_BYTES_MAX, (bytes) => buffers.take(bytes));
  for await (const chunk of Bun.stdin.stream()) {
    for (const { head, body } of reader.push(chunk)) void run(head as Order, body);
  }
  process.exit(0);
}

void main();
