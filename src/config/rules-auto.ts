import { type Finding, finding } from './issues.ts';
import type { Checked } from './rules.ts';

/** `auto` compares the policies on recorded requests, so there have to be some. */
export function checkAuto({ config }: Checked): Finding[] {
  if (config.cache.memory.policy !== 'auto' || config.traffic.record) return [];
  const reason = 'auto compares the policies on recorded requests, and traffic.record is false';
  const remedy = 'set traffic.record to true, or name a policy';
  return [finding('error', ['cache', 'memory', 'policy'], [['traffic', 'record']], reason, remedy)];
}
