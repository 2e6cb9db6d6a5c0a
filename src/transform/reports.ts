import { TRANSFORM_FAILURES } from '../image/failures.ts';
import type { Report } from './messages.ts';

/** What results are: nothing that a browser could run. */
const CONTENT_TYPES: ReadonlySet<unknown> = new Set([
  'image/avif',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'application/json',
  'text/plain',
]);
/** Beyond all that formats can hold. */
const SIDE_MAX = 1_000_000;
const FRAMES_MAX = 1_000_000;
const DETAIL_LENGTH_MAX = 2000;

/**
 * A report as the process that transforms has written it, held against what reports are: a decoder that was taken over by an image
 * speaks for its process. Throws TypeError for anything else; the process is then of no use any more.
 *
 * @param head the parsed JSON of a message. What it has beyond a report is left out.
 */
export function readReport(head: unknown): Report {
  const said = recordOf(head);
  switch (said['kind']) {
    case 'ready':
      return { kind: 'ready' };
    case 'memory':
      return { kind: 'memory', residentBytes: numberOf(said['residentBytes'], Number.MAX_SAFE_INTEGER) };
    case 'made':
      return { kind: 'made', id: numberOf(said['id'], Number.MAX_SAFE_INTEGER), made: madeOf(said['made']) };
    case 'failed': {
      const { cause, detail } = recordOf(said['failure']);
      const known = TRANSFORM_FAILURES.find((each) => each === cause);
      if (known === undefined || typeof detail !== 'string') throw new TypeError('a failure without a name');
      const failure = { cause: known, detail: detail.slice(0, DETAIL_LENGTH_MAX) };
      return { kind: 'failed', id: numberOf(said['id'], Number.MAX_SAFE_INTEGER), failure };
    }
    default:
      throw new TypeError('a report of no known kind');
  }
}

function madeOf(value: unknown): Extract<Report, { kind: 'made' }>['made'] {
  const { contentType, width, height, frames, isOriginal, provisional, durationMs } = recordOf(value);
  if (typeof contentType !== 'string' || !CONTENT_TYPES.has(contentType))
    throw new TypeError('a result of a type that is never made');
  return {
    contentType,
    width: numberOf(width, SIDE_MAX),
    height: numberOf(height, SIDE_MAX),
    frames: numberOf(frames, FRAMES_MAX),
    isOriginal: isOriginal === true,
    provisional: provisional === true,
    durationMs: numberOf(durationMs, Number.MAX_SAFE_INTEGER),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new TypeError('a report that is no object');
  return value as Readonly<Record<string, unknown>>;
}

function numberOf(value: unknown, max: number): number {
  if (typeof value === 'number' && value >= 0 && value <= max) return value;
  throw new TypeError('a number that cannot be');
}
