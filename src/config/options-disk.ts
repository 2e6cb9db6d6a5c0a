import { flag, group, integer, lifetime, size, text } from './table.ts';
import { readFilePath } from './values.ts';

/** The option table: the disk tier. Without the group there is none. */
export const DISK = group(
  'The disk tier: keeps what is stored across restarts, and what memory has no room for. Each node needs a directory of its own.',
  {
    path: text(
      {
        about:
          'The directory, made when it is not there. On a real disk: one in memory (tmpfs) is refused. Relative to the directory of the configuration file.',
        effect: 'restart',
        expects: 'the path of a directory',
      },
      readFilePath,
    ),
    size: size({
      about:
        'Most bytes that all its files take. Each response on disk also costs about 100 bytes of memory, and up to 64MiB wait in memory to be written, beside cache.memory.size. A smaller size drains the oldest images, one segment a second.',
      effect: 'live',
      min: '8MiB',
      max: '16TiB',
    }),
    variantsShare: integer({
      about:
        'Percentage of what is on disk that is for variants; originals that are still usable are kept within the rest, however many variants come. Each takes what the other leaves. The price is wear, for originals are kept by writing them again: while variants flood the disk, twice as much is written as they bring at 50, four times as much at 25.',
      effect: 'live',
      min: 25,
      max: 90,
    }).prefault(50),
    minFree: size({
      about:
        'What is left free on that file system for others. Below it, the oldest images leave, one segment a second, and nothing is written until there is enough again.',
      effect: 'restart',
      min: '0B',
      max: '16TiB',
    }).prefault('1GiB'),
    minFreeInodes: integer({
      about: 'The same in files. The tier itself needs few: one for each segment.',
      effect: 'restart',
      min: 0,
      max: 1_000_000_000,
    }).prefault(10_000),
    maxObject: size({
      about:
        'Largest response that is written; it has to fit a segment, which is an eighth of the size and at most 64MiB (more from 64GiB on).',
      effect: 'restart',
      min: '1KiB',
      max: '1GiB',
      defaultNote: 'what fits a segment, at most 64MiB',
    }).optional(),
    minResidency: lifetime({
      about:
        'Nothing younger leaves for want of room: the newcomer is refused instead, and counted. Keeps a crawler from washing out what was just written.',
      effect: 'restart',
      min: '0s',
      max: '365d',
    }).prefault('0s'),
    requireMount: flag({
      about:
        'The directory must be a file system of its own. Then a node whose disk is not mounted refuses to start instead of filling the disk of the system.',
      effect: 'restart',
    }).prefault(false),
  },
);
