import { formatDuration, type Parsed, parseDuration } from '../base/units.ts';
import { validateConfig } from '../config/validate.ts';
import { POLICY_NAMES, type PolicyName } from '../policy/policy.ts';
import { nodeOf } from '../simulate/node-of.ts';
import { chartsOfPlan, planPage } from '../simulate/picture/plan-page.ts';
import type { SimulatedNode } from '../simulate/plan.ts';
import { answerOf, yamlOf } from '../simulate/planner/answer.ts';
import { plan as makePlan, type Plan, type PlanQuestion } from '../simulate/planner/planner.ts';
import { type Prices, readPrice } from '../simulate/planner/prices.ts';
import { readTarget, type Target } from '../simulate/planner/targets.ts';
import { busiest, stretch } from '../simulate/planner/window.ts';
import { stressed } from '../traffic/made/derived.ts';
import { FACTOR_MAX, growth } from '../traffic/made/stress.ts';
import { UsageError } from './admin-command.ts';
import { validFile } from './config-file.ts';
import { EXIT } from './io.ts';
import { planText } from './plan-text.ts';
import {
  checkPictures,
  jsonText,
  noRequests,
  REPLAY_HELP,
  REPLAY_OPTIONS,
  type ReplayIo,
  replaying,
  stressesGiven,
  wantsJson,
  writePictures,
} from './replayed.ts';
import { momentGiven, recordCommand } from './traffic/command.ts';

const HELP = `holdfast plan: the sizes and the policy that meet a target at peak

  holdfast plan --target hit=0.95 --traffic RECORD [--at peak] [--growth 30%]

  --target TARGET      what has to be reached, as often as you like: hit=0.95, byte-hit=0.9, memory-hit=0.8 (shares),
                       origin-rps=200, origin-bytes=20MiB (in the busiest minute), premature=0 (premature evictions)
  --origin-rps N       the same as --target origin-rps=N
  --at WINDOW          where: peak (the busiest hour, the default), peak=10m (the busiest ten minutes), all,
                       or 2026-11-24T10:00/2026-11-24T12:00 (UTC)
  --growth 30%         plan for so many more requests, and as many more images
  -c, --config FILE    everything but sizes and policy is taken from it; without it, the defaults
  --policy NAME        only this one; without it, whichever needs least
  --disk               plan a disk tier too; so it is where the configuration has one
  --margin 20%         what is added to what is needed
  --price-memory 3.5/GiB-month, --price-disk 0.08/GiB-month, --price-egress 0.05/GiB
                       what it costs; egress is what the origins send
  --exact              try every size on the whole record, also where that takes long
${REPLAY_HELP}
The record before the window fills the cache. Exit codes: 0 planned, 1 no size meets the targets, 2 unusable arguments, configuration
or record.
`;

const OPTIONS = {
  ...REPLAY_OPTIONS,
  target: { type: 'string', multiple: true },
  'origin-rps': { type: 'string' },
  at: { type: 'string', default: 'peak' },
  growth: { type: 'string' },
  config: { type: 'string', short: 'c' },
  policy: { type: 'string' },
  disk: { type: 'boolean', default: false },
  margin: { type: 'string', default: '20%' },
  'price-memory': { type: 'string' },
  'price-disk': { type: 'string' },
  'price-egress': { type: 'string' },
  exact: { type: 'boolean', default: false },
} as const;

/** Records with more rows are searched by a sample of their keys. */
const SEARCH_ROWS_MAX = 500_000;
/** And these for what is said of other sizes and policies. */
const EXACT_ROWS_MAX = 1_500_000;
const HOUR_MS = 3_600_000;
const NAMED: Readonly<Record<number, string>> = { 60000: 'minute', [HOUR_MS]: 'hour', 86400000: 'day' };

/** Origins and routes only name what a record has; sizes are what is planned. */
const DEFAULTS = `version: 1
origins: { origin: { type: http, url: "http://127.0.0.1" } }
routes: [{ name: all, origin: origin }]
`;

const WITHOUT_FILE =
  'No configuration was named: routes, lifetimes and limits are the defaults, and not those of a running node, which does not tell them. Add its file: --config holdfast.yaml';

/** `holdfast plan`: prints which sizes and policy meet targets. */
export function plan(args: readonly string[], io: ReplayIo): Promise<number> {
  const command = { name: 'plan', help: HELP, options: OPTIONS } as const;
  return recordCommand(command, args, io, async ({ values, positionals, record }) => {
    if (positionals.length > 0) throw new UsageError(`${positionals[0]} is one argument too many`);
    const asJson = wantsJson(values);
    const targets = targetsGiven(values.target, values['origin-rps']);
    const window = windowGiven(values.at);
    const margin = shareGiven('margin', values.margin, 100);
    const prices = pricesGiven(values);
    const policies = policiesGiven(values.policy);
    const stresses = stressesGiven(values.stress);
    if (values.growth !== undefined)
      stresses.push(growth(1 + shareGiven('growth', values.growth, FACTOR_MAX - 1)));
    await checkPictures(values, io);
    const node = await nodeFor(values.config, io);
    if (node === undefined) return EXIT.unusable;
    const traffic = stressed(await record(values.traffic), stresses);
    const progress = replaying(io);
    const answer = makePlan({
      record: traffic,
      node,
      targets,
      window,
      policies: preferred(policies, node),
      allPolicies: POLICY_NAMES,
      disk: values.disk || node.disk !== undefined,
      margin,
      prices,
      searchRowsMax: values.exact ? Number.POSITIVE_INFINITY : SEARCH_ROWS_MAX,
      exactRowsMax: values.exact ? Number.POSITIVE_INFINITY : EXACT_ROWS_MAX,
      replay: progress.replay,
      onStep: progress.step,
    });
    progress.clear();
    if (answer === undefined)
      throw noRequests(traffic.info, values.at === 'all' ? undefined : `--at ${values.at}`);
    io.out(asJson ? jsonText(asData(answer)) : planText(answer, io.outForm));
    await writePictures(values, () => planPage(answer), chartsOfPlan(answer), io);
    return answer.unmet.length > 0 ? EXIT.refused : EXIT.ok;
  });
}

