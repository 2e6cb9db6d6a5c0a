import { type Clock, epochS } from '../../base/clock.ts';
import { NONE } from '../../cache/entries.ts';
import { VariantBudget } from '../../cache/variant-budget.ts';
import { normalisePath } from '../../http/target.ts';
import type { TransformFailure } from '../../image/failures.ts';
import { Buffers } from '../../transform/buffers.ts';
import type { Transformer } from '../../transform/transform.ts';
import { primaryKey, resourceOf } from '../2-key.ts';
import type { Source, SourceHead } from '../4-origin.ts';
import type { Asked } from '../asked.ts';
import { forget } from '../forget.ts';
import type { RequestPath } from '../request.ts';
import type { AskedVariant } from './ask.ts';
import { VariantFailures } from './failures.ts';
import { Making } from './making.ts';
import type { OriginalAsk } from './original.ts';

/** What makes variants, and within which limits. */
export interface VariantOptions {
  readonly transformer: Transformer;
  /** Largest original, in bytes. */
  readonly inputBytesMax: number;
  /** Told of each variant that could not be made. */
  readonly onFailure: (failure: TransformFailure, key: string) => void;
}

interface Parts {
  readonly clock: Clock;
  readonly images?: VariantOptions | undefined;
  readonly onFault: (error: unknown) => void;
}

/**
 * Makes variants: to the flights that wait for them, they are what an origin is to those of originals. Originals and overlays
 * come through the request path itself, so one fetch serves all variants that are made of them, and what is stored is not fetched.
 */
export class Variants {
  readonly failures: VariantFailures;
  readonly budget: VariantBudget;
  readonly #buffers = new Buffers();
  readonly #path: RequestPath;
  readonly #parts: Parts;

  constructor(path: RequestPath, parts: Parts) {
    this.#path = path;
    this.#parts = parts;
    this.failures = new VariantFailures(parts.clock);
    this.budget = new VariantBudget({
      remove: (original, spec) => forget(path.tier, `${original} ${spec}`, 'crowded'),
      takeUsed: (original, spec) => {
        const slot = path.tier.findKey(`${original} ${spec}`);
        return slot !== NONE && path.tier.cache.takeUsed(slot);
      },
    });
  }

  /** @param hasStandIn a stored variant answers if this one cannot be made. */
  source(asked: Asked & { readonly variant: AskedVariant }, hasStandIn: boolean): Source {
    const { clock, images, onFault } = this.#parts;
    const path = this.#path;
    const { request, route, variant } = asked;
    const parts = {
      lookUp: (original: Asked) => path.lookUp(original),
      overlay: (host: string, at: string) => this.#overlay(host, at),
      books: path.ledger.recorder.transforms,
      failures: this.failures,
      buffers: this.#buffers,
      clock,
      onFault,
      ...images,
    };
    const plan = { ask: variant, images: route.images!, host: request.host, hasStandIn };
    return {
      fetch: (wanted, sink) => {
        const making = new Making(parts, plan, wanted, sink);
        making.start();
        return making;
      },
      stored: (bodyBytes, head) => {
        this.budget.stored(variant.primary, variant.variant.spec, bodyBytes, plan.images);
        this.#improve(asked, head);
      },
    };
  }

  /** A provisional one: the better one is made at once, and takes its place. */
  #improve(asked: Asked, { lifetimeS }: SourceHead): void {
    if (lifetimeS === undefined) return;
    this.#parts.clock.after(0, () => {
      const { tier } = this.#path;
      const key = asked.primary;
      const slot = tier.findKey(key);
      const isFresh = slot !== NONE && tier.cache.entries.freshUntilS(slot) > epochS(this.#parts.clock);
      if (isFresh) this.#path.revalidateInBackground({ ...asked, key }, slot);
    });
  }

  /** Where a path is served on this host: as it is, whatever the grammar of its route would make of it. */
  #overlay(host: string, path: string): OriginalAsk | undefined {
    const target = normalisePath(path);
    const matched = target === undefined ? undefined : this.#path.routes.match(host, target.path);
    if (target === undefined || matched === undefined) return undefined;
    const route = matched.images?.originals ?? matched;
    const resource = resourceOf(route, target);
    return { route, host, resource, primary: primaryKey(route, host, resource) };
  }
}
