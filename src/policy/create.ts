import { unreachable } from '../base/assert.ts';
import { Fifo } from './fifo.ts';
import { Gdsf } from './gdsf.ts';
import { GreedyDual, type GreedyDualOptions } from './greedy-dual.ts';
import { Lru } from './lru.ts';
import type { PolicyName } from './policy.ts';
import { S3Fifo, type S3FifoOptions } from './s3-fifo.ts';
import { Sieve } from './sieve.ts';
import type { SlottedPolicy } from './slotted.ts';
import { WTinyLfu } from './w-tinylfu.ts';

/** What any policy takes; a policy ignores what does not concern it (`form` is S3-FIFO's, `favour` GreedyDual's). */
export type CreateOptions = S3FifoOptions & GreedyDualOptions;

/** Builds an empty policy by its name: the only place that knows which class has which name. */
export function createPolicy(name: PolicyName, options: CreateOptions): SlottedPolicy {
  switch (name) {
    case 'greedy-dual':
      return new GreedyDual(options);
    case 's3-fifo':
      return new S3Fifo(options);
    case 'w-tinylfu':
      return new WTinyLfu(options);
    case 'sieve':
      return new Sieve(options);
    case 'gdsf':
      return new Gdsf(options);
    case 'lru':
      return new Lru(options);
    case 'fifo':
      return new Fifo(options);
    default:
      return unreachable(name);
  }
}
