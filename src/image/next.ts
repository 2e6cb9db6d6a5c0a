import { selectQuery, type Target } from '../http/target.ts';
import { type Found, type Setting, Unreadable } from './draft.ts';
import { readSource } from './source.ts';
import { decodeText, readTime, readWhole, takeExpiry } from './values.ts';

/**
 * The grammar `next`: `/_next/image?url=%2Fphoto.jpg&w=640&q=75`, as the Image component of Next.js asks. Other parameters, such as
 * the `dpl` of its deployments, say nothing of the image. Next.js reads images of other servers as well; here that is not offered.
 */

const PATH = '/_next/image';
const READ: ReadonlySet<string> = new Set(['url', 'w', 'q', 'expires']);
/** As Next.js: longer ones are data, not addresses. */
const URL_LENGTH_MAX = 3072;

/** Reads an address. Throws {@link Unreadable}. */
export function readNext({ path, query }: Target, setting: Setting): Found {
  const { rules, prefix } = setting;
  if (path !== prefix + PATH) {
    const { expiresS, rest } = takeExpiry(query);
    return { original: { path, query: selectQuery(rest, rules.originalQuery) }, draft: undefined, expiresS };
  }
  const own = new Map<string, string>();
  for (const raw of query.split('&')) {
    const eq = raw.indexOf('=');
    const name = decodeText(eq < 0 ? raw : raw.slice(0, eq));
    if (name === undefined || !READ.has(name)) continue;
    if (own.has(name)) throw new Unreadable(`${name} is there twice.`);
    const value = decodeText(eq < 0 ? '' : raw.slice(eq + 1));
    if (value === undefined) throw new Unreadable(`${name} has a percent sign without two digits behind it.`);
    own.set(name, value);
  }
  const [url, w, q, expires] = ['url', 'w', 'q', 'expires'].map((name) => own.get(name));
  if (url === undefined) throw new Unreadable('url is missing.');
  if (w === undefined) throw new Unreadable('w is missing.');
  if (q === undefined) throw new Unreadable('q is missing.');
  const draft = setting.start();
  draft.width = readWhole('w', w, 1, 65_535);
  draft.quality = readWhole('q', q, 1, 100);
  // The width is that of the screen's pixels already.
  draft.dpr = 1;
  draft.output = 'negotiated';
  return {
    original: readUrl(url, setting),
    draft,
    expiresS: expires === undefined ? undefined : readTime('expires', expires),
  };
}

function readUrl(url: string, { rules, prefix }: Setting): Target {
  if (url.length > URL_LENGTH_MAX) throw new Unreadable(`url is longer than ${URL_LENGTH_MAX} characters.`);
  if (!url.startsWith('/'))
    throw new Unreadable('url is not a path on this server: it has to start with one /.');
  const original = readSource('url', url, rules);
  // A path that an origin would decode once more counts as what it would become.
  const read = original.path.replace(/%2F/gi, '/');
  if (read.includes(`${PATH}/`) || read.endsWith(PATH) || read === prefix + PATH)
    throw new Unreadable('url leads to an optimised image again.');
  return original;
}
