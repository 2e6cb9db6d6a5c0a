import { formatCount } from '../base/units.ts';
import type { Warmer, WarmPlan } from '../serve/warm.ts';
import { type AdminCall, ok, problem, type Reply } from './admin-replies.ts';

/** Most URLs of one list. */
const URLS_MAX = 100_000;
/** Bounds and defaults of what a job may take. */
const RATE = { min: 0.1, default: 20, max: 10_000 };
const CONCURRENCY = { min: 1, default: 4, max: 64 };

const REMEDY =
  'Send JSON: {"urls": ["http://host/a.jpg", ...]} or {"sitemap": "http://host/sitemap.xml"}; and "rate": 20 (a second), "concurrency": 4, "accept": "image/avif,image/webp" if you like.';
const GONE_REMEDY = 'GET /api/warm lists the jobs that are remembered: the latest 20.';

/** `POST /api/warm`: starts a job. */
export function startWarm({ body }: AdminCall, warmer: Warmer): Reply {
  const plan = readPlan(body);
  if (typeof plan === 'string') return problem(400, 'bad-warm', `Nothing was started: ${plan}.`, REMEDY);
  const job = warmer.start(plan);
  if (job === undefined) {
    const remedy = 'Wait for one to end, or cancel one with DELETE /api/warm/<id>.';
    return problem(409, 'too-many-jobs', 'Four jobs are running already.', remedy);
  }
  return { status: 202, value: job };
}

/** `GET /api/warm` and `GET /api/warm/<id>`. */
export function showWarm({ rest }: AdminCall, warmer: Warmer): Reply {
  if (rest === '') return ok({ jobs: warmer.jobs() });
  const job = warmer.job(Number(rest));
  return job === undefined ? unknownJob(rest) : ok(job);
}

/** `DELETE /api/warm/<id>`: what is under way is finished, and no more is asked for. */
export function cancelWarm({ rest }: AdminCall, warmer: Warmer): Reply {
  const job = warmer.cancel(Number(rest));
  return job === undefined ? unknownJob(rest) : ok(job);
}

function unknownJob(id: string): Reply {
  return problem(404, 'unknown-job', `There is no job ${JSON.stringify(id.slice(0, 40))}.`, GONE_REMEDY);
}

function readPlan(body: unknown): WarmPlan | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return 'the body is not a JSON object';
  const {
    urls,
    sitemap,
    rate = RATE.default,
    concurrency = CONCURRENCY.default,
    accept,
    ...rest
  } = body as Record<string, unknown>;
  const [stray] = Object.keys(rest);
  if (stray !== undefined) return `there is no ${JSON.stringify(stray.slice(0, 40))}`;
  if ((urls === undefined) === (sitemap === undefined)) return 'the body names either urls or a sitemap';
  if (typeof rate !== 'number' || !(rate >= RATE.min && rate <= RATE.max))
    return `the rate is a number from ${RATE.min} to ${RATE.max}`;
  const { min, max } = CONCURRENCY;
  if (!Number.isInteger(concurrency) || (concurrency as number) < min || (concurrency as number) > max)
    return `the concurrency is a whole number from ${min} to ${max}`;
  if (accept !== undefined && !(typeof accept === 'string' && /^[\x20-\x7e]{1,1000}$/.test(accept)))
    return 'the accept is not the value of an Accept field';
  const pace = {
    ratePerS: rate,
    concurrency: concurrency as number,
    ...(accept === undefined ? {} : { accept }),
  };
  if (sitemap !== undefined)
    return typeof sitemap === 'string' && URL.canParse(sitemap)
      ? { ...pace, sitemap }
      : 'the sitemap is not a URL';
  if (!Array.isArray(urls) || urls.length === 0 || urls.length > URLS_MAX)
    return `the urls are not a list of 1 to ${formatCount(URLS_MAX)}`;
  return urls.every((url) => typeof url === 'string') ? { ...pace, urls } : 'one of the urls is not a text';
}
