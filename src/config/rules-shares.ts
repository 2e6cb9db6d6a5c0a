import { formatSize, sizeText } from '../base/units.ts';
import { largestObject } from './complete.ts';
import type { Finding } from './issues.ts';
import type { Path } from './problem.ts';
import type { Checked } from './rules.ts';

const SHARE: Path = ['cache', 'memory', 'variantsShare'];
const PINNED: Path = ['cache', 'memory', 'pinnedShare'];
const MAX_OBJECT: Path = ['cache', 'memory', 'maxObject'];
const SIZE: Path = ['cache', 'memory', 'size'];

/** What variants are guaranteed must be there, and leave enough to originals. */
export function checkShares({ config, said }: Checked): Finding[] {
  const { memory } = config.cache;
  const { variantsShare, pinnedShare, sizeBytes } = memory;
  if (variantsShare === undefined || !said(SHARE)) return [];
  const findings: Finding[] = [];
  const error = (related: Path[], reason: string, remedy: string): void => {
    findings.push({ severity: 'error', path: SHARE, related, at: 'value', reason, remedy });
  };
  if (config.routes.some((route) => route.pinned && route.cache) && variantsShare + pinnedShare > 100) {
    const reason = `together with pinnedShare (${pinnedShare}) this is more than all: pinned responses never leave for variants`;
    error([PINNED], reason, `use at most ${100 - pinnedShare}, or lower pinnedShare`);
  }
  const leftBytes = Math.floor(sizeBytes * (1 - variantsShare / 100));
  const largestBytes = largestObject(memory);
  if (largestBytes > leftBytes) {
    const reason = `originals are guaranteed ${formatSize(leftBytes)}, less than the largest response (${sizeText(largestBytes)})`;
    error([MAX_OBJECT, SIZE], reason, 'lower variantsShare or maxObject, or raise the size');
  }
  return findings;
}
