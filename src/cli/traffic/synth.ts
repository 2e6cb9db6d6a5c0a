import { resolve } from 'node:path';
import { parseSize } from '../../base/units.ts';
import { SYNTH_DEFAULTS, type SynthOptions, synthesise } from '../../traffic/made/synth.ts';
import { UsageError } from '../admin-command.ts';
import { EXIT } from '../io.ts';
import { durationGiven, momentGiven, numberGiven, type TrafficIo, trafficCommand } from './command.ts';
import { writeRecord } from './write.ts';

const HELP = `holdfast traffic synth: make a record up

  holdfast traffic synth --to X.hft [--requests 1000000] [--keys 100000] [...]

  --to PATH            where it goes: a file (.hft) that is not there yet, or a directory
  --requests 1000000   as many
  --keys 100000        images at any one time
  --zipf 0.9           exponent of their popularity; 0: all alike
  --median-size 20kB   half of the images are smaller
  --size-spread 1.6    standard deviation of the logarithm of sizes; 1.6 spans four orders of magnitude
  --one-hit 0.1        share of the requests for images that nobody asks for again
  --scan 0.02          share of the requests of a crawler that goes through all images
  --duration 1d        from the first request to the last, about
  --diurnal 0.6        how far a day goes above and below its mean; its peak is at 18:00 UTC
  --shift 0.05         share of the images that new ones take the place of in a day
  --lifetime 1d        in the middle of what the origin says that images are good for; 0s: it says nothing
  --origin-time 60ms   in the middle of the times that the origin takes
  --start TIME         of the first request (default 2026-01-05)
  --route all          the route that they are of
  --seed 1             the same seed and options make the same record

Exit codes: 0 written, 1 it cannot be written, 2 unusable arguments.
`;

const OPTIONS = {
  to: { type: 'string' },
  requests: { type: 'string' },
  keys: { type: 'string' },
  zipf: { type: 'string' },
  'median-size': { type: 'string' },
  'size-spread': { type: 'string' },
  'one-hit': { type: 'string' },
  scan: { type: 'string' },
  duration: { type: 'string' },
  diurnal: { type: 'string' },
  shift: { type: 'string' },
  lifetime: { type: 'string' },
  'origin-time': { type: 'string' },
  start: { type: 'string' },
  route: { type: 'string' },
  seed: { type: 'string' },
} as const;

type Texts = Readonly<Partial<Record<keyof typeof OPTIONS, string | undefined>>>;

/** `holdfast traffic synth`. */
export function trafficSynth(args: readonly string[], io: TrafficIo): Promise<number> {
  const command = { name: 'synth', help: HELP, options: OPTIONS } as const;
  return trafficCommand(command, args, io, ({ values, positionals }) => {
    if (positionals.length > 0)
      throw new UsageError(`what is "${positionals[0]}"? Name where it goes with --to`);
    if (values.to === undefined) throw new UsageError('say where it goes: --to FILE.hft');
    io.out(`${writeRecord(resolve(io.cwd, values.to), synthesise(optionsOf(values)))}\n`);
    return Promise.resolve(EXIT.ok);
  });
}

function optionsOf(values: Texts): SynthOptions {
  const defaults = SYNTH_DEFAULTS;
  const number = (name: keyof Texts, otherwise: number, min: number, max: number, whole = false): number =>
    numberGiven(name, values[name], { min, max, whole }) ?? otherwise;
  const oneHit = number('one-hit', defaults.oneHit, 0, 1);
  const scan = number('scan', defaults.scan, 0, 1);
  if (oneHit + scan > 1)
    throw new UsageError('--one-hit and --scan are shares of one whole: together at most 1');
  const lifetimeMs = durationGiven('lifetime', values.lifetime);
  const durationMs = durationGiven('duration', values.duration) ?? defaults.durationMs;
  if (durationMs < 1000) throw new UsageError('--duration is at least 1s');
  return {
    requests: number('requests', defaults.requests, 1, 1e9, true),
    keys: number('keys', defaults.keys, 1, 1e9, true),
    zipf: number('zipf', defaults.zipf, 0, 5),
    medianBytes: sizeGiven('median-size', values['median-size']) ?? defaults.medianBytes,
    sizeSpread: number('size-spread', defaults.sizeSpread, 0, 4),
    oneHit,
    scan,
    durationMs,
    diurnal: number('diurnal', defaults.diurnal, 0, 1),
    shift: number('shift', defaults.shift, 0, 1),
    lifetimeS: lifetimeMs === 0 ? undefined : Math.ceil((lifetimeMs ?? defaults.lifetimeS! * 1000) / 1000),
    originMs: durationGiven('origin-time', values['origin-time']) ?? defaults.originMs,
    startMs: momentGiven('start', values.start) ?? defaults.startMs,
    route: routeGiven(values.route) ?? defaults.route,
    seed: number('seed', defaults.seed, 0, 0xffff_ffff, true),
  };
}

function sizeGiven(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseSize(text);
  if (!parsed.ok) throw new UsageError(`--${name} ${text}: ${parsed.reason}; ${parsed.remedy}`);
  return parsed.value;
}

function routeGiven(text: string | undefined): string | undefined {
  if (text !== undefined && !/^[\w.-]{1,64}$/.test(text))
    throw new UsageError(`--route ${text} is no name of a route`);
  return text;
}
