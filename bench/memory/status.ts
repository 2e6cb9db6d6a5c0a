import type { Snapshot } from '../../src/monitor/snapshot.ts';
import { residentBytes } from '../support/proc.ts';
import { ADMIN_TOKEN, type HoldfastNode } from '../support/servers.ts';

/** What a node says of itself. */
export async function statusOf(node: HoldfastNode): Promise<Snapshot> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}/api/status`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  if (response.status !== 200) throw new Error(`the admin port answered ${response.status}`);
  return (await response.json()) as Snapshot;
}

/** How long resident memory must not have fallen any more: the runtime gives back what it no longer uses in steps. */
const SETTLED_MS = 25_000;
const NOTICEABLE_BYTES = 2 ** 20;

/** Resident memory of a node at rest, once the runtime has collected its garbage and given it back. */
export async function restingBytes(node: HoldfastNode): Promise<number> {
  let leastBytes = Number.POSITIVE_INFINITY;
  for (let sinceMs = performance.now(); performance.now() - sinceMs < SETTLED_MS; ) {
    const nowBytes = residentBytes(node.child.pid);
    if (nowBytes < leastBytes - NOTICEABLE_BYTES) sinceMs = performance.now();
    leastBytes = Math.min(leastBytes, nowBytes);
    await Bun.sleep(200);
  }
  return leastBytes;
}
