import { parseArgs } from 'node:util';
import { parseDuration, parseSize } from '../../base/units.ts';
import { POLICY_NAMES, type PolicyName } from '../../policy/policy.ts';
import { argumentMistake } from '../arguments.ts';

/** Help text of `holdfast demo`. */
export const DEMO_HELP = `holdfast demo: an origin with images, a node in front of it, and traffic; watch it work

  holdfast demo [--images DIR] [--for 15s] [--port N] [--memory SIZE] [--policy NAME]
                [--seed N] [--no-traffic] [--plain]

  --images DIR     your own images (searched recursively) instead of painted ones
  --for TIME       stop after that time; without it, q or Ctrl-C stops
  --port N         public port (default 8080, or a free one when that is taken)
  --memory SIZE    memory budget (default 60 % of what is asked for, so that there are evictions to see)
  --policy NAME    ${POLICY_NAMES.join(', ')} (default ${POLICY_NAMES[0]})
  --seed N         of the traffic: the same number, the same requests (default 1)
  --no-traffic     only the node and the gallery: your browser is the traffic
  --plain          one line a second, as when standard output is not a terminal
`;

/** What \`holdfast demo\` was asked for. */
export interface DemoOptions {
  readonly images: string | undefined;
  readonly forMs: number | undefined;
  readonly port: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly policy: PolicyName;
  readonly seed: number;
  readonly traffic: boolean;
  readonly plain: boolean;
}

/** Reads the arguments; a sentence when they make no sense. */
export function readDemoOptions(args: readonly string[]): DemoOptions | string {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return argumentMistake(error);
  }
  const time = values.for === undefined ? undefined : parseDuration(values.for);
  if (time !== undefined && !time.ok) return `--for ${values.for}: ${time.reason}; ${time.remedy}`;
  const memory = values.memory === undefined ? undefined : parseSize(values.memory);
  if (memory !== undefined && !memory.ok)
    return `--memory ${values.memory}: ${memory.reason}; ${memory.remedy}`;
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(/^[0-9]+$/.test(values.port!) && port <= 65_535)) {
    return `--port ${values.port}: a port is a number from 0 (any free one) to 65535`;
  }
  const policy = POLICY_NAMES.find((name) => name === (values.policy ?? POLICY_NAMES[0]));
  if (policy === undefined) return `--policy ${values.policy}: there are ${POLICY_NAMES.join(', ')}`;
  if (!/^[0-9]{1,9}$/.test(values.seed))
    return `--seed ${values.seed}: a seed is a number of up to nine digits`;
  return {
    images: values.images,
    forMs: time?.value,
    port,
    memoryBytes: memory?.value,
    policy,
    seed: Number(values.seed),
    traffic: !values['no-traffic'],
    plain: values.plain,
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      images: { type: 'string' },
      for: { type: 'string' },
      port: { type: 'string' },
      memory: { type: 'string' },
      policy: { type: 'string' },
      seed: { type: 'string', default: '1' },
      'no-traffic': { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
    },
  }).values;
}
