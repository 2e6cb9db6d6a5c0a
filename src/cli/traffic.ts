import { EXIT } from './io.ts';
import type { TrafficIo } from './traffic/command.ts';

/** The commands: one file each, loaded when asked for. */
const COMMANDS: Readonly<
  Record<
    string,
    {
      readonly about: string;
      readonly load: () => Promise<(args: readonly string[], io: TrafficIo) => Promise<number>>;
    }
  >
> = {
  info: {
    about: 'what a record says: time, rate, keys, sizes, hits, busiest hour',
    load: async () => (await import('./traffic/info.ts')).trafficInfo,
  },
  import: {
    about: 'make a record of logs: nginx, Apache, Varnish, CDNs, S3, CSV',
    load: async () => (await import('./traffic/import.ts')).trafficImport,
  },
  export: {
    about: 'write a record as CSV, as oracleGeneral, or as one file',
    load: async () => (await import('./traffic/export.ts')).trafficExport,
  },
  slice: {
    about: 'take a part of a record: a time, a route, a sample, its busiest hour',
    load: async () => (await import('./traffic/slice.ts')).trafficSlice,
  },
  merge: {
    about: 'join records, of several nodes or times',
    load: async () => (await import('./traffic/merge.ts')).trafficMerge,
  },
  synth: {
    about: 'make a record up: popularity, sizes, days, scans',
    load: async () => (await import('./traffic/synth.ts')).trafficSynth,
  },
};

/**
 * `holdfast traffic ...`: records of traffic, as things to look at and to work with.
 *
 * @returns 0 done, 1 refused or failed, 2 unusable arguments or files.
 */
export async function traffic(args: readonly string[], io: TrafficIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    io.out(helpText());
    return EXIT.ok;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const why = name === undefined ? 'say what to do' : `there is no "traffic ${name}"`;
    io.err(`holdfast traffic: ${why}\n\n${helpText()}`);
    return EXIT.unusable;
  }
  const run = await command.load();
  return run(rest, io);
}

function helpText(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { about }]) => `  holdfast traffic ${name.padEnd(7)} ${about}`,
  );
  return `holdfast traffic: records of traffic\n\n${lines.join('\n')}\n\nEach of them explains itself with --help. docs/traffic.md has examples.\n`;
}
