import { formatCount } from '../base/units.ts';
import type { WarmJob } from '../serve/warm.ts';
import { ADMIN_HELP, type AdminIo, adminCommand, UsageError } from './admin-command.ts';
import { type CliIo, EXIT } from './io.ts';

const HELP = `holdfast warm: fill the cache on purpose

  holdfast warm <url>...                  these
  holdfast warm -f list.txt               one address per line; # starts a comment
  holdfast warm --sitemap URL             what a sitemap names, images (<image:loc>) included; .gz and indexes too
  holdfast warm --list                    the jobs that the node remembers
  holdfast warm --cancel ID               end one

  --rate 20        requests a second, at most
  --concurrency 4  at the same time
  --accept FIELD   the Accept field of a browser, such as image/avif,image/webp: which format is warmed where it is negotiated
  --wait           until it is done, with its progress
${ADMIN_HELP}
Everything goes through the node's own routes: addresses and sitemaps that no route serves are passed over.
Exit codes: 0 started, or done without a failure; 1 refused, or something failed; 2 unusable arguments.
`;

const OPTIONS = {
  file: { type: 'string', short: 'f' },
  sitemap: { type: 'string' },
  list: { type: 'boolean', default: false },
  cancel: { type: 'string' },
  rate: { type: 'string' },
  concurrency: { type: 'string' },
  accept: { type: 'string' },
  wait: { type: 'boolean', default: false },
} as const;

const POLL_MS = 500;

/** `holdfast warm`. */
export function warm(args: readonly string[], io: AdminIo & Pick<CliIo, 'isTty'>): Promise<number> {
  return adminCommand({ name: 'warm', help: HELP, options: OPTIONS }, args, io, async (given) => {
    const { values, positionals, client } = given;
    const print = (value: unknown, text: () => string): void =>
      io.out(values.json ? `${JSON.stringify(value)}\n` : text());
    if (values.list) {
      const { jobs } = (await client.get('/api/warm')) as { jobs: WarmJob[] };
      print(jobs, () => jobs.map((job) => `${summary(job)}\n`).join('') || 'no jobs\n');
      return EXIT.ok;
    }
    if (values.cancel !== undefined) {
      const path = `/api/warm/${encodeURIComponent(values.cancel)}`;
      const job = (await client.change('DELETE', path, undefined)) as WarmJob;
      print(job, () => `${summary(job)}\n`);
      return EXIT.ok;
    }
    const plan = await planOf(values, positionals, io);
    let job = (await client.change('POST', '/api/warm', plan, { timeoutMs: 30_000 })) as WarmJob;
    if (!values.wait) {
      print(
        job,
        () => `job ${job.id} is running; holdfast warm --list shows it, --cancel ${job.id} ends it\n`,
      );
      return EXIT.ok;
    }
    while (job.state === 'running') {
      if (io.isTty) io.err(`\r\x1b[K${summary(job)}`);
      await new Promise<void>((resolve) => void io.clock.after(POLL_MS, resolve));
      job = (await client.get(`/api/warm/${job.id}`)) as WarmJob;
    }
    if (io.isTty) io.err('\r\x1b[K');
    print(job, () => `${summary(job)}\n${failures(job)}`);
    return job.failed === 0 && job.state === 'done' ? EXIT.ok : EXIT.refused;
  });
}

async function planOf(
  values: { file?: string; sitemap?: string; rate?: string; concurrency?: string; accept?: string },
  urls: readonly string[],
  io: AdminIo,
): Promise<object> {
  const { file, sitemap, accept } = values;
  if ([file, sitemap, urls[0]].filter((given) => given !== undefined).length !== 1)
    throw new UsageError('say what to warm with: addresses, -f FILE or --sitemap URL, one of them');
  const pace = {
    ...number('rate', values.rate),
    ...number('concurrency', values.concurrency),
    ...(accept === undefined ? {} : { accept }),
  };
  if (sitemap !== undefined) return { ...pace, sitemap };
  return { ...pace, urls: file === undefined ? urls : await readList(file, io) };
}

function number(name: string, text: string | undefined): object {
  if (text === undefined) return {};
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${name} ${text} is not a number`);
  return { [name]: Number(text) };
}

async function readList(file: string, io: AdminIo): Promise<string[]> {
  let text: string;
  try {
    text = await io.readFile(file);
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const urls = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (urls.length === 0) throw new UsageError(`there is no address in ${file}`);
  return urls;
}

function summary(job: WarmJob): string {
  const outcomes = Object.entries(job.outcomes).map(([outcome, count]) => `${outcome} ${formatCount(count)}`);
  const skipped = job.skipped === 0 ? [] : [`no route ${formatCount(job.skipped)}`];
  const failed = job.failed === 0 ? [] : [`failed ${formatCount(job.failed)}`];
  const details = [...outcomes, ...skipped, ...failed].join(', ');
  const progress = `${formatCount(job.done)} of ${formatCount(job.total)}`;
  return `job ${job.id} ${job.state}: ${progress}${details === '' ? '' : ` (${details})`}`;
}

function failures(job: WarmJob): string {
  return job.failures.map(({ url, why }) => `  ${url}: ${why}\n`).join('');
}
