import type { Config } from './config.ts';
import { metaAt } from './describe.ts';
import { asOptions } from './images.ts';
import type { Path } from './problem.ts';
import type { Effect } from './table.ts';

/** One option that two configurations give different values. Values are not shown: some are secrets. */
export interface Change {
  /** `cache.memory.size`, `routes[photos].ttl.default`, `origins.shop` for one that came or went. */
  readonly path: string;
  readonly effect: Effect;
}

/** What differs between two configurations, option by option, in the order of the option table. */
export function changesBetween(before: Config, after: Config): Change[] {
  const found: Change[] = [];
  compare(byName(before), byName(after), [], '', found);
  const order = (config: Config): string => config.routes.map(({ name }) => name).join(' ');
  const same = new Set(before.routes.map(({ name }) => name));
  const moved = order(before) !== order(after) && after.routes.every(({ name }) => same.has(name));
  if (moved && before.routes.length === after.routes.length)
    found.push({ path: 'routes (order)', effect: 'live' });
  return found;
}

type Tree = Readonly<Record<string, unknown>>;

/** Routes by their names, so that one that is put before others does not change them all. */
function byName(config: Config): Tree {
  const { memory, disk } = config.cache;
  const tierBytes = Math.max(memory.maxObjectBytes, disk?.maxObjectBytes ?? 0);
  const routes = config.routes.map(({ maxObjectBytes, images, ...route }) => [
    route.name,
    // One that only follows the tiers' is not a change of its own.
    {
      ...route,
      images: asOptions(images),
      maxObjectBytes: maxObjectBytes === tierBytes ? undefined : maxObjectBytes,
    },
  ]);
  return { ...config, routes: Object.fromEntries(routes) };
}

function compare(before: Tree, after: Tree, path: Path, shown: string, found: Change[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const isRoute = path.length === 1 && path[0] === 'routes';
    const option = isRoute ? 0 : optionOf(path, key);
    const at = [...path, option];
    const label = isRoute ? `${shown}[${key}]` : shown === '' ? key : `${shown}.${option}`;
    const [left, right] = [before[key], after[key]];
    const meta = metaAt(at);
    const isGroup = meta === undefined || ['group', 'map'].includes(meta.kind) || label === 'routes';
    if (isGroup && isTree(left) && isTree(right)) compare(left, right, at, label, found);
    else if (JSON.stringify(left) !== JSON.stringify(right))
      found.push({ path: label, effect: meta?.effect ?? 'live' });
  }
}

/** The name in the file of a parsed name, which has its unit at its end. */
function optionOf(path: Path, key: string): string {
  if (metaAt([...path, key]) !== undefined) return key;
  const bare = key.replace(/(Bytes|Ms|S)$/, '');
  return metaAt([...path, bare]) === undefined ? key : bare;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
