/**
 * Image variants: Holdfast against ipx and the optimizer of Next.js, and against sharp called directly in a loop.
 *
 *   npm run bench:images -- [--rounds 5] [--requests 72] [--parallel 8] [--images DIR] [--settings equal|own]
 *                           [--only 1,2,3,4,5] [--targets sharp,Holdfast,ipx,Next.js]
 *
 * `--settings equal`: the peers are made to encode as Holdfast does; `own`: each encodes as it does by itself. `--images`: originals of
 * one's own (JPEG, and PNG with alpha) in place of painted ones. Installs the peers from npm below `.holdfast/` at first. Listens on
 * loopback only, ends what it started, and rewrites its section of bench/RESULTS.md when everything was measured. Exit codes: 0 every
 * floor met, 1 one missed or a measurement failed, 2 unusable arguments or machine.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureOperation, type OperationResult } from './images/measure.ts';
import { startPictures } from './images/node.ts';
import { ENCODERS, OPERATIONS, type Operation, type Picture, TARGET_NAMES } from './images/operations.ts';
import { installPeers } from './images/peers.ts';
import { findPictures, makePictures, PICTURES } from './images/pictures.ts';
import { report } from './images/report.ts';
import { CACHE_MIB, type Setting } from './images/targets.ts';
import { requirePrograms } from './support/debian.ts';
import { describeRun } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { positiveInteger, someOf } from './support/options.ts';
import { runBenchmark, Workbench } from './support/workbench.ts';

const NUMBERS = OPERATIONS.map((_, index) => String(index + 1));
/** Where the peers are installed once and kept: below the folder of the project's own state, which is not in version control. */
const PEERS = join(import.meta.dirname, '../.holdfast/bench-images/peers');

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      requests: { type: 'string', default: '72' },
      parallel: { type: 'string', default: '8' },
      images: { type: 'string' },
      settings: { type: 'string', default: 'equal' },
      only: { type: 'string', default: NUMBERS.join(',') },
      targets: { type: 'string', default: TARGET_NAMES.join(',') },
    },
  });
  const [settings] = someOf('settings', ['equal', 'own'] as const, values.settings);
  return {
    bounds: {
      rounds: positiveInteger('rounds', values.rounds),
      requests: positiveInteger('requests', values.requests),
      targets: someOf('targets', TARGET_NAMES, values.targets),
    },
    parallel: positiveInteger('parallel', values.parallel),
    images: values.images,
    isEqual: settings === 'equal',
    operations: someOf('only', NUMBERS, values.only).map((number) => OPERATIONS[Number(number) - 1]!),
    command: `npm run bench:images -- --rounds ${values.rounds} --requests ${values.requests} --parallel ${values.parallel} --settings ${values.settings}`,
  };
}
type Options = ReturnType<typeof readOptions>;

/** Everything about the run but the operations. */
async function prepare(bench: Workbench, options: Options): Promise<[Setting, readonly Picture[]]> {
  const folder = options.images === undefined ? PICTURES : resolve(options.images);
  const pictures = await (options.images === undefined ? makePictures(folder) : findPictures(folder));
  const peers = installPeers(PEERS);
  const servers = bench.cores.all.slice(0, -1);
  const rest = bench.cores.all.at(-1)!;
  // This process samples and counts: beside the client, and not on the cores that are measured.
  spawnSync('taskset', ['-a', '-c', '-p', String(rest), String(process.pid)], { stdio: 'ignore' });
  const setting: Setting = {
    bench,
    folder,
    peers,
    originPort: await startPictures(bench, folder, rest),
    encoders: ENCODERS,
    isEqual: options.isEqual,
    cores: servers.join(','),
    coreCount: servers.length,
    parallel: options.parallel,
  };
  return [setting, pictures];
}

function describe(options: Options, { peers, coreCount }: Setting, machine: string): string {
  const { bounds, parallel, isEqual } = options;
  const settings = isEqual
    ? `All encode with the same settings, those of Holdfast (beyond the defaults of sharp: \`${JSON.stringify(ENCODERS)}\`): ipx and Next.js are made to by a module that is loaded before them.`
    : 'Each encodes with its own settings. Next.js uses mozjpeg for JPEG and effort 3 for AVIF; "KB each" and "error" say what that buys.';
  return [
    machine,
    '',
    `ipx ${peers.versions.ipx} (its handler in Node's http server) and Next.js ${peers.versions.next} (\`next start\`), both with sharp ${peers.versions.sharp}`,
    `and Node ${spawnSync('node', ['-v'], { encoding: 'utf8' }).stdout.trim()}; "sharp" is a loop over \`sharp()\` in Bun with all originals in memory, as many`,
    `at a time, without any server. Each has ${coreCount} cores; client and origin share another one. ${settings}`,
    '',
    `${bounds.rounds} rounds, in which the targets take turns; ${bounds.requests} requests in each, ${parallel} at a time. Every request is for a variant that`,
    'was not asked for before (the width differs by a pixel), so no cache of variants answers. Originals come from one HTTP server',
    `on loopback: Holdfast keeps them in its cache (${CACHE_MIB} MiB for originals and variants), the others ask for them each time.`,
    'Images per second: median of the rounds, minimum and maximum in brackets. Latencies: of all rounds together. Peak: the largest sum',
    'of resident memory of a process and its children, seen fifty times a second; pages of programs and libraries that two of them share count once. KB each',
    'and error: eight results against the same operation without loss, root mean square of the difference in steps of 255. Others:',
    'cores that other work on the machine used meanwhile, median of the rounds; rounds with more than a quarter of a core were left out,',
    'as long as there were not too many of them. Next.js has no crop.',
    '',
  ].join('\n');
}

async function main(): Promise<boolean> {
  const options = readOptions();
  requirePrograms(['taskset']);
  const machine = describeRun(options.command);
  const bench = new Workbench('images');
  const results = new Map<Operation, OperationResult>();
  let head = '';
  try {
    const [setting, pictures] = await prepare(bench, options);
    head = describe(options, setting, machine);
    for (const operation of options.operations) {
      // A folder that is given may have no PNG with alpha.
      if (!pictures.some(({ kind }) => kind === operation.of)) continue;
      results.set(operation, await measureOperation(setting, operation, pictures, options.bounds));
    }
  } finally {
    await bench.dispose();
  }
  const { markdown, floorsMet } = report(results);
  console.log(`${head}\n${markdown}`);
  const isWhole = results.size === OPERATIONS.length && options.bounds.targets.length === TARGET_NAMES.length;
  if (isWhole && options.images === undefined) {
    const [name, title] = options.isEqual
      ? ['images', '## Images']
      : ['images-own', '## Images, each with its own settings'];
    writeSection(join(import.meta.dirname, 'RESULTS.md'), name!, `${title}\n\n${head}\n${markdown}`);
  }
  return floorsMet;
}

await runBenchmark('images', main);
