import { formatCount } from '../base/units.ts';
import type { PurgeReport } from '../server/admin-purge.ts';
import { ADMIN_HELP, type AdminIo, adminCommand, UsageError } from './admin-command.ts';
import { EXIT } from './io.ts';

const HELP = `holdfast purge: forget images, at once

  holdfast purge <url>...                 these, with all their variants
  holdfast purge --prefix URL             everything whose address starts like this; /path for every host
  holdfast purge --tag TAG                everything that the origin gave this Surrogate-Key or Cache-Tag
  holdfast purge --route NAME             everything of a route
  holdfast purge --all --yes              everything

  --soft           leave it as stale: validated before its next use, served when the origin fails
  --no-wait        do not wait until everything has been looked at; it is effective all the same
${ADMIN_HELP}
Whoever asks from then on gets nothing that is older. Exit codes: 0 purged, also when nothing matched; 1 refused; 2 unusable.
`;

const OPTIONS = {
  prefix: { type: 'string' },
  tag: { type: 'string' },
  route: { type: 'string' },
  all: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  soft: { type: 'boolean', default: false },
  'no-wait': { type: 'boolean', default: false },
} as const;

/** A sweep of a very large cache takes some seconds. */
const WAIT_MS = 120_000;

/** `holdfast purge`. */
export function purge(args: readonly string[], io: AdminIo): Promise<number> {
  return adminCommand({ name: 'purge', help: HELP, options: OPTIONS }, args, io, async (given) => {
    const { values, positionals, client } = given;
    const targets = targetsOf(values, positionals);
    const { soft, 'no-wait': noWait } = values;
    for (const target of targets) {
      const body = { ...target, soft, wait: !noWait };
      const report = (await client.change('POST', '/api/purge', body, { timeoutMs: WAIT_MS })) as PurgeReport;
      io.out(values.json ? `${JSON.stringify(report)}\n` : `${sentence(target, report, soft)}\n`);
    }
    return EXIT.ok;
  });
}

type Target = Readonly<Record<string, string | true>>;

function targetsOf(
  values: { prefix?: string; tag?: string; route?: string; all: boolean; yes: boolean; soft: boolean },
  urls: readonly string[],
): Target[] {
  const { prefix, tag, route, all } = values;
  const named: Target[] = [
    ...(prefix === undefined ? [] : [{ prefix }]),
    ...(tag === undefined ? [] : [{ tag }]),
    ...(route === undefined ? [] : [{ route }]),
    ...(all ? [{ all: true as const }] : []),
    ...urls.map((url) => ({ url })),
  ];
  if (named.length === 0)
    throw new UsageError('say what to purge: addresses, --prefix, --tag, --route or --all');
  if (named.length > 1 && urls.length !== named.length)
    throw new UsageError('one of addresses, --prefix, --tag, --route and --all at a time');
  if (all && !values.yes && !values.soft)
    throw new UsageError(
      '--all empties the cache, and the origin is asked for every image again: say --yes, or --soft to keep what there is for its failures',
    );
  return named;
}

function sentence(target: Target, { id, removed, swept, disk }: PurgeReport, soft: boolean): string {
  const [[kind, value] = ['', '']] = Object.entries(target);
  const what = value === true ? 'everything' : kind === 'url' ? value : `${kind} ${value}`;
  const count = `${formatCount(removed)} ${removed === 1 ? 'response' : 'responses'}`;
  if (!swept) return `${what}: purged (purge ${id}); ${count} so far, the rest is being swept`;
  if (removed === 0 && !disk) return `${what}: nothing that is stored matches`;
  const below = disk ? ' in memory; on disk it is in force for all that is older' : '';
  return soft ? `${what}: ${count} stale now${below}` : `${what}: ${count} purged${below}`;
}
