import { parseHttpDate } from '../http/date.ts';
import type { Fields } from '../http/fields.ts';
import { initialAgeS, statedFreshness } from '../http/freshness.ts';
import { responseDirectives } from '../http/targeted.ts';
import { type ResponseLife, Stated } from '../traffic/batch.ts';

/** Dates that lie further back are told to the hour, and beyond ten times that to the day: they only feed a guess. */
const EXACT_S = 864_000;

/**
 * What a response said about its lifetime, for the traffic record: the rules of any route can be applied to that.
 *
 * @param received fields of the message that just came: with a 304, not those of what it renews.
 * @param requestedS when it was asked for, and `nowS` when its head was there; seconds since the epoch.
 */
export function lifeSaid(fields: Fields, received: Fields, requestedS: number, nowS: number): ResponseLife {
  const cc = responseDirectives(fields);
  const lifetimeS = statedFreshness(fields, nowS, cc)?.lifetimeS;
  const modifiedS = parseHttpDate(fields.get('last-modified'));
  const dateS = parseHttpDate(fields.get('date')) ?? nowS;
  const ageS = initialAgeS({
    ageField: received.get('age'),
    dateField: received.get('date'),
    viaField: received.get('via'),
    requestAtS: requestedS,
    responseAtS: nowS,
  });
  const isImage = /^image\//i.test(fields.get('content-type') ?? '');
  return {
    known: 'stated',
    lifetimeS,
    // Where a lifetime is stated, nobody asks for it; and it would be another one for each response.
    modifiedAgoS: lifetimeS !== undefined || modifiedS === undefined ? undefined : rounded(dateS - modifiedS),
    ageS,
    whileRevalidateS: cc.staleWhileRevalidateS,
    ifErrorS: cc.staleIfErrorS,
    flags:
      (cc.noCache ? Stated.NO_CACHE : 0) |
      (cc.mustRevalidate || cc.proxyRevalidate ? Stated.MUST_REVALIDATE : 0) |
      (cc.sMaxageS === undefined ? 0 : Stated.S_MAXAGE) |
      (cc.public ? Stated.PUBLIC : 0) |
      (fields.has('etag') || modifiedS !== undefined ? Stated.VALIDATOR : 0) |
      (isImage ? Stated.IMAGE : 0),
  };
}

function rounded(agoS: number): number {
  const step = agoS > 10 * EXACT_S ? 86_400 : agoS > EXACT_S ? 3600 : 1;
  return Math.max(0, Math.floor(agoS / step) * step);
}
