import type { NotStoredReason } from '../cache/outcome.ts';
import { dateFacts, termsOf } from '../cache/terms.ts';
import { type CacheControl, NO_CACHE_CONTROL, parseCacheControl } from '../http/cache-control.ts';
import type { Fields } from '../http/fields.ts';
import { initialAgeS } from '../http/freshness.ts';
import { isStoredType, selectedBy, toldToOrigin } from '../http/selection.ts';
import { storable } from '../http/storable.ts';
import { responseDirectives } from '../http/targeted.ts';
import { parseVary } from '../http/vary.ts';
import type { OriginHead } from '../origin/origin.ts';
import type { ResponseFacts } from '../store/memory/tier.ts';
import type { Route } from './1-route.ts';

/** Step 5: may this response be stored, and until when may it be used? Room is the store's question (step 6). */
export type Admission =
  | { readonly store: true; readonly facts: ResponseFacts; readonly vary: readonly string[] }
  | { readonly store: false; readonly reason: NotStoredReason };

/** The response whose storing is in question, and what it answers. Times in seconds since the epoch. */
export interface AdmitInput {
  readonly route: Route;
  readonly method: string;
  readonly requestFields: Fields;
  /** Those that may have selected it: of the client's request that the origin was asked with. */
  readonly selecting: Fields;
  /** What the origin was asked for. */
  readonly target: string;
  readonly head: OriginHead;
  readonly requestedS: number;
  readonly nowS: number;
}

/** Decides by the head alone (RFC 9111 section 3); never throws. What `Vary` names comes back lower-case and sorted. */
export function admit(input: AdmitInput): Admission {
  const { route, head, nowS } = input;
  const { status, fields } = head;
  const cc = responseDirectives(fields);
  const requestCc = route.obeyRequestDirectives
    ? parseCacheControl(input.requestFields.get('cache-control'))
    : NO_CACHE_CONTROL;
  const reason = storable({
    method: input.method,
    requestFields: input.requestFields,
    requestCc,
    status,
    fields,
    cc,
    framing: head.framing,
    rules: route,
    routeCaches: route.caches,
    receivedAtS: nowS,
  });
  if (reason !== undefined) return refuse(reason);
  if (head.bodyBytes !== undefined && head.bodyBytes > route.objectBytesMax) return refuse('too-large');
  if (status < 300 && route.storeTypes !== undefined) {
    if (!isStoredType(fields.get('content-type'), route.storeTypes)) return refuse('type');
  }
  const said = parseVary(fields.get('vary'));
  if (said === '*') return refuse('vary-star');
  const vary = [
    ...new Set([
      ...toldToOrigin(said, route),
      ...selectedBy(input.target, input.selecting, fields, route.requestFields),
    ]),
  ];
  return {
    store: true,
    facts: factsOf(route, status, fields, cc, input.requestedS, nowS),
    vary: vary.sort(),
  };
}

function refuse(reason: NotStoredReason): Admission {
  return { store: false, reason };
}

/**
 * Lifetime and marks of a response that is stored, or renewed by a 304 (RFC 9111 sections 4.2 and 4.3.4).
 *
 * @param received fields of the message that just came: its age counts, not that of what it renews.
 */
export function factsOf(
  route: Route,
  status: number,
  fields: Fields,
  cc: CacheControl,
  requestedS: number,
  nowS: number,
  received: Fields = fields,
): ResponseFacts {
  const ageS = initialAgeS({
    ageField: received.get('age'),
    dateField: received.get('date'),
    viaField: received.get('via'),
    requestAtS: requestedS,
    responseAtS: nowS,
  });
  const dates = { bornS: 0, freshUntilS: 0, revalidateUntilS: 0, errorUntilS: 0, flags: 0 };
  dateFacts(dates, termsOf(route, status, fields, cc, nowS), nowS - ageS);
  return { route: route.id, status, ...dates };
}
