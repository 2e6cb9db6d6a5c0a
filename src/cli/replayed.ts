import { dirname, join, resolve } from 'node:path';
import { formatCount } from '../base/units.ts';
import { type Chart, chartSvg } from '../simulate/picture/chart.ts';
import { chartId } from '../simulate/picture/page.ts';
import type { Replay } from '../simulate/replay.ts';
import { simulate } from '../simulate/simulate.ts';
import { catalogue, FACTOR_MAX, growth, nodeLost, peak, type StressForm } from '../traffic/made/stress.ts';
import type { RecordInfo } from '../traffic/record.ts';
import { UsageError } from './admin-command.ts';
import { shown, systemReason } from './arguments.ts';
import { Refused, type TrafficIo } from './traffic/command.ts';
import { namesIn } from './traffic/files.ts';
import type { World } from './world.ts';

/** What commands that replay a record need of the outside world. */
export type ReplayIo = TrafficIo & Pick<World, 'writeFile' | 'pathKind' | 'outForm' | 'collectGarbage'>;

/** How often progress is told, in milliseconds. */
const PROGRESS_MS = 250;

/** The options that both commands share, for their help. */
export const REPLAY_HELP = `  --traffic RECORD     a record: a directory or a file (.hft); without it that of a running node
  --admin URL          its admin port (default http://127.0.0.1:9090); with --token or --ca as for "holdfast status"
  --stress LIST        what is made of the record first, one or several of
                         peak=2        the same requests in half of the time
                         catalogue=1.5 half as many images again, for the same requests
                         growth=1.3    30 % more requests, and as many more images
                         node-lost=3   what one of three nodes gets when another is gone
                       times that are given with it (--from, --to, --at) are those of what is made
  --html FILE          writes a report with pictures, which needs nothing else; a file that is there is not written over
  --svg DIR            writes the pictures alone, one file each, into a directory that has none
  --format json        the figures as JSON
`;

/** {@link REPLAY_HELP} for the parser of arguments. */
export const REPLAY_OPTIONS = {
  traffic: { type: 'string' },
  stress: { type: 'string', multiple: true },
  html: { type: 'string' },
  svg: { type: 'string' },
  format: { type: 'string', default: 'text' },
} as const;

/** Where pictures go, and how figures are told. */
export interface OutputOptions {
  readonly html?: string | undefined;
  readonly svg?: string | undefined;
  readonly format?: string | undefined;
}

/** Whether JSON was asked for. @throws UsageError when something else than text was. */
export function wantsJson({ format = 'text' }: OutputOptions): boolean {
  if (format === 'text' || format === 'json') return format === 'json';
  throw new UsageError(`--format ${format}: write text or json`);
}

/** The stress forms of `peak=2,catalogue=1.5`. @throws UsageError that says what there is. */
export function stressesGiven(lists: readonly string[] = []): StressForm[] {
  return lists
    .flatMap((list) => list.split(','))
    .map((item) => {
      const [, name = '', digits = ''] = /^([a-z-]+)=(.+)$/.exec(item.trim()) ?? [];
      const form = STRESSES[name];
      const factor = Number(digits);
      if (form === undefined)
        throw new UsageError(
          `--stress ${item}: write one of ${Object.keys(STRESSES)
            .map((known) => `${known}=2`)
            .join(', ')}`,
        );
      if (!(factor >= form.least && factor <= FACTOR_MAX && (form.least < 2 || Number.isInteger(factor))))
        throw new UsageError(`--stress ${item}: ${form.expects}`);
      return form.make(factor);
    });
}

const FACTOR = 'the factor is a number from 1 to 100';
const STRESSES: Readonly<
  Record<
    string,
    { readonly make: (factor: number) => StressForm; readonly least: number; readonly expects: string }
  >
> = {
  peak: { make: peak, least: 1, expects: FACTOR },
  catalogue: { make: catalogue, least: 1, expects: FACTOR },
  growth: { make: growth, least: 1, expects: FACTOR },
  'node-lost': {
    make: nodeLost,
    least: 2,
    expects: 'write how many nodes there are, a whole number from 2 to 100',
  },
};

