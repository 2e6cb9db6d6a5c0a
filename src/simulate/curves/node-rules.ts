import { Flag } from '../../cache/entries.ts';
import type { ResponseLife, ServedKind } from '../../traffic/batch.ts';
import type { SimulatedNode } from '../plan.ts';
import { fixedReason } from '../replay/kinds.ts';
import { verdictOf } from '../replay/verdicts.ts';
import { type CurveRules, LIVE_RULES } from './curve.ts';

/**
 * Curves by the rules of a node: its routes say for how long a response is good, as they do when it is served, and its memory tier how large one
 * may be. What a record says of a lifetime is judged once for each route.
 */
export function nodeRules(node: Pick<SimulatedNode, 'memory' | 'routes' | 'otherRoute'>): CurveRules {
  const { objectBytesMax } = node.memory;
  const known = new WeakMap<ServedKind, WeakMap<ResponseLife, number>>();
  return {
    chargeOf: (bodyBytes, besideBytes) =>
      bodyBytes > objectBytesMax ? 0 : LIVE_RULES.chargeOf(bodyBytes, besideBytes),
    usableS: (kind, life) => {
      let ofKind = known.get(kind);
      if (ofKind === undefined) {
        ofKind = new WeakMap();
        known.set(kind, ofKind);
      }
      let seconds = ofKind.get(life);
      if (seconds === undefined) {
        seconds = usableS(node, kind, life);
        ofKind.set(life, seconds);
      }
      return seconds;
    },
  };
}

function usableS(
  { routes, otherRoute }: Pick<SimulatedNode, 'routes' | 'otherRoute'>,
  kind: ServedKind,
  life: ResponseLife,
): number {
  // Nothing came that could have been stored.
  if (kind.outcome === 'failed' && life.known !== 'stated') return 0;
  const route = routes.get(kind.route) ?? otherRoute;
  const status = kind.status === 0 ? 200 : kind.status;
  const verdict = verdictOf(route, { status, reason: fixedReason(kind) }, life);
  if (!route.caches || verdict.reason !== undefined || (verdict.flags & Flag.VALIDATE) !== 0) return 0;
  const ageS = life.known === 'stated' ? life.ageS : 0;
  return Math.max(0, verdict.lifetimeS + verdict.whileRevalidateS - ageS);
}
