import { rangedBytes, rangedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import { type Origin, startHoldfast } from '../support/servers.ts';
import type { Workbench } from '../support/workbench.ts';
import { runWrk } from '../support/wrk.ts';
import { restingBytes, statusOf } from './status.ts';

/** What an object costs beyond its bytes: resident memory of a real node before and after it stored many small ones. */

/** Lengths are spread over two blocks, so that what is lost at the end of a block is its average. */
const LEAST_BYTES = 1;
const MOST_BYTES = 512;
const FIRST = 1_000_000;
/** Unit of the memory tier's arena for budgets of this size. */
const BLOCK_BYTES = 128;
const LIMIT_BYTES = 200;
const WARM_UP_SECONDS = 10;
const ROUND_SECONDS = 5;

export interface MemoryResult {
  readonly markdown: string;
  readonly floorsMet: boolean;
}

export async function measureMetadata(
  bench: Workbench,
  origin: Origin,
  objects: number,
): Promise<MemoryResult> {
  const memory = `${Math.ceil((objects * 1_600) / 2 ** 20)}MiB`;
  const node = await startHoldfast(bench, origin, { memory });
  const { pid } = node.child;
  const prefix = rangedPrefix(LEAST_BYTES, MOST_BYTES);
  const load = { mode: 'rising', count: 0 } as const;
  const warmUp = { ...load, prefix: `/uncached${prefix}`, first: FIRST, seconds: WARM_UP_SECONDS };
  await runWrk(bench, node.port, pid, warmUp);
  const before = await statusOf(node);
  const beforeBytes = await restingBytes(node);
  // wrk abandons what is under way when its time is up, so numbers overlap a little; hits do not disturb.
  let first = FIRST;
  let status = before;
  while (status.memory.entries - before.memory.entries < objects) {
    const { requests } = await runWrk(bench, node.port, pid, {
      ...load,
      prefix,
      first,
      seconds: ROUND_SECONDS,
    });
    first += requests;
    status = await statusOf(node);
    console.error(`metadata: ${status.memory.entries} objects`);
  }
  const grownBytes = (await restingBytes(node)) - beforeBytes;
  const stored = status.memory.entries - before.memory.entries;
  const evictions = status.memory.removals.room;
  if (evictions > 0)
    throw new Error(`${evictions} evictions: the memory size of this measurement is too small`);
  const fixedBytes = await fixedHeadBytes(node.port, `${prefix}${FIRST + 1}`);
  await bench.stop(node.child);
  return report({
    ...meanRecord(stored, fixedBytes, `images ${prefix}${FIRST}`.length),
    objects: stored,
    grownBytes: grownBytes / stored,
    chargedBytes: (status.memory.usedBytes - before.memory.usedBytes) / stored,
  });
}

type Parts = Readonly<Record<'bodyBytes' | 'headBytes' | 'keyBytes' | 'paddingBytes', number>>;

/** What is known beforehand of the stored records: the lengths of their parts, and what the last block has left over. */
function meanRecord(count: number, fixedHeadBytes: number, keyBytes: number): Parts {
  let [body, head, padding] = [0, 0, 0];
  for (let i = 1; i <= count; i += 1) {
    const bodyBytes = rangedBytes(LEAST_BYTES, MOST_BYTES, FIRST + i);
    const headBytes = fixedHeadBytes + 2 * String(bodyBytes).length;
    const recordBytes = keyBytes + headBytes + bodyBytes;
    body += bodyBytes;
    head += headBytes;
    padding += Math.ceil(recordBytes / BLOCK_BYTES) * BLOCK_BYTES - recordBytes;
  }
  return { bodyBytes: body / count, headBytes: head / count, keyBytes, paddingBytes: padding / count };
}

/** Bytes of the stored head without the two lengths in it (Content-Length and ETag), seen from outside. */
async function fixedHeadBytes(port: number, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  const bodyBytes = (await response.arrayBuffer()).byteLength;
  let bytes = 2;
  for (const [name, value] of response.headers) {
    // Made for each answer, not stored (RFC 9111 section 5.1, RFC 9211).
    if (name !== 'age' && name !== 'cache-status') bytes += name.length + value.length + 4;
  }
  return bytes - 2 * String(bodyBytes).length;
}

/** Mean bytes per object. */
interface Figures extends Parts {
  readonly objects: number;
  readonly grownBytes: number;
  readonly chargedBytes: number;
}

function report(figures: Figures): MemoryResult {
  const stored = figures.bodyBytes + figures.headBytes;
  const metadata = figures.grownBytes - stored;
  const floorsMet = metadata <= LIMIT_BYTES;
  const row = (name: string, bytes: number): string[] => [name, bytes.toFixed(0)];
  const markdown = [
    '### Metadata per object',
    '',
    `${figures.objects.toLocaleString('en')} objects with bodies of ${LEAST_BYTES} to ${MOST_BYTES} bytes, stored by requests over HTTP; resident memory of the node`,
    'before (after the same traffic on a route that does not cache) and after.',
    '',
    table(
      ['mean per object', 'bytes'],
      [
        row('growth of resident memory', figures.grownBytes),
        row('charged to the budget', figures.chargedBytes),
        row('stored body', figures.bodyBytes),
        row('stored header fields', figures.headBytes),
        row('**beyond body and header fields**', metadata),
        row('of that: key', figures.keyBytes),
        row('of that: unused ends of blocks', figures.paddingBytes),
        row('of that: table, index, policy, allocator', metadata - figures.keyBytes - figures.paddingBytes),
      ],
    ),
    '',
    `Limit: ${LIMIT_BYTES} bytes beyond body and header fields: ${floorsMet ? 'kept' : 'EXCEEDED'}.`,
  ].join('\n');
  return { markdown, floorsMet };
}
