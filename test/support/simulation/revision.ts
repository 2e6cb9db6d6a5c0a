import { spawnSync } from 'node:child_process';

/** The commit that is checked out, for messages; changes that are not committed are not in it. */
export function revision(): string {
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return stdout?.trim() || 'unknown';
}
