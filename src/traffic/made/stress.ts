import { assert } from '../../base/assert.ts';
import { mix32, unmix32 } from '../../base/hash.ts';
import type { TrafficBatch } from '../batch.ts';
import { pickRows } from './parts.ts';

/**
 * Stress forms: a record as it would be if something were worse. Each works batch by batch, in order, and gives the same for the same
 * record and seed. What it is handed may be read more than once, to know first what is there. New keys have a hash at the same place as
 * the one they are made of (`sample.ts`), so that a sample of a stressed record is the stressed form of the sample (where growth is by
 * no whole number: one of the same size); and variants go with their originals.
 */
export type StressForm = (batches: Iterable<TrafficBatch>) => Iterable<TrafficBatch>;

/** Most times that anything is multiplied by. */
export const FACTOR_MAX = 100;

/**
 * The same requests in `1 / factor` of the time, from 1 to {@link FACTOR_MAX}. Keeps keys, order, sizes and lifetimes; the latter are
 * not shortened, so a response is asked for more often while it is good.
 */
export function peak(factor: number): StressForm {
  assert(factor >= 1 && factor <= FACTOR_MAX, 'a peak is 1 to 100 times as high');
  return function* (batches) {
    let startMs: number | undefined;
    for (const batch of batches) {
      startMs ??= batch.baseMs;
      yield {
        ...batch,
        baseMs: startMs + (batch.baseMs - startMs) / factor,
        timeUs: batch.timeUs.map((us) => Math.floor(us / factor)),
      };
    }
  };
}

/**
 * A catalogue of `factor` as many images for the same requests, from 1 to {@link FACTOR_MAX}: each image is split, and which of its parts
 * a request asks for is drawn by lot. Keeps times, order and sizes, and so all requests of a second. An image that was asked for once
 * remains one.
 */
export function catalogue(factor: number, seed = 1): StressForm {
  assert(factor >= 1 && factor <= FACTOR_MAX, 'a catalogue has 1 to 100 times as many images');
  return function* (batches) {
    let drawn = 0;
    for (const batch of batches) {
      const keyLo = batch.keyLo.slice();
      const keyHi = batch.keyHi.slice();
      for (let i = 0; i < batch.count; i += 1) {
        drawn = (drawn + 1) >>> 0;
        const forms = formsOf(keyHi[i]!, factor, seed);
        const form = Math.floor((mix32(drawn ^ seed) / 2 ** 32) * forms);
        if (form === 0) continue;
        keyLo[i] = twinLo(keyLo[i]!, form);
        keyHi[i] = twinHi(keyHi[i]!, form);
      }
      yield withoutPaths({ ...batch, keyLo, keyHi });
    }
  };
}

/**
 * `factor` as many requests, from 1 to {@link FACTOR_MAX}: a share of the images has twins that are asked for as often, between the
 * requests that were there. Keeps every request, and how popularity is distributed.
 */
export function growth(factor: number, seed = 1): StressForm {
  assert(factor >= 1 && factor <= FACTOR_MAX, 'traffic grows 1 to 100 times');
  // Read to the end first; but once only for one record, however often it is replayed.
  let known: { readonly of: Iterable<TrafficBatch>; readonly groups: Uint8Array } | undefined;
  return function* (batches) {
    if (known?.of !== batches)
      known = { of: batches, groups: groupsWithTwin(batches, factor - Math.floor(factor), seed) };
    const { groups } = known;
    for (const batch of batches) yield* grown(batch, factor, (keyHi) => groups[groupOf(keyHi, seed)]!);
  };
}

/** Groups of keys that are given one more twin, or not. */
const GROUPS = 2 ** 16;

function groupOf(keyHi: number, seed: number): number {
  return mix32(mix32(keyHi) + Math.imul(seed + 1, 0x9e37_79b1)) >>> 16;
}

/**
 * Which groups of keys get a twin more than the others, so that those have that share of the requests: drawn by lot they would have
 * that share of the keys, and a few popular ones decide how many requests that is. Those with most requests are dealt out first.
 */