function targetsGiven(given: readonly string[] = [], originRps: string | undefined): Target[] {
  const texts = given.flatMap((text) => text.split(','));
  if (originRps !== undefined) texts.push(`origin-rps=${originRps}`);
  if (texts.length === 0) throw new UsageError('say what has to be reached, such as --target hit=0.95');
  return texts.map((text) => valueOrSay('target', readTarget(text)));
}

/** @throws UsageError when a window is not to be understood. */
function windowGiven(text: string): PlanQuestion['window'] {
  if (text === 'all') return (demand) => busiest(demand, Number.MAX_SAFE_INTEGER, 'the whole record');
  const [start, end, ...more] = text.split('/');
  if (end !== undefined && more.length === 0) {
    const [fromMs, toMs] = [momentGiven('at', start)!, momentGiven('at', end)!];
    if (fromMs >= toMs) throw new UsageError(`--at ${text}: the window ends before it begins`);
    return (demand) => stretch(demand, fromMs, toMs, 'that time');
  }
  const [, length] = /^peak(?:=(.+))?$/.exec(text) ?? [];
  if (!text.startsWith('peak') || (text !== 'peak' && length === undefined))
    throw new UsageError(`--at ${text}: write peak, peak=10m, all, or two times with a slash between`);
  const lengthMs = length === undefined ? HOUR_MS : valueOrSay('at', parseDuration(length));
  if (lengthMs < 60_000) throw new UsageError(`--at ${text}: a window is at least a minute long`);
  const name = NAMED[lengthMs] ?? formatDuration(lengthMs);
  return (demand) => busiest(demand, lengthMs, `the busiest ${name}`);
}

/** Largest share that may be written without a percent sign. */
const MULTIPLE_MAX = 10;

/** A share from 0 to `most`: `30%` or `0.3`. */
function shareGiven(name: string, text: string, most: number): number {
  const [, digits, percent] = /^([0-9]*\.?[0-9]+)(%?)$/.exec(text.trim()) ?? [];
  const share = Number(digits) / (percent === '%' ? 100 : 1);
  if (digits === undefined || !(share <= most))
    throw new UsageError(`--${name} ${text}: write a share such as 30%, from 0% to ${most * 100}%`);
  // A number that was meant as percent, more likely than thirty times as much.
  if (percent === '' && share > MULTIPLE_MAX)
    throw new UsageError(`--${name} ${text} would be ${share * 100} %: write ${text}% or ${share / 100}`);
  return share;
}

function pricesGiven(values: {
  readonly 'price-memory'?: string | undefined;
  readonly 'price-disk'?: string | undefined;
  readonly 'price-egress'?: string | undefined;
}): Prices {
  const read = (name: keyof typeof values, perMonth: boolean): number | undefined => {
    const text = values[name];
    return text === undefined ? undefined : valueOrSay(name, readPrice(text, perMonth));
  };
  return {
    memory: read('price-memory', true),
    disk: read('price-disk', true),
    egress: read('price-egress', false),
  };
}

function policiesGiven(name: string | undefined): readonly PolicyName[] {
  if (name === undefined) return POLICY_NAMES;
  const known = POLICY_NAMES.find((policy) => policy === name);
  if (known === undefined) throw new UsageError(`--policy ${name}: there are ${POLICY_NAMES.join(', ')}`);
  return [known];
}

/** The configured policy is what others have to be better than. */
function preferred(policies: readonly PolicyName[], { memory }: SimulatedNode): readonly PolicyName[] {
  return policies.includes(memory.policy)
    ? [memory.policy, ...policies.filter((policy) => policy !== memory.policy)]
    : policies;
}

async function nodeFor(file: string | undefined, io: ReplayIo): Promise<SimulatedNode | undefined> {
  if (file !== undefined) {
    const config = await validFile(file, io);
    return config && nodeOf(file, config);
  }
  const result = validateConfig(DEFAULTS, { file: 'defaults', env: {} });
  return result.ok ? { ...nodeOf('the defaults', result.config), departures: [WITHOUT_FILE] } : undefined;
}

function valueOrSay<T>(name: string, parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new UsageError(`--${name}: ${parsed.reason}; ${parsed.remedy}`);
}

/** What a program wants of a plan. */
function asData(answer: Plan): object {
  const { window, targets, unmet, policy, needed, chosen, sensitivity, policies, ceiling, points } = answer;
  return {
    answer: answerOf(answer),
    configuration: yamlOf(answer),
    window,
    targets,
    unmet,
    policy,
    needed,
    chosen: chosen.sizes,
    report: chosen.report,
    sensitivity,
    policies,
    ceiling: ceiling.all,
    curve: points.map(({ sizeBytes, hitRatio, byteHitRatio }) => ({ sizeBytes, hitRatio, byteHitRatio })),
  };
}
