import { durationText } from '../base/units.ts';
import type { HttpOriginConfig, ParsedConfig } from './config.ts';
import { type Finding, finding } from './issues.ts';
import type { Path } from './problem.ts';
import { suggest } from './suggest.ts';

/** Rules between the options that protect an origin, and those of the routes that lead to it. */

type Guarded = Pick<HttpOriginConfig, 'breaker' | 'health' | 'queue'>;

/** What an origin's own protection must not be. */
export function checkGuard(path: Path, { breaker, health }: Guarded): Finding[] {
  const findings: Finding[] = [];
  if (breaker.maxOpenForMs < breaker.openForMs) {
    const at = [...path, 'breaker', 'maxOpenFor'];
    const reason = `maxOpenFor (${durationText(breaker.maxOpenForMs)}) is below openFor (${durationText(breaker.openForMs)})`;
    findings.push(
      finding('error', at, [[...path, 'breaker', 'openFor']], reason, 'raise it to openFor at least'),
    );
  }
  if (health !== undefined && health.timeoutMs > health.intervalMs) {
    const at = [...path, 'health', 'timeout'];
    const reason = `timeout (${durationText(health.timeoutMs)}) is above interval (${durationText(health.intervalMs)}): the next check would come before the end of this one`;
    findings.push(
      finding('error', at, [[...path, 'health', 'interval']], reason, 'lower it, or raise interval'),
    );
  }
  return findings;
}

/** What a route asks of its origins, and in what time. @param originNames every origin of the file. */
export function checkFailover(
  path: Path,
  route: ParsedConfig['routes'][number],
  config: ParsedConfig,
  originNames: readonly string[],
): Finding[] {
  const { failover = [], hedgeAfterMs, deadlineMs } = route;
  const findings = failover.flatMap((name, index): Finding[] => {
    const at = [...path, 'failover', index];
    if (name === route.origin) {
      const reason = `"${name}" is the origin of this route: it would fall back on itself`;
      return [finding('error', at, [[...path, 'origin']], reason, 'name another origin, or remove it')];
    }
    if (failover.indexOf(name) !== index)
      return [finding('error', at, [], `"${name}" is listed twice`, 'keep one of them')];
    if (originNames.includes(name)) return [];
    const near = suggest(name, originNames);
    const remedy = near === undefined ? `defined are: ${originNames.join(', ')}` : `did you mean "${near}"?`;
    return [finding('error', at, [], `there is no origin "${name}"`, remedy)];
  });
  const hedge = [...path, 'hedgeAfter'];
  if (hedgeAfterMs !== undefined && failover.length === 0) {
    const reason = 'hedgeAfter has no effect: there is no other origin to ask';
    findings.push(
      finding('warning', hedge, [[...path, 'failover']], reason, 'name one in failover, or remove it'),
    );
  } else if (hedgeAfterMs !== undefined && hedgeAfterMs >= deadlineMs) {
    const reason = `hedgeAfter (${durationText(hedgeAfterMs)}) has no effect: the deadline (${durationText(deadlineMs)}) ends the wait before`;
    findings.push(
      finding('warning', hedge, [[...path, 'deadline']], reason, 'lower hedgeAfter, or raise deadline'),
    );
  }
  const origin = config.origins[route.origin];
  if (origin?.type === 'http' && deadlineMs < origin.timeouts.firstByteMs) {
    const at = [...path, 'deadline'];
    const firstByte: Path = ['origins', route.origin, 'timeouts', 'firstByte'];
    const reason = `the deadline (${durationText(deadlineMs)}) always ends the wait before firstByte of the origin (${durationText(origin.timeouts.firstByteMs)}) can: its log would never say that it was slow`;
    findings.push(finding('warning', at, [firstByte], reason, 'lower firstByte below it, or raise deadline'));
  }
  return findings;
}
