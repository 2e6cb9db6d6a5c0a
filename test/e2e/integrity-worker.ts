import { seededRandom } from '../../src/base/random.ts';
import { OUTCOMES, type Outcome } from '../../src/cache/outcome.ts';
import { BAD_ORIGIN_BODY } from '../support/bad-origin.ts';
import { bodyFor } from '../support/origin-server.ts';
import { RawClient, type RawHead, type RawResult } from '../support/raw-client.ts';

/** The clients of integrity.test.ts, in a thread of their own: they verify every byte of every answer. */

export interface Orders {
  readonly port: number;
  readonly seed: number;
  readonly requests: number;
  readonly connections: number;
  /** Paths of the misbehaving origin; what is whole must all the same be its body. */
  readonly badPaths: readonly string[];
}

export interface Report {
  /** Answers by what Cache-Status says of them. */
  readonly seen: Record<Outcome, number>;
  readonly sent: number;
  readonly whole: number;
  readonly cut: number;
  /** Left in the middle of the answer. */
  readonly left: number;
  /** Left before there was an answer: how it was booked is unknown. */
  readonly leftEarly: number;
  readonly verifiedBytes: number;
  readonly violations: readonly string[];
}

export type Message = { readonly progress: number } | { readonly report: Report };

declare const self: Worker;

/** How many paths of a kind there are, and their body lengths. */
const IMAGES = 1_500;
const VIOLATIONS_MAX = 20;
const PROGRESS_EVERY = 2_000;

const seen = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
const violations: string[] = [];
const counts = { sent: 0, whole: 0, cut: 0, left: 0, leftEarly: 0, verifiedBytes: 0 };
const bodies = new Map<string, Uint8Array>();

self.onmessage = async (event: MessageEvent<Orders>) => {
  const orders = event.data;
  await Promise.all(Array.from({ length: orders.connections }, (_, i) => drive(orders, i)));
  self.postMessage({ report: { seen, violations, ...counts } } satisfies Message);
};

async function drive(orders: Orders, index: number): Promise<void> {
  const random = seededRandom(orders.seed * 1000 + index);
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const client = new RawClient(orders.port);
  while (counts.sent < orders.requests && violations.length < VIOLATIONS_MAX) {
    counts.sent += 1;
    if (counts.sent % PROGRESS_EVERY === 0) self.postMessage({ progress: counts.sent } satisfies Message);
    if (below(40) === 0) await askBad(client, orders.badPaths[below(orders.badPaths.length)]!);
    else await askGood(client, goodPath(below(10_000) / 10_000, below(100)), below, index);
  }
  client.close();
}

/** Few paths get most requests; one in a hundred is large. `/quick/` ones are fresh for a second only. */
function goodPath(x: number, roll: number): string {
  const n = Math.floor(x ** 3 * IMAGES);
  const kind = n % 3 === 0 ? 'quick' : 'slow';
  if (roll === 0) return `/${kind}/1500000/${n % 7}.png`;
  const sizeBytes = 200 + ((n * 7919) % 15_000);
  return `/${kind}/${sizeBytes}/${n}.jpg`;
}

async function askGood(
  client: RawClient,
  target: string,
  below: (limit: number) => number,
  index: number,
): Promise<void> {
  const [from, to] = [below(200), 300 + below(300)];
  const roll = below(100);
  const lines = roll < 5 ? `Range: bytes=${from}-${to}\r\n` : '';
  const result = await client.ask({
    method: roll >= 95 ? 'HEAD' : 'GET',
    target,
    lines,
    expect: (head) => part(expectedBody(target, head), head),
    leaveAfterBytes: roll === 50 ? -1 : roll === 51 ? below(2_000) : undefined,
    napMs: index < 4 && below(4) === 0 ? 1 + below(50) : 0,
  });
  book(target, result);
  if (result.ending === 'cut') violation(`${target}: cut after ${result.bodyBytes} bytes`);
  if (result.head !== undefined && ![200, 206].includes(result.head.status))
    violation(`${target}: status ${result.head.status}`);
}

async function askBad(client: RawClient, target: string): Promise<void> {
  const isShort = target.includes('/connection-close');
  const body = isShort ? Buffer.from('body') : BAD_ORIGIN_BODY;
  const result = await client.ask({
    method: 'GET',
    target,
    lines: '',
    expect: (head) => (head.status === 200 ? body : undefined),
    leaveAfterBytes: undefined,
    napMs: 0,
  });
  book(target, result);
}

function book(target: string, { ending, head, bodyBytes, matches }: RawResult): void {
  counts[ending] += 1;
  if (head === undefined) {
    counts.leftEarly += 1;
    return;
  }
  const outcome = outcomeOf(head);
  if (outcome === undefined) violation(`${target}: Cache-Status ${head.fields.get('cache-status')}`);
  else seen[outcome] += 1;
  if (matches) counts.verifiedBytes += bodyBytes;
  else violation(`${target}: ${ending} with ${bodyBytes} bytes that are not the origin's (${head.status})`);
}

/** The entity tag of the origin ends in the version that it sent. */
function expectedBody(target: string, { fields }: RawHead): Uint8Array {
  const version = Number(/-(\d+)"$/.exec(fields.get('etag') ?? '')?.[1]);
  const path = target.replace(/^\/(?:quick|slow)/, '');
  const name = `${path} ${version}`;
  let body = bodies.get(name);
  if (body === undefined) {
    body = bodyFor(path, Number(path.split('/')[1]), version);
    bodies.set(name, body);
  }
  return body;
}

function part(body: Uint8Array, { status, fields }: RawHead): Uint8Array | undefined {
  if (status === 200) return body;
  if (status !== 206) return undefined;
  const m = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fields.get('content-range') ?? '');
  if (m === null || Number(m[3]) !== body.length) return new Uint8Array();
  return body.subarray(Number(m[1]), Number(m[2]) + 1);
}

function outcomeOf({ status, fields }: RawHead): Outcome | undefined {
  const text = fields.get('cache-status') ?? '';
  if (!text.startsWith('Holdfast')) return undefined;
  if (text.includes('; fwd=bypass')) return 'bypass';
  if (/detail=origin-(?!status)/.test(text) || (status >= 500 && text.includes('; fwd='))) return 'failed';
  if (text.includes('; collapsed')) return 'collapsed';
  if (text.includes('detail=stale-while') || text.includes('stale-if-error')) return 'stale';
  if (text.includes('; hit')) return 'hit';
  if (text.includes('fwd-status=304')) return 'revalidated';
  if (text.includes('; fwd=')) return 'miss';
  return 'refused';
}

function violation(text: string): void {
  if (violations.length < VIOLATIONS_MAX) violations.push(text);
}