function groupsWithTwin(batches: Iterable<TrafficBatch>, share: number, seed: number): Uint8Array {
  const chosen = new Uint8Array(GROUPS);
  if (share === 0) return chosen;
  const requests = new Float64Array(GROUPS);
  for (const { count, keyHi, rate } of batches) {
    for (let i = 0; i < count; i += 1) requests[groupOf(keyHi[i]!, seed)]! += 1 / rate;
  }
  // Equally many are in the order of their numbers, which is none of the keys.
  const order = Uint32Array.from(requests.keys()).sort((a, b) => requests[b]! - requests[a]! || a - b);
  let [seen, given] = [0, 0];
  for (const group of order) {
    const own = requests[group]!;
    seen += own;
    if (given + own / 2 > seen * share) continue;
    chosen[group] = 1;
    given += own;
  }
  return chosen;
}

/**
 * What one of `nodes` nodes, 2 or more, gets when another is gone and its images are dealt out among the others: {@link growth} by
 * `nodes / (nodes - 1)`.
 */
export function nodeLost(nodes: number, seed = 1): StressForm {
  assert(Number.isInteger(nodes) && nodes >= 2, 'of at least two nodes one can be lost');
  return growth(nodes / (nodes - 1), seed);
}

/** Rows of a batch when it has room for no more copies. */
const ROWS_MAX = 65_536;

/** @param twin 1 for a key that has one more than `factor` in whole numbers, else 0. */
function* grown(
  batch: TrafficBatch,
  factor: number,
  twin: (keyHi: number) => number,
): Generator<TrafficBatch> {
  const totals = batch.totals.map(({ requests, bodyBytes, ...of }) => ({
    ...of,
    requests: Math.round(requests * factor),
    bodyBytes: Math.round(bodyBytes * factor),
  }));
  const rows = new Uint32Array(ROWS_MAX);
  const forms = new Uint8Array(ROWS_MAX);
  let length = 0;
  let isFirst = true;
  const take = (): TrafficBatch => {
    const part = copied(batch, rows.subarray(0, length), forms, isFirst ? totals : []);
    isFirst = false;
    length = 0;
    return part;
  };
  for (let i = 0; i < batch.count; i += 1) {
    const copies = Math.floor(factor) + twin(batch.keyHi[i]!);
    if (length + copies > ROWS_MAX) yield take();
    for (let form = 0; form < copies; form += 1) {
      rows[length] = i;
      forms[length] = form;
      length += 1;
    }
  }
  if (length > 0 || (isFirst && totals.length > 0)) yield take();
}

/** Rows of a batch with the keys of their twins; those of one request are spread until the next one. */
function copied(
  batch: TrafficBatch,
  rows: Uint32Array,
  forms: Uint8Array,
  totals: TrafficBatch['totals'],
): TrafficBatch {
  const part = pickRows(batch, rows);
  const { keyLo, keyHi, timeUs } = part;
  for (let i = 0; i < rows.length; i += 1) {
    const form = forms[i]!;
    if (form === 0) continue;
    keyLo[i] = twinLo(keyLo[i]!, form);
    keyHi[i] = twinHi(keyHi[i]!, form);
    const row = rows[i]!;
    const first = batch.timeUs[row]!;
    const next = row + 1 < batch.count ? batch.timeUs[row + 1]! : first;
    let copies = form + 1;
    while (i + copies - form < rows.length && rows[i + copies - form] === row) copies += 1;
    timeUs[i] = first + Math.floor(((next - first) * form) / copies);
  }
  return { ...part, totals };
}

/** How many images there are for one: a whole number that is `factor` on average over all of them. By the hash of the resource. */
function formsOf(keyHi: number, factor: number, seed: number): number {
  const whole = Math.floor(factor);
  return whole + (mix32(mix32(keyHi) + Math.imul(seed + 1, 0x9e37_79b1)) / 2 ** 32 < factor - whole ? 1 : 0);
}

function twinLo(keyLo: number, form: number): number {
  return mix32(keyLo ^ Math.imul(form, 0x85eb_ca6b));
}

/**
 * The hash of a twin's resource: another one at the same place of `placeOf`, which is its upper 24 bits once it is mixed. So the last
 * 8 bits are counted on, and the mixing is undone.
 */
function twinHi(keyHi: number, form: number): number {
  const final = mix32(keyHi);
  return unmix32(((final & ~0xff) | ((final + form) & 0xff)) >>> 0);
}

/** Paths are told of keys that are no longer all there is. */
function withoutPaths({ paths: _, ...batch }: TrafficBatch): TrafficBatch {
  return batch;
}
