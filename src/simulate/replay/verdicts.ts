import { Flag } from '../../cache/entries.ts';
import type { NotStoredReason } from '../../cache/outcome.ts';
import { type Terms, termsOf } from '../../cache/terms.ts';
import { NO_CACHE_CONTROL } from '../../http/cache-control.ts';
import { formatHttpDate } from '../../http/date.ts';
import { Fields } from '../../http/fields.ts';
import { storable } from '../../http/storable.ts';
import { responseDirectives } from '../../http/targeted.ts';
import { type ResponseLife, Stated, type StatedLife } from '../../traffic/batch.ts';
import type { SimulatedRoute } from '../plan.ts';
import type { Kind } from './kinds.ts';
import { assumedLife, type Said } from './lives.ts';

/** What a route makes of a response, by its head alone: step 5 of the request path. */
export interface Verdict extends Terms {
  /** Why it may not be stored; undefined when it may. */
  readonly reason: NotStoredReason | undefined;
}

/** Any time will do: only what lies between dates counts. */
const RECEIVED_S = 1_000_000_000;
const NO_FIELDS = new Fields();

/**
 * What one node's routes make of recorded responses. The very functions of the request path decide, once for each different
 * thing that a record says: it is written as the fields that would have said it.
 */
export class Verdicts {
  readonly #routes: readonly SimulatedRoute[];
  readonly #byKind: (Verdict | undefined)[][] = [];

  /** @param routes by their numbers; read when a verdict is made. */
  constructor(routes: readonly SimulatedRoute[]) {
    this.#routes = routes;
  }

  /** O(1); the first time for each, some microseconds. */
  of(kind: Kind, said: Said): Verdict {
    let known = this.#byKind[kind.id];
    if (known === undefined) {
      known = [];
      this.#byKind[kind.id] = known;
    }
    let verdict = known[said.terms];
    if (verdict === undefined) {
      verdict = verdictOf(this.#routes[kind.route]!, kind, said.life);
      known[said.terms] = verdict;
    }
    return verdict;
  }
}

/** What a route makes of one response. Some microseconds. */
export function verdictOf(
  route: SimulatedRoute,
  kind: Pick<Kind, 'status' | 'reason'>,
  life: ResponseLife,
): Verdict {
  const { status } = kind;
  if (life.known === 'applied') {
    const { lifetimeS, whileRevalidateS, ifErrorS, flags } = life;
    return { reason: kind.reason, lifetimeS, whileRevalidateS, ifErrorS, flags };
  }
  const stated = life.known === 'stated' ? life : assumedLife(status, route.defaultTtlS);
  const fields = fieldsOf(stated);
  const cc = responseDirectives(fields);
  const reason =
    kind.reason ??
    storable({
      method: 'GET',
      requestFields: NO_FIELDS,
      requestCc: NO_CACHE_CONTROL,
      status,
      fields,
      cc,
      framing: 'length',
      rules: route,
      routeCaches: route.caches,
      receivedAtS: RECEIVED_S,
    });
  const terms = termsOf(route, status, fields, cc, RECEIVED_S);
  // A record may know of a validator and not of which.
  const validator = (stated.flags & Stated.VALIDATOR) !== 0 ? Flag.VALIDATOR : 0;
  return { ...terms, reason, flags: terms.flags | validator };
}

/** The fields that say what the record says. */
function fieldsOf(life: StatedLife): Fields {
  const { lifetimeS, modifiedAgoS, whileRevalidateS, ifErrorS, flags } = life;
  const directives: string[] = [];
  const say = (bit: number, directive: string): void => {
    if ((flags & bit) !== 0) directives.push(directive);
  };
  say(Stated.PUBLIC, 'public');
  say(Stated.NO_CACHE, 'no-cache');
  say(Stated.MUST_REVALIDATE, 'must-revalidate');
  if (lifetimeS !== undefined)
    directives.push(`${(flags & Stated.S_MAXAGE) !== 0 ? 's-maxage' : 'max-age'}=${Math.floor(lifetimeS)}`);
  if (whileRevalidateS !== undefined) directives.push(`stale-while-revalidate=${whileRevalidateS}`);
  if (ifErrorS !== undefined) directives.push(`stale-if-error=${ifErrorS}`);
  const fields = new Fields(['date', formatHttpDate(RECEIVED_S)]);
  if (directives.length > 0) fields.add('cache-control', directives.join(', '));
  if (modifiedAgoS !== undefined)
    fields.add('last-modified', formatHttpDate(Math.max(0, RECEIVED_S - modifiedAgoS)));
  else if ((flags & Stated.VALIDATOR) !== 0) fields.add('etag', '"recorded"');
  if ((flags & Stated.IMAGE) !== 0) fields.add('content-type', 'image/jpeg');
  return fields;
}
