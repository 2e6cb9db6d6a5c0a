/** Raised when the program's own reasoning is wrong. Never caused by input; input errors are in `errors.ts`. */
export class InternalFault extends Error {
  override readonly name = 'InternalFault';
}

/** States what must be true here; throws {@link InternalFault} with `claim` when it is not. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new InternalFault(claim);
}

/** For the default branch of a switch over a closed union: a forgotten member is a type error. */
export function unreachable(value: never): never {
  throw new InternalFault(`unreachable: ${String(value)}`);
}
