import { z } from 'zod';
import { NAME_EXPECTS, NAME_PATTERN, readName } from './names.ts';
import { ROUTE_IMAGES } from './options-images.ts';
import { pathPattern } from './path-pattern.ts';
import { choice, flag, group, lifetime, META, type Refusal, size, text, timeout } from './table.ts';
import { readHostPattern, readSelectingField, readStoreType, readStripPrefix } from './values.ts';

/** The option table, third part: routes. */

const list = <T extends z.ZodType>(item: T, about: string, expects: string) =>
  z.array(item).min(1).max(1000).register(META, { kind: 'list', about, expects, effect: 'live' });

const names = (about: string, expects: string) =>
  z
    .array(text({ about: 'A name.', effect: 'live', expects: 'a name', pattern: TOKEN }, readToken))
    .max(100)
    .register(META, { kind: 'list', about, expects, effect: 'live' })
    .prefault([]);

const TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

function readToken(input: string): string | Refusal {
  if (new RegExp(TOKEN).test(input)) return input;
  return { reason: `${JSON.stringify(input)} is not a name`, remedy: 'use letters, digits and hyphens' };
}

const route = group('A pattern of requests with their origin and rules.', {
  name: text(
    {
      about: 'For logs, metrics and messages.',
      effect: 'live',
      expects: NAME_EXPECTS,
      pattern: NAME_PATTERN,
    },
    readName,
  ),
  match: group('Which requests: one of the hosts and one of the paths.', {
    hosts: list(
      text({ about: 'A host.', effect: 'live', expects: 'a host name, *.example.com or *' }, readHostPattern),
      'Host names: exact, *.example.com for every name below it, or * for all. Without port.',
      'a list of host names',
    ).prefault(['*']),
    paths: list(
      pathPattern(),
      'Paths: exact (/logo.png), or everything that starts like it (/images/*). Percent-encoded as in addresses.',
      'a list of paths',
    ).prefault(['/*']),
  }).prefault({}),
  origin: text(
    { about: 'Name of the origin.', effect: 'live', expects: NAME_EXPECTS, pattern: NAME_PATTERN },
    readName,
  ),
  failover: list(
    text(
      { about: 'Name of an origin.', effect: 'live', expects: NAME_EXPECTS, pattern: NAME_PATTERN },
      readName,
    ),
    'Origins with the same images, asked in this order when the first one fails before an answer begins, or is being left alone.',
    'a list of names of origins',
  ).optional(),
  deadline: timeout({
    about:
      'Longest wait for an answer to begin, whatever is done for it: the queue, further tries and other origins included.',
    effect: 'live',
    min: '100ms',
    max: '10m',
  }).prefault('30s'),
  hedgeAfter: timeout({
    about:
      'When no answer has begun after that time, the next origin of failover is asked as well, and the first answer is taken. Counts against retry.budget. Above the usual latency of the origin, or every request is sent twice.',
    effect: 'live',
    min: '10ms',
    max: '10m',
    defaultNote: 'never',
  }).optional(),
  stripPrefix: text(
    {
      about: 'Start of the path that is removed before the origin is asked: /images/a.jpg becomes /a.jpg.',
      effect: 'live',
      expects: 'the start of a path, such as /images',
      defaultNote: 'nothing is removed',
    },
    readStripPrefix,
  ).optional(),
  cache: flag({
    about: 'Whether responses of this route are stored at all.',
    effect: 'live',
  }).prefault(true),
  pinned: flag({
    about:
      'Whether responses of this route stay in memory whatever else is asked for, within cache.memory.pinnedShare: for the few images that every page shows. They still become stale, and a purge removes them.',
    effect: 'live',
  }).prefault(false),
  key: group('What makes two requests ask for the same image. Route and path always do.', {
    host: flag({
      about:
        'Whether the host of the request does. Off, because the origin is not told that host: the same path is the same image under every name.',
      effect: 'live',
    }).prefault(false),
    query: z
      .union([z.enum(['all', 'none']), z.array(z.string().min(1).max(256)).min(1).max(64)])
      .register(META, {
        kind: 'query',
        about:
          'Which query parameters count, and are sent to the origin: all (the query as it is), none, or a list of names (sorted, in one spelling). With all, never a wrong image, but each tracking parameter makes another copy; a list keeps the cache small when you know what the origin reads.',
        expects: 'all, none or a list of parameter names',
        effect: 'live',
        defaultNote:
          'all; none for a directory, which cannot read a query, and for routes with images, which read it themselves',
      })
      .optional(),
  }).prefault({}),
  ttl: group('How long a response is fresh.', {
    default: lifetime({
      about:
        'When the origin does not say (no Cache-Control, no Expires), as most object stores never do. 0s: ask each time.',
      effect: 'live',
      min: '0s',
      max: '365d',
      defaultNote:
        'a tenth of the time since Last-Modified, at most 1d (RFC 9111 section 4.2.2); 1s without Last-Modified',
    }).optional(),
    min: lifetime({
      about:
        'Least lifetime, even if the origin says less. For origins that say no-cache on images that never change.',
      effect: 'live',
      min: '1s',
      max: '365d',
    }).optional(),
    override: lifetime({
      about: 'Lifetime whatever the origin says. A wrong image stays for as long: prefer to mend the origin.',
      effect: 'live',
      min: '1s',
      max: '365d',
    }).optional(),
    negative: lifetime({
      about:
        'Lifetime of a 404, 405, 410, 414, 451 or 501 that does not state its own, and the most that any 5xx may state. Other errors are stored only if they state a lifetime, a 429 never. Short, because an error that outlives its cause is an outage; never more than 10m.',
      effect: 'live',
      min: '0s',
      max: '10m',
    }).prefault('10s'),
    negativeMax: lifetime({
      about:
        'The most that a 4xx may state: an image that was missing for a moment must not be missing for a year.',
      effect: 'live',
      min: '0s',
      max: '365d',
    }).prefault('10m'),
    serverError: lifetime({
      about:
        'Lifetime of any other 5xx that does not state its own. 0s, for RFC 9110 section 15.1 does not let a cache keep those unasked; those who wait for the same fetch share it all the same. A few seconds spare an origin that fails for images not yet stored.',
      effect: 'live',
      min: '0s',
      max: '10m',
    }).prefault('0s'),
  }).prefault({}),
  stale: group(
    'For how long a stored response is used after it stopped being fresh, where the response does not forbid it (RFC 5861).',
    {
      whileRevalidate: lifetime({
        about:
          'Served at once while a new one is fetched in the background: no client waits for a refresh. A response may say so itself; 0s, because HTTP gives no right to it otherwise. 30s is a good value where it is yours to give.',
        effect: 'live',
        min: '0s',
        max: '30d',
      }).prefault('0s'),
      ifError: lifetime({
        about: 'Served when the origin fails: its outage is not yours.',
        effect: 'live',
        min: '0s',
        max: '30d',
      }).prefault('1d'),
      lastKnownGood: choice(['images', 'always', 'never'], {
        about:
          'Which responses are served when the origin fails, however old they are: those whose Content-Type is an image, all, or none beyond ifError. An old image is better than none; an old page may not be. Cache-Status says so when it happens.',
        effect: 'live',
      }).prefault('images'),
    },
  ).prefault({}),
  sendFields: choice(['keyed', 'all'], {
    about:
      'Which request fields the origin gets for what may be stored. all: every one but those that are known to change answers unsaid: cookies and other credentials, X-Forwarded-*, X-HTTP-Method-Override, client hints, Accept-Language, what gateways and clouds obey, and their like. keyed: only those that are in the key (see requestFields), so that no field whatsoever lets one client choose what all others get. A list of known names cannot promise that: choose keyed for origins that are applications and may forget to say Vary. User-Agent is sent as "holdfast".',
    effect: 'live',
  }).prefault('all'),
  requestFields: z
    .array(
      text(
        {
          about: 'A request field.',
          effect: 'live',
          expects: 'the name of a field, such as Accept-Language',
          pattern: '^[A-Za-z0-9-]+$',
        },
        readSelectingField,
      ),
    )
    .max(8)
    .register(META, {
      kind: 'list',
      about:
        'Request fields that the origin chooses its answer by, besides Accept, Accept-Encoding and Origin; Accept-Language or DPR, for example. They are sent to it, and each of their values makes a copy, whether the origin says Vary or not. Which others it gets is said by sendFields.',
      expects: 'a list of at most 8 field names',
      effect: 'live',
    })
    .prefault([]),
  storeTypes: list(
    text(
      {
        about: 'A content type.',
        effect: 'live',
        expects: 'a content type such as image/png, or image/*',
        pattern: '^[a-z]+/(?:\\*|[^*]+)$',
      },
      readStoreType,
    ),
    'Content types of successful responses that are stored; others are passed through. With image/*, a private page under an address that looks like an image (/account/a.jpg) is never stored, whatever the origin says of it.',
    'a list of content types, such as image/*',
  ).optional(),
  obeyRequestDirectives: flag({
    about:
      'Whether Cache-Control and Pragma of requests count. Off, because with it any client can make the node ask the origin.',
    effect: 'live',
  }).prefault(false),
  unsafeMethods: choice(['forward', 'refuse'], {
    about:
      'Whether methods other than GET and HEAD go to the origin (never CONNECT and TRACE), or are answered 405. What they change is forgotten here. Only http origins can take them.',
    effect: 'live',
    defaultNote:
      'forward, but refuse for origins with headers (their credentials are not for everybody), and for other types than http',
  }).optional(),
  bypass: group('Requests that go past the cache: any of these.', {
    paths: z
      .array(pathPattern())
      .max(1000)
      .register(META, {
        kind: 'list',
        about: 'Paths, as in match.paths.',
        expects: 'a list of paths',
        effect: 'live',
      })
      .prefault([]),
    fields: names(
      'Names of request fields whose presence counts, whatever they say.',
      'a list of field names',
    ),
    cookies: names(
      'Names of cookies whose presence counts. Others make no difference: cookies are not sent to the origin.',
      'a list of cookie names',
    ),
  }).optional(),
  images: ROUTE_IMAGES.optional(),
  maxObject: size({
    about: 'Largest response of this route that is stored.',
    effect: 'live',
    min: '1KiB',
    max: '8TiB',
    defaultNote: 'as cache.memory.maxObject, or cache.disk.maxObject if that is larger',
  }).optional(),
});

/** `routes`: tried in their order. */
export const ROUTES = z.array(route).min(1).max(1000).register(META, {
  kind: 'list',
  about: 'Tried in this order; the first that matches is used. At least one.',
  expects: 'a list of routes',
  effect: 'live',
});
