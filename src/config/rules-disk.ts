import { sizeText } from '../base/units.ts';
import { diskObjectBytesMax, isWithin, wouldServe } from './disk.ts';
import type { Finding } from './issues.ts';
import type { Path } from './problem.ts';
import type { Checked } from './rules.ts';

const PATH: Path = ['cache', 'disk', 'path'];
const TRAFFIC: Path = ['traffic', 'path'];
const SIZE: Path = ['cache', 'disk', 'size'];
const MAX_OBJECT: Path = ['cache', 'disk', 'maxObject'];

/** What the disk tier must not be together with. */
export function checkDisk({ config, said }: Checked): Finding[] {
  const { disk } = config.cache;
  if (disk === undefined) return [];
  const findings: Finding[] = [];
  for (const [name, origin] of Object.entries(config.origins)) {
    if (origin.type !== 'files' || !isWithin(disk.path, origin.root)) continue;
    findings.push({
      severity: 'error',
      path: PATH,
      related: [['origins', name, 'root']],
      at: 'value',
      reason: `this lies in the root of the origin "${name}": its files would be served as images`,
      remedy: 'choose a directory outside of it',
    });
  }
  const fitBytes = diskObjectBytesMax(disk.sizeBytes);
  if (disk.maxObjectBytes !== undefined && disk.maxObjectBytes > fitBytes) {
    findings.push({
      severity: 'error',
      path: MAX_OBJECT,
      related: [SIZE],
      at: 'value',
      reason: `with a size of ${sizeText(disk.sizeBytes)}, a response has to fit ${sizeText(fitBytes)}`,
      remedy: `use at most ${sizeText(fitBytes)}, or a larger size`,
    });
  }
  if (disk.sizeBytes < config.cache.memory.sizeBytes && said(SIZE)) {
    findings.push({
      severity: 'warning',
      path: SIZE,
      related: [['cache', 'memory', 'size']],
      at: 'value',
      reason: `everything that is stored is written to disk, and memory alone holds more (${sizeText(config.cache.memory.sizeBytes)}): a restart would lose the rest`,
      remedy: 'make the disk tier larger than the memory tier',
    });
  }
  return findings;
}

/** The traffic record, and the key that it is hashed with, are nobody's images. */
export function checkTraffic({ config }: Checked): Finding[] {
  const { record, path } = config.traffic;
  if (!record || path === undefined) return [];
  return Object.entries(config.origins).flatMap(([name, origin]): Finding[] => {
    if (origin.type !== 'files' || !wouldServe(origin.root, path)) return [];
    return [
      {
        severity: 'error',
        path: TRAFFIC,
        related: [['origins', name, 'root']],
        at: 'value',
        reason: `this lies in the root of the origin "${name}": whoever asks would get the record and its key`,
        remedy: 'choose a directory outside of it, or a hidden one, whose name begins with a dot',
      },
    ];
  });
}
