import { flag, group, lifetime, size, text } from './table.ts';
import { readFilePath } from './values.ts';

/** The option table: what the node remembers of its own traffic. */
export const TRAFFIC = group(
  'The traffic record: what was asked for, so that another configuration can be tried on it before it is run. Keys are hashed.',
  {
    record: flag({
      about:
        'Records a row of 24 bytes for each request, a third of that on disk. All requests while they fit; else those of a part of the keys, chosen by their hashes. It costs a hit some 0.1 us of processor time; false costs nothing.',
      effect: 'restart',
    }).prefault(true),
    path: text(
      {
        about:
          'The directory, made when it is not there; relative to the directory of the configuration file. Where it cannot be made, at most 64MiB are kept in memory, and the start-up summary says so.',
        effect: 'restart',
        expects: 'the path of a directory',
        defaultNote: 'holdfast-traffic; .holdfast-traffic where a files origin would serve that',
      },
      readFilePath,
    ).optional(),
    size: size({
      about:
        'Most bytes that the record takes; the oldest part leaves first. 10 million requests take some 100MiB.',
      effect: 'restart',
      min: '1MiB',
      max: '1TiB',
    }).prefault('1GiB'),
    keep: lifetime({
      about:
        'How far the record reaches back. Where that takes more than size, a smaller part of the keys is recorded: half of them, a quarter, and so on.',
      effect: 'restart',
      min: '1h',
      max: '365d',
    }).prefault('7d'),
    paths: flag({
      about:
        'Also records which path each hash stands for. Paths can be personal data: leave it off unless you need to know which images the numbers are about.',
      effect: 'restart',
    }).prefault(false),
  },
);