/** The simulator, telling on a terminal how far it is; {@link clear} the line before anything else is written. */
export function replaying(io: ReplayIo): {
  readonly replay: Replay;
  step(text: string): void;
  clear(): void;
} {
  let step = 'replaying';
  let nextMs = 0;
  const tell = (text: string): void => {
    if (io.isTty) io.err(`\r${text.padEnd(79)}`);
  };
  return {
    step: (text) => {
      step = text;
      tell(step);
    },
    clear: () => {
      if (io.isTty) io.err(`\r${' '.repeat(79)}\r`);
    },
    replay: (record, nodes, options) => {
      // The tables of the last replay are outside of what the collector counts: unasked, it keeps gigabytes of them.
      io.collectGarbage();
      return simulate(record, nodes, {
        ...options,
        onProgress: (rows) => {
          const nowMs = io.clock.monotonicMs();
          if (nowMs < nextMs) return;
          nextMs = nowMs + PROGRESS_MS;
          tell(`${step}: ${formatCount(rows)} of ${formatCount(record.info.rows)} requests`);
        },
      });
    },
  };
}

/**
 * Looks before long work whether the page and the pictures can go where they were asked for.
 *
 * @throws Refused when that is no place, or something would be written over.
 */
export async function checkPictures({ html, svg }: OutputOptions, io: ReplayIo): Promise<void> {
  if (html !== undefined) {
    const path = resolve(io.cwd, html);
    if ((await io.pathKind(path)) !== 'absent') throw isThere(html);
    if ((await io.pathKind(dirname(path))) !== 'directory')
      throw new Refused(
        `--html ${shown(html)}: there is no directory ${shown(dirname(html))}; make it first`,
      );
  }
  if (svg === undefined) return;
  if ((await io.pathKind(resolve(io.cwd, svg))) !== 'directory')
    throw new Refused(`--svg ${shown(svg)} is no directory; make it, or name one that is there`);
  const [picture] = namesIn(resolve(io.cwd, svg), '.svg');
  if (picture !== undefined)
    throw new Refused(
      `--svg ${shown(svg)} has pictures already, such as ${shown(picture)}: nothing is written over; name another directory`,
    );
}

function isThere(path: string): Refused {
  return new Refused(`${shown(path)} exists; nothing is written over it: name another file, or remove it`);
}

/**
 * Why a replay has nothing to say: the record could not be read, has no requests at all, or none in the time that was asked for.
 *
 * @param when as it was given; undefined when no time was.
 */
export function noRequests({ name, rows, damage }: RecordInfo, when: string | undefined): Refused {
  const broken = damage.length === 0 ? '' : `; not all of it could be read: ${damage.join('; ')}`;
  if (rows === 0 && broken !== '')
    return new Refused(`nothing of ${name} could be read: ${damage.join('; ')}`);
  const none = rows === 0 || when === undefined ? '' : ` in that time (${when})`;
  return new Refused(`${name} has no requests${none}${broken}`);
}

/** Writes the page and the pictures that were asked for. @throws Refused when one cannot be written. */
export async function writePictures(
  { html, svg }: OutputOptions,
  page: () => string,
  pictures: readonly Chart[],
  io: ReplayIo,
): Promise<void> {
  if (html !== undefined) await writeNew(html, page(), io);
  if (svg === undefined) return;
  for (const chart of pictures)
    await writeNew(join(svg, `${chartId(chart)}.svg`), chartSvg(chart, chartId(chart), true), io);
}

async function writeNew(path: string, text: string, io: ReplayIo): Promise<void> {
  try {
    await io.writeFile(resolve(io.cwd, path), text, { overwrite: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw isThere(path);
    throw new Refused(`${shown(path)} cannot be written: ${systemReason(error)}`);
  }
}

/** Anything as JSON on one line; columns of numbers become arrays. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, (_, part) => (part instanceof Float64Array ? [...part] : part instanceof Map ? Object.fromEntries(part) : part))}\n`;
}
