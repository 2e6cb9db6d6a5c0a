import type { PurgeTarget } from '../serve/purge.ts';
import type { Purge } from '../store/memory/purges.ts';
import { type AdminCall, ok, problem, type Reply } from './admin-replies.ts';

/** What a purge has come to. */
export interface PurgeReport {
  readonly id: number;
  /** Responses taken out, or made stale, so far. */
  readonly removed: number;
  /** Everything that is older has been looked at: `removed` is final. */
  readonly swept: boolean;
  /** There is a disk tier: what matches there is never served again, and not counted, for its index has no keys. */
  readonly disk: boolean;
}

/** What `POST /api/purge` needs of the node. */
export interface PurgeOperations {
  /** Undefined when no route serves the target. */
  readonly purge: (target: PurgeTarget, soft: boolean) => Purge | undefined;
  /** Resolves when the sweep has come round. */
  readonly swept: (purge: Purge) => Promise<void>;
  readonly hasDisk: boolean;
}

const REMEDY =
  'Send JSON with one of {"url": "http://host/path?query"}, {"prefix": "http://host/folder/"}, {"route": "name"}, {"tag": "name"} or {"all": true}; and "soft": true, "wait": true if you like.';

/** `POST /api/purge`. */
export async function purge({ body }: AdminCall, { purge, swept, hasDisk }: PurgeOperations): Promise<Reply> {
  const asked = readPurge(body);
  if (typeof asked === 'string') return problem(400, 'bad-purge', `Nothing was purged: ${asked}.`, REMEDY);
  const { target, soft, wait } = asked;
  const purged = purge(target, soft);
  if (purged === undefined) {
    const what =
      'route' in target ? `route ${JSON.stringify(target.route)}` : `route for ${Object.values(target)[0]}`;
    return problem(404, 'unknown-route', `There is no ${what}.`, 'GET /api/status lists the routes by name.');
  }
  if (wait) await swept(purged);
  const report: PurgeReport = {
    id: purged.rule.id,
    removed: purged.removed,
    swept: purged.swept,
    disk: hasDisk,
  };
  return ok(report);
}

const TARGETS = ['url', 'prefix', 'route', 'tag', 'all'] as const;
/** As the fields have them: visible, without the signs that part them. */
const TAG = /^[\x21-\x2b\x2d-\x7e]{1,1024}$/;

function readPurge(body: unknown): { target: PurgeTarget; soft: boolean; wait: boolean } | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return 'the body is not a JSON object';
  const { soft = false, wait = false, ...rest } = body as Record<string, unknown>;
  if (typeof soft !== 'boolean' || typeof wait !== 'boolean') return 'soft and wait are true or false';
  const [stray] = Object.keys(rest).filter((key) => !TARGETS.some((target) => target === key));
  if (stray !== undefined) return `there is no ${JSON.stringify(stray.slice(0, 40))}`;
  const named = Object.keys(rest);
  if (named.length !== 1)
    return named.length === 0 ? 'the body does not say what' : 'the body names more than one thing';
  const target = readTarget(named[0] as (typeof TARGETS)[number], rest[named[0]!]);
  return typeof target === 'string' ? target : { target, soft, wait };
}

function readTarget(kind: (typeof TARGETS)[number], value: unknown): PurgeTarget | string {
  if (kind === 'all') return value === true ? { all: true } : 'all is true, or left out';
  if (typeof value !== 'string') return `the ${kind} is not a text`;
  switch (kind) {
    case 'url':
      return URL.canParse(value) ? { url: value } : 'the url is not one: it starts with http:// or https://';
    case 'prefix':
      return value.startsWith('/') || URL.canParse(value)
        ? { prefix: value }
        : 'the prefix is not one: it starts with http://, https:// or /';
    case 'tag':
      return TAG.test(value) ? { tag: value } : 'the tag has blanks, commas or signs that no field carries';
    case 'route':
      return { route: value };
  }
}
