import type { HashKey } from '../../base/hash.ts';
import { KeyBuffer } from '../../cache/key.ts';
import type { ValidConfig } from '../../config/config.ts';
import { Fields } from '../../http/fields.ts';
import { normalisePath, type Target } from '../../http/target.ts';
import { type Route, Routes } from '../../serve/1-route.ts';
import { primaryKey, resourceOf } from '../../serve/2-key.ts';
import { askOf } from '../../serve/variants/ask.ts';
import type { Line } from '../../traffic/import/line.ts';
import { addressOf, type Named, type Namer } from '../../traffic/import/naming.ts';

/** Longest key that is hashed; a longer address is one that no node takes. */
const KEY_CHARS_MAX = 32_768;

/**
 * Names requests as a node with that configuration would: its routes, in their order, and their keys. Of routes with images, addresses
 * are read in their grammar: variants are told from originals, and go with them. Signatures are not asked for: what was served
 * once was signed; and a format that is negotiated is taken as that of a client that says nothing.
 */
export class ConfigNamer implements Namer {
  readonly #routes: Routes;
  readonly #key: KeyBuffer;
  readonly #noFields = new Fields();
  readonly #host: string;

  /** @param host that of a log which does not say. */
  constructor(config: ValidConfig, hashKey: HashKey, host: string) {
    const routes = config.routes.map((route) =>
      route.images === undefined
        ? route
        : { ...route, images: { ...route.images, rules: { ...route.images.rules, signing: undefined } } },
    );
    this.#routes = new Routes({ routes, cache: config.cache }, []);
    this.#key = new KeyBuffer(hashKey);
    this.#host = host;
  }

  name(line: Line, into: Named): 'path' | 'route' | undefined {
    const address = addressOf(line);
    const host = address.host || this.#host;
    const target = normalisePath(address.target);
    if (target === undefined || address.target.length > KEY_CHARS_MAX) return 'path';
    const route = this.#routes.match(host, target.path);
    if (route === undefined) return 'route';
    into.route = route.name;
    into.variant = false;
    return this.#nameOn(route, host, target, into);
  }

  #nameOn(route: Route, host: string, target: Target, into: Named): 'route' | undefined {
    if (route.images === undefined) {
      this.#hash(primaryKey(route, host, resourceOf(route, target)), into);
      return undefined;
    }
    const ask = askOf(route.images, { host, fields: this.#noFields }, target, 0);
    if ('refused' in ask) return 'route';
    this.#hash(ask.primary, into);
    if (ask.variant === undefined) return undefined;
    into.variant = true;
    into.keyLo = this.#key.set(ask.variant.key).lo;
    return undefined;
  }

  #hash(key: string, into: Named): void {
    const { lo, hi } = this.#key.set(key);
    into.keyLo = lo;
    into.keyHi = hi;
  }
}
