import type { FreshnessRules, StaleRules } from '../http/freshness.ts';
import type { RouteConfig } from './config.ts';

/** What a route says about lifetimes, in seconds, as the request path and the simulator ask it. */
export function lifetimeRulesOf({ ttl, stale }: RouteConfig): FreshnessRules & StaleRules {
  return {
    defaultTtlS: ttl.defaultS,
    fallbackTtlS: 1,
    minTtlS: ttl.minS,
    overrideTtlS: ttl.overrideS,
    negativeTtlS: ttl.negativeS,
    negativeMaxS: ttl.negativeMaxS,
    serverErrorTtlS: ttl.serverErrorS,
    heuristicFraction: 0.1,
    heuristicMaxS: 86_400,
    staleWhileRevalidateS: stale.whileRevalidateS,
    staleIfErrorS: stale.ifErrorS,
    lastKnownGood: stale.lastKnownGood,
  };
}
