import type { Snapshot } from '../../src/monitor/snapshot.ts';
import { residentBytes } from '../support/proc.ts';
import { ADMIN_TOKEN, type HoldfastNode } from '../support/servers.ts';
import { median } from '../support/stats.ts';

/** What a node says of itself. */
export async function statusOf(node: HoldfastNode): Promise<Snapshot> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}/api/status`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  if (response.status !== 200) throw new Error(`the admin port answered ${response.status}`);
  return (await response.json()) as Snapshot;
}

/** Resident memory of a node at rest: median of a second. */
export async function restingBytes(node: HoldfastNode): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    await Bun.sleep(50);
    samples.push(residentBytes(node.child.pid));
  }
  return median(samples);
}
