import { parseArgs } from 'node:util';
import { type Clock, epochS } from '../base/clock.ts';
import { parseDuration } from '../base/units.ts';
import type { RouteConfig, ValidConfig } from '../config/config.ts';
import { coversHost, coversPath } from '../config/shadow.ts';
import { Fields } from '../http/fields.ts';
import { hostName, normalisePath, type Target } from '../http/target.ts';
import { createReader } from '../image/reader.ts';
import type { ImageRules } from '../image/rules.ts';
import { sign as signTarget } from '../image/signature.ts';
import { argumentMistake } from './arguments.ts';
import { validFile } from './config-file.ts';
import { type CliIo, EXIT } from './io.ts';

const HELP = `holdfast sign: sign the address of an image

  holdfast sign <url> -c holdfast.yaml [--expires 7d]

  -c, --config FILE    the configuration, with routes[].images.signing
  --expires TIME       for how long the address is valid (30m, 12h, 7d); without it, as long as the key is

The address is as it will be sent, with its host or from its path on, and is signed with the first key of its route. Of the grammar
imgproxy write "unsafe" where the signature goes: /unsafe/rs:fit:400/plain/photo.jpg. Asks no node, and needs the environment that the
file takes its keys from. Exit codes: 0 signed, 1 the route has no keys or refuses the address, 2 unusable arguments or configuration.
`;

/** `holdfast sign`: prints one signed address. */
export async function sign(args: readonly string[], io: CliIo & { readonly clock: Clock }): Promise<number> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments(args);
  } catch (error) {
    return unusable(io, argumentMistake(error));
  }
  const { help, config: file, expires } = options.values;
  if (help === true) {
    io.out(HELP);
    return EXIT.ok;
  }
  const [url, ...more] = options.positionals;
  if (url === undefined || more.length > 0) return unusable(io, 'name one address');
  if (file === undefined) return unusable(io, 'say which configuration has the keys (-c FILE)');
  const address = readAddress(url);
  if (address === undefined) return unusable(io, 'this is neither an http address nor a path');
  const lifetime = expires === undefined ? undefined : parseDuration(expires);
  if (lifetime?.ok === false) return unusable(io, `--expires: ${lifetime.reason}; ${lifetime.remedy}`);
  const config = await validFile(file, io);
  if (config === undefined) return EXIT.unusable;
  const now = epochS(io.clock);
  const untilS = lifetime === undefined ? undefined : now + Math.floor(lifetime.value / 1000);
  const result = signed(address, config, untilS, now);
  if ('why' in result) {
    io.err(`holdfast sign: ${result.why}\n`);
    return EXIT.refused;
  }
  io.out(`${address.start}${result.text}\n`);
  return EXIT.ok;
}

function readArguments(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      expires: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function unusable(io: CliIo, why: string): number {
  io.err(`holdfast sign: ${why}\nRun "holdfast sign --help" for what it takes.\n`);
  return EXIT.unusable;
}

interface Address {
  /** Scheme and authority, or nothing. */
  readonly start: string;
  /** As routes match it; undefined where the address begins with its path. */
  readonly host: string | undefined;
  readonly target: Target;
}

/** Not by URL, which would change what is to be signed. */
function readAddress(url: string): Address | undefined {
  const match = /^(https?:\/\/([^/?#\s]+))?(\/[^#]*)$/i.exec(url);
  if (match === null) return undefined;
  const [, start = '', authority, text] = match;
  // As browsers send it.
  const target = normalisePath(text!.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent));
  return target && { start, host: authority === undefined ? undefined : hostName(authority), target };
}

type Signed = { readonly text: string } | { readonly why: string };

function signed(
  { host, target }: Address,
  config: ValidConfig,
  untilS: number | undefined,
  now: number,
): Signed {
  const route = routeOf(config, host, target.path);
  if (route === undefined) return { why: 'no route of the file serves that address' };
  const name = `the route "${route.name}"`;
  if (route.images === undefined) return { why: `${name} has no images, and nothing to sign` };
  const { rules } = route.images;
  if (rules.signing === undefined)
    return {
      why: `${name} has no keys; add images.signing.keys to it, such as the output of: openssl rand -hex 32`,
    };
  const prefix = route.stripPrefix ?? '';
  const bare = withoutSignature(target, rules, prefix);
  if (bare === undefined) {
    const form = `${prefix}/unsafe/options/plain/photo.jpg`;
    return {
      why:
        rules.grammar === 'imgproxy'
          ? `the address is not like ${form}`
          : 'the address has a parameter s: it is signed already',
    };
  }
  const text = signTarget(rules, bare, untilS, prefix)!;
  const reading = createReader(rules, prefix).read(normalisePath(text)!, new Fields(), now);
  return reading.kind === 'refused' ? { why: `${name} would refuse it: ${reading.why}` } : { text };
}

/** The first that matches; of an address without a host, the first with keys of those that its path could lead to. */
function routeOf({ routes }: ValidConfig, host: string | undefined, path: string): RouteConfig | undefined {
  const possible = routes.filter(
    ({ match }) =>
      (host === undefined || match.hosts.some((outer) => coversHost(outer, host))) &&
      match.paths.some((outer) => coversPath(outer, path)),
  );
  const signs = ({ images }: RouteConfig): boolean => images?.rules.signing !== undefined;
  return (host === undefined ? possible.find(signs) : undefined) ?? possible[0];
}

/** What is signed; undefined for an address that has a signature, or no place for one. */
function withoutSignature(target: Target, { grammar }: ImageRules, prefix: string): Target | undefined {
  if (grammar !== 'imgproxy') return /(?:^|&)s=/i.test(target.query) ? undefined : target;
  const rest = target.path.startsWith(prefix) ? target.path.slice(prefix.length) : '';
  const match = /^\/(?:unsafe|insecure|_)(\/.+)$/.exec(rest);
  return match === null ? undefined : { path: match[1]!, query: '' };
}
