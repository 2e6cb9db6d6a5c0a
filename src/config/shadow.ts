import { type Finding, finding } from './issues.ts';
import type { Path } from './problem.ts';
import type { Checked } from './rules.ts';

/** Rules about which requests a route gets: unreachable routes and prefixes that do not fit. */

/** Whether every host that `inner` stands for is one of those of `outer`. Both as in `match.hosts`. */
export function coversHost(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  return (
    outer.startsWith('*.') &&
    inner !== '*' &&
    inner.endsWith(outer.slice(1)) &&
    inner.length > outer.length - 1
  );
}

/** Whether every path that `inner` stands for is one of those of `outer`. Both as in `match.paths`. */
export function coversPath(outer: string, inner: string): boolean {
  if (!outer.endsWith('*')) return outer === inner;
  const prefix = outer.slice(0, -1);
  return (inner.endsWith('*') ? inner.slice(0, -1) : inner).startsWith(prefix);
}

type Match = Checked['config']['routes'][number]['match'];

/** Routes that can never be chosen are errors, patterns of theirs that cannot are warnings. */
export function checkMatching({ config, routeAt }: Checked): Finding[] {
  const findings: Finding[] = [];
  for (const [index, route] of config.routes.entries()) {
    const path: Path = ['routes', routeAt[index]!];
    const earlier = config.routes.slice(0, index);
    findings.push(...checkReachable(path, route.match, earlier, routeAt), ...checkStripPrefix(path, route));
  }
  return findings;
}

function checkReachable(
  path: Path,
  match: Match,
  earlier: Checked['config']['routes'],
  routeAt: readonly number[],
): Finding[] {
  const takenBy = (host: string, pattern: string): number =>
    earlier.findIndex(
      (route) =>
        route.match.hosts.some((outer) => coversHost(outer, host)) &&
        route.match.paths.some((outer) => coversPath(outer, pattern)),
    );
  const taken = match.paths.map((pattern) => match.hosts.map((host) => takenBy(host, pattern)));
  const at = [...path, 'match'];
  const takers = new Set(taken.flat().filter((index) => index >= 0));
  const related = [...takers].map((index): Path => ['routes', routeAt[index]!, 'match']);
  if (taken.every((row) => row.every((index) => index >= 0))) {
    const first = taken[0]![0]!;
    const reason = `no request ever gets here: routes[${routeAt[first]!}] ("${earlier[first]!.name}") is tried first and takes them all`;
    const remedy = 'put the more specific route first, or remove this one';
    return [finding('error', at, related, reason, remedy)];
  }
  return taken.flatMap((row, index): Finding[] => {
    if (row.some((by) => by < 0)) return [];
    const reason = `this path never gets here: routes[${routeAt[row[0]!]!}] ("${earlier[row[0]!]!.name}") is tried first and takes it`;
    const remedy = 'put the more specific route first, or remove the path';
    return [finding('warning', [...at, 'paths', index], related, reason, remedy)];
  });
}

/** What is left after the prefix must be a path again: empty, or starting with a slash. */
function checkStripPrefix(path: Path, route: Checked['config']['routes'][number]): Finding[] {
  const { stripPrefix } = route;
  if (stripPrefix === undefined) return [];
  const misfit = route.match.paths.find((pattern) => {
    const rest = pattern.startsWith(stripPrefix) ? pattern.slice(stripPrefix.length) : undefined;
    return rest === undefined || (rest !== '' && !rest.startsWith('/'));
  });
  if (misfit === undefined) return [];
  const reason = `requests for ${misfit} do not all start with ${stripPrefix}/`;
  const remedy = `match ${stripPrefix}/*, or strip what all of the paths have in common`;
  const related = [[...path, 'match']];
  return [finding('error', [...path, 'stripPrefix'], related, reason, remedy)];
}
