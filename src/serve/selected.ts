import type { Outcome, ServedCause } from '../cache/outcome.ts';
import { evaluateConditional, notModifiedFields } from '../http/conditional.ts';
import { parseHttpDate } from '../http/date.ts';
import type { Fields } from '../http/fields.ts';
import { type ByteRange, ifRangeAllows, parseRanges } from '../http/range.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route } from './1-route.ts';
import { answerOf, refusal, storedBody } from './7-respond.ts';
import type { Answer, CacheRequest } from './answer.ts';
import { brokenByDisk } from './disk-body.ts';
import { fieldLines, parseFieldLines } from './field-lines.ts';
import type { Ledger } from './ledger.ts';
import { MULTIPART_TYPE, Multipart } from './multipart.ts';

/** What a request that carries conditions or a range gets of a complete response. */
export type Selection =
  | { readonly part: 'all' }
  | { readonly part: 'none'; readonly status: 304 | 412 }
  | { readonly part: 'unsatisfiable' }
  | { readonly part: 'range'; readonly from: number; readonly to: number }
  | { readonly part: 'ranges'; readonly ranges: readonly ByteRange[] };

/** RFC 9110 sections 13.2.2 and 14.2, for a response with a complete body of known length. */
export function select(request: CacheRequest, status: number, fields: Fields, bodyBytes: number): Selection {
  const etag = fields.get('etag');
  const lastModified = fields.get('last-modified');
  const verdict = evaluateConditional(request.method, request.fields, {
    etag,
    lastModifiedS: parseHttpDate(lastModified),
    dateS: parseHttpDate(fields.get('date')),
    status,
  });
  if (verdict === 'not-modified') return { part: 'none', status: 304 };
  if (verdict === 'precondition-failed') return { part: 'none', status: 412 };
  const range = request.fields.get('range');
  if (range === undefined || request.method !== 'GET' || status !== 200) return { part: 'all' };
  if (!ifRangeAllows(request.fields.get('if-range'), etag, lastModified, fields.get('date')))
    return { part: 'all' };
  const wanted = parseRanges(range, bodyBytes);
  if (wanted === 'ignore') return { part: 'all' };
  if (wanted === 'unsatisfiable') return { part: 'unsatisfiable' };
  return wanted.length === 1 ? { part: 'range', ...wanted[0]! } : { part: 'ranges', ranges: wanted };
}

/**
 * The answer to a conditional or range request from a stored response; undefined when it gets the whole of it.
 *
 * @param lines Age and Cache-Status.
 */
export function selectedAnswer(
  ledger: Ledger,
  tier: MemoryTier,
  slot: number,
  served: { request: CacheRequest; route: Route; outcome: Outcome; originMs: number; cause: ServedCause },
  lines: string,
  nowMs: number,
): Answer | undefined {
  const fields = parseFieldLines(tier.head(slot));
  const bodyBytes = tier.bodyBytes(slot);
  const selection = select(served.request, tier.cache.entries.status(slot), fields, bodyBytes);
  const kept = { ...served, detail: '' };
  switch (selection.part) {
    case 'all':
      return undefined;
    case 'none':
      if (selection.status === 412) return refusal(ledger, 'precondition-failed', kept, nowMs);
      return answerOf(
        ledger,
        { ...kept, status: 304 },
        `${lines}${fieldLines(notModifiedFields(fields))}\r\n`,
        undefined,
      );
    case 'unsatisfiable':
      return refusal(ledger, 'range-not-satisfiable', kept, nowMs, `Content-Range: bytes */${bodyBytes}\r\n`);
    case 'range': {
      const { from, to } = selection;
      const head = `${lines}${fieldLines(rangeFields(fields, from, to, bodyBytes))}\r\n`;
      const body = storedBody(tier, slot, from, to + 1);
      return answerOf(ledger, { ...kept, status: 206 }, head, body, brokenByDisk(body));
    }
    case 'ranges': {
      const whole = storedBody(tier, slot, 0, bodyBytes);
      const payload = new Multipart(whole, selection.ranges, fields.get('content-type'));
      fields.set('content-type', MULTIPART_TYPE);
      fields.set('content-length', String(payload.bytes));
      const head = `${lines}${fieldLines(fields)}\r\n`;
      return answerOf(ledger, { ...kept, status: 206 }, head, payload, brokenByDisk(whole));
    }
  }
}

/** Fields of a 206 (RFC 9110 section 15.3.7). */
export function rangeFields(fields: Fields, from: number, to: number, bodyBytes: number): Fields {
  const part = fields.clone();
  part.set('content-range', `bytes ${from}-${to}/${bodyBytes}`);
  part.set('content-length', String(to - from + 1));
  return part;
}
