import { epochS } from '../../../src/base/clock.ts';
import { Flag, NONE } from '../../../src/cache/entries.ts';
import { parseCacheControl } from '../../../src/http/cache-control.ts';
import { Fields } from '../../../src/http/fields.ts';
import { reuse } from '../../../src/http/reuse.ts';
import { normalisePath } from '../../../src/http/target.ts';
import { primaryKey, resourceOf } from '../../../src/serve/2-key.ts';
import { variantKey, varyNames } from '../../../src/serve/place.ts';
import { type DiskFacts, findKey } from '../../../src/store/disk/disk.ts';
import type { ResponseFacts } from '../../../src/store/memory/tier.ts';
import type { Process } from './process.ts';

/** Host of every request. */
export const HOST = 'img.example';
/** A load from the disk may take so long that what was usable is not any more. */
const LOAD_S = 3;
const NO_DIRECTIVES = parseCacheControl(undefined);

/** Where a copy is; on disk, since when, in seconds since the epoch. */
export type Copy = { readonly where: 'memory' } | { readonly where: 'disk'; readonly storedS: number };

/**
 * Where a copy is that a plain request for that path is to be served from, whatever the origin does; asked of the real tiers
 * when the request begins. Of what varies, only memory is asked.
 */
export function copyOf({ h, disk }: Process, path: string, accept: string | undefined): Copy | undefined {
  const { tier, routes, clock } = h;
  const nowS = epochS(clock);
  const route = routes.match(HOST, path)!;
  const primary = primaryKey(route, HOST, resourceOf(route, normalisePath(path)!));
  const { entries } = tier.cache;
  let slot = tier.findKey(primary);
  if (slot !== NONE && (entries.flags(slot) & Flag.VARY) !== 0) {
    const fields = new Fields();
    if (accept !== undefined) fields.set('accept', accept);
    slot = tier.findKey(variantKey(primary, varyNames(tier, slot), fields));
    if (slot === NONE) return undefined;
  }
  if (slot !== NONE) {
    const facts = {
      status: entries.status(slot),
      bornS: entries.bornS(slot),
      freshUntilS: entries.freshUntilS(slot),
      revalidateUntilS: entries.revalidateUntilS(slot),
      errorUntilS: entries.errorUntilS(slot),
      flags: entries.flags(slot),
    };
    return isUsable(facts, nowS) ? { where: 'memory' } : undefined;
  }
  const key = Buffer.from(primary, 'latin1');
  const below = disk === undefined ? NONE : findKey(disk, key);
  if (below === NONE) return undefined;
  const facts: DiskFacts = disk!.facts(below);
  if ((facts.flags & Flag.VARY) !== 0) return undefined;
  return isUsable(facts, nowS) && isUsable(facts, nowS + LOAD_S)
    ? { where: 'disk', storedS: facts.storedS }
    : undefined;
}

function isUsable(facts: Omit<ResponseFacts, 'route'>, nowS: number): boolean {
  if (facts.status >= 400) return false;
  const decision = reuse({
    nowS,
    bornS: facts.bornS,
    freshUntilS: facts.freshUntilS,
    staleWhileRevalidateUntilS: facts.revalidateUntilS,
    staleIfErrorUntilS: facts.errorUntilS,
    alwaysValidate: (facts.flags & Flag.VALIDATE) !== 0,
    lastKnownGood: (facts.flags & Flag.LAST_GOOD) !== 0,
    requestCc: NO_DIRECTIVES,
    pragmaNoCache: false,
    obeyRequestDirectives: false,
  });
  return decision.use !== 'validate' || decision.mayServeStaleOnError;
}
