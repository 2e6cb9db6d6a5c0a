import { formatSize, parseSize } from '../base/units.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { FAVOURS, type Favour, POLICY_NAMES, type PolicyName } from '../policy/policy.ts';
import { type AdminCall, ok, problem, type Reply } from './admin-replies.ts';

/** A change of the memory tier that takes effect at once and lasts until the node stops. */
export interface MemoryChange {
  readonly budgetBytes?: number;
  /** `auto`: the node chooses by itself from now on. */
  readonly policy?: PolicyName | 'auto';
  readonly favour?: Favour;
}

const REMEDY =
  'Send JSON: {"size": "2GiB"}, {"policy": "sieve"}, {"favour": "bytes"}, or several of them. It lasts until the node stops.';

/** `POST /api/memory`. */
export function memory(
  { body }: AdminCall,
  options: {
    readonly budgetBytesMax: number;
    readonly hasAuto: boolean;
    readonly changeMemory: (change: MemoryChange) => Snapshot['memory'];
  },
): Reply {
  const change = readMemoryChange(body, options);
  if (typeof change === 'string')
    return problem(400, 'bad-memory-change', `Nothing was changed: ${change}.`, REMEDY);
  return ok(options.changeMemory(change));
}

/** As for `cache.memory.size`. */
const BUDGET_BYTES_MIN = 4 * 1024 ** 2;

/**
 * Reads the body of `POST /api/memory`: `size`, `policy` and `favour`, at least one of them.
 *
 * @param limits `budgetBytesMax` is the most that makes sense here: the memory of the machine or container.
 * @returns the change, or a sentence that says what is wrong.
 */
function readMemoryChange(
  body: unknown,
  { budgetBytesMax, hasAuto }: { readonly budgetBytesMax: number; readonly hasAuto: boolean },
): MemoryChange | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return 'the body is not a JSON object';
  const { size, policy, favour, ...unknown } = body as Record<string, unknown>;
  const [stray] = Object.keys(unknown);
  if (stray !== undefined) return `there is no ${JSON.stringify(stray)} to change`;
  if (size === undefined && policy === undefined && favour === undefined)
    return 'the body names neither size nor policy nor favour';
  const budgetBytes = size === undefined ? undefined : readSize(size, budgetBytesMax);
  if (typeof budgetBytes === 'string') return budgetBytes;
  const isNamed = policy === undefined || policy === 'auto' || POLICY_NAMES.some((name) => name === policy);
  if (!isNamed) return `the policy is not one of ${POLICY_NAMES.join(', ')}, auto`;
  if (policy === 'auto' && !hasAuto) return 'the policy auto needs traffic.record, which is false';
  if (favour !== undefined && !FAVOURS.some((side) => side === favour))
    return `favour is not one of ${FAVOURS.join(', ')}`;
  return {
    ...(budgetBytes === undefined ? {} : { budgetBytes }),
    ...(policy === undefined ? {} : { policy: policy as PolicyName | 'auto' }),
    ...(favour === undefined ? {} : { favour: favour as Favour }),
  };
}

function readSize(size: unknown, budgetBytesMax: number): number | string {
  if (typeof size !== 'string') return 'the size is not a text with a unit, such as "2GiB"';
  const parsed = parseSize(size);
  if (!parsed.ok) return `the size ${JSON.stringify(size.slice(0, 40))} cannot be read: ${parsed.reason}`;
  if (parsed.value < BUDGET_BYTES_MIN) return `the size is below ${formatSize(BUDGET_BYTES_MIN)}`;
  if (parsed.value > budgetBytesMax) {
    return `the size is above the ${formatSize(budgetBytesMax)} of memory that there are: the system would end the node`;
  }
  return parsed.value;
}
