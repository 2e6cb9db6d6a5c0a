import { formatDuration, formatSize } from '../base/units.ts';
import type { FreshnessSource } from '../http/freshness.ts';
import type { Explanation, StoredExplanation } from '../serve/explain.ts';
import type { VariantExplanation } from '../serve/variants/explained.ts';
import { ADMIN_HELP, type AdminIo, adminCommand, UsageError } from './admin-command.ts';
import { EXIT } from './io.ts';

const HELP = `holdfast explain: why an image is served, stale or missing

  holdfast explain <url> [-H 'Name: value']... [--method HEAD]

  -H, --header     a field of the request that is asked about, as often as you like
  --method GET     its method
${ADMIN_HELP}
Asks a running node, and changes nothing on it: no fetch, no use that would count.
`;

const OPTIONS = {
  header: { type: 'string', short: 'H', multiple: true },
  method: { type: 'string' },
} as const;

/** `holdfast explain`. */
export function explain(args: readonly string[], io: AdminIo): Promise<number> {
  const command = { name: 'explain', help: HELP, options: OPTIONS } as const;
  return adminCommand(command, args, io, async ({ values, positionals, client }) => {
    const [url, ...more] = positionals;
    if (url === undefined || more.length > 0) throw new UsageError('name one address');
    const { header = [], method = 'GET' } = values;
    const query = new URLSearchParams({ url, method });
    for (const line of header) query.append('header', line);
    const explanation = (await client.get(`/api/explain?${query}`)) as Explanation;
    io.out(values.json ? `${JSON.stringify(explanation)}\n` : `${explained(explanation).join('\n')}\n`);
    return EXIT.ok;
  });
}

const SOURCES: Readonly<Record<FreshnessSource, string>> = {
  's-maxage': 's-maxage of the response',
  'max-age': 'max-age of the response',
  expires: 'Expires of the response',
  heuristic: 'heuristic: a share of its age since Last-Modified',
  'route-default': 'ttl.default of the route',
  fallback: 'nothing said: 1 h',
  'route-minimum': 'ttl.min of the route',
  'route-override': 'ttl.override of the route',
  negative: 'ttl.negative of the route',
  none: 'nothing gives it one',
};

function explained(it: Explanation): string[] {
  const lines = [
    `${it.method} ${it.host}${it.path}${it.query === '' ? '' : `?${it.query}`}`,
    `=> ${it.verdict}`,
    '',
  ];
  for (const { name, why } of it.routes)
    lines.push(
      row('route', why === 'matched' ? `${name}: matches` : `${name}: no, the ${why} does not match`),
    );
  const { key, stored, origin, nowS } = it;
  if (key !== undefined) {
    lines.push(row('query', `${key.queryRule}: ${key.resource}`));
    lines.push(row('host', key.hostCounts ? 'part of the key' : 'not part of the key'));
    lines.push(row('key', key.key));
    if (key.varyBy.length > 0) lines.push(row('varies by', key.varyBy.join(', ')));
  }
  if (it.variant !== undefined) lines.push(...variantLines(it.variant));
  if (stored !== undefined) lines.push(...storedLines(stored, nowS));
  else if (key !== undefined) lines.push(row('stored', 'nothing in memory'));
  if (it.onDisk !== undefined) {
    const { status, bodyBytes, storedS, freshUntilS } = it.onDisk;
    const what = `status ${status}, ${formatSize(bodyBytes)}, since ${time(storedS)}`;
    lines.push(row('on disk', `${what}; fresh until ${time(freshUntilS)}: ${left(freshUntilS, nowS)}`));
  }
  for (const { what, atS, detail } of it.history ?? [])
    lines.push(row('before', `${time(atS)} ${what} (${detail})`));
  if (origin !== undefined) {
    const state = [
      `${origin.exchanges} exchanges, ${origin.connections} connections`,
      ...(origin.fetching ? ['fetching this one now'] : []),
      ...(origin.inTrouble ? ['failed at this one a moment ago'] : []),
    ];
    lines.push(row('origin', `${origin.name} ${origin.target} (${state.join('; ')})`));
  }
  return lines;
}

function variantLines({ spec, vary, original, originalIn, siblings, failure }: VariantExplanation): string[] {
  const here =
    originalIn === 'nowhere'
      ? 'not here: it is fetched first'
      : `in ${originalIn === 'disk' ? 'the disk tier' : 'memory'}`;
  const lines = [row('variant', spec), row('original', `${original} (${here})`)];
  const { count, bytes } = siblings;
  lines.push(row('siblings', `${count} variants of it stored by this run, ${formatSize(bytes)}`));
  if (vary.length > 0) lines.push(row('chosen by', vary.join(', ')));
  if (failure !== undefined) lines.push(row('failed', `${failure.code} a moment ago: ${failure.detail}`));
  return lines;
}

/** The arithmetic, written out. */
function storedLines(it: StoredExplanation, nowS: number): string[] {
  const lines = [
    row('stored', `${it.tier}: status ${it.status}, ${formatSize(it.bodyBytes)}, since ${time(it.storedS)}`),
    row('now', time(nowS)),
    row('born', `${time(it.bornS)}: now - born = age ${it.ageS} s`),
    row('lifetime', `${it.lifetimeS} s: ${SOURCES[it.source]}`),
    row('fresh', `born + lifetime = until ${time(it.freshUntilS)}: ${left(it.freshUntilS, nowS)}`),
  ];
  if (it.lifetimeByRulesS !== it.lifetimeS) {
    const why = 'a soft purge, an old 304, or other rules of the route since it was stored';
    lines.push(row('', `by the rules of now its lifetime would be ${it.lifetimeByRulesS} s: ${why}`));
  }
  const stale = (name: string, untilS: number): string =>
    untilS <= it.freshUntilS
      ? row(name, 'no window')
      : row(name, `until ${time(untilS)}: ${left(untilS, nowS)}`);
  lines.push(stale('renewing', it.revalidateUntilS), stale('on error', it.errorUntilS));
  if (it.alwaysValidate) lines.push(row('no-cache', 'validated before each use, however fresh'));
  lines.push(
    row('validator', it.hasValidator ? 'ETag or Last-Modified' : 'none: it can only be fetched anew'),
  );
  if (it.purge !== undefined) lines.push(row('purge', it.purge));
  return lines;
}

function left(untilS: number, nowS: number): string {
  const seconds = untilS - nowS;
  if (seconds === 0) return 'over just now';
  return seconds > 0
    ? `${formatDuration(seconds * 1000)} left`
    : `over for ${formatDuration(-seconds * 1000)}`;
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000', '');
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(10)} ${text}`;
}
