import { z } from 'zod';
import { NAME_EXPECTS, NAME_PATTERN, readName } from './names.ts';
import { DISK } from './options-disk.ts';
import { IMAGES } from './options-images.ts';
import { ORIGINS } from './options-origins.ts';
import { ROUTES } from './options-routes.ts';
import { TRAFFIC } from './options-traffic.ts';
import { choice, flag, group, integer, lifetime, META, type Refusal, size, text, timeout } from './table.ts';
import { readFilePath, readListen, readLogTarget } from './values.ts';

/**
 * The option table: every option with its unit, bounds, default, reason and effect. The only place where a default
 * is stated. {@link Config} is derived from it; so are validation, the editors' schema, the reference and the starter.
 */

/** What `cache.memory.favour` may be; a test keeps this equal to the sides that policies know. */
export const FAVOUR_SIDES = ['requests', 'balanced', 'bytes'] as const;

/** The eviction policies that may be chosen; a test keeps this equal to the policies that exist. */
export const POLICIES = [
  'greedy-dual',
  's3-fifo',
  'w-tinylfu',
  'sieve',
  'gdsf',
  'lru',
  'fifo',
  'auto',
] as const;

/** What serves unless the file says otherwise, and what `auto` begins with. */
export const DEFAULT_POLICY = 'greedy-dual';

const readToken = (input: string): string | Refusal =>
  /^[\x21-\x7e]{16,512}$/.test(input)
    ? input
    : {
        reason: 'the token is too easy to guess, or has characters that a header cannot carry',
        remedy:
          'use 16 to 512 visible ASCII characters without spaces, such as the output of: openssl rand -hex 32',
      };

const ADDRESS = { expects: 'an address with a port', pattern: '^.+:[0-9]{1,5}$' } as const;

const server = group('The public port: where images are served.', {
  listen: text(
    {
      about:
        'Address and port for clients. The default is reachable from this machine only: opening it is a decision. Use 0.0.0.0:8080 in a container. Port 0 takes any free port.',
      effect: 'restart',
      ...ADDRESS,
    },
    readListen,
  ).prefault('127.0.0.1:8080'),
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(64)])
    .register(META, {
      kind: 'integer',
      about:
        'Threads that serve clients on the one port, out of the one cache: auto is one for each processor that the node may use, at most 8. Hits scale with them; everything else stays with the first, which decides. Each takes some 40 MiB beside the cache. Linux only; elsewhere there is one.',
      effect: 'restart',
      expects: 'auto or a whole number from 1 to 64',
      min: '1',
      max: '64',
    })
    .prefault(1),
  maxConnections: integer({
    about:
      'Most client connections at a time, over all workers; further ones are answered 503 and closed. Each costs one open file and a few KiB.',
    effect: 'restart',
    min: 1,
    max: 1_000_000,
  }).prefault(10_000),
  maxFetches: integer({
    about:
      'Most fetches from origins at a time, renewals included. Beyond it, what is not stored at all is answered 503 with Retry-After; what is stored, also stale, is served as always.',
    effect: 'restart',
    min: 1,
    max: 1_000_000,
  }).prefault(4096),
  maxConnectionsPerClient: integer({
    about:
      'Most connections of one client address at a time; further ones are reset. An IPv6 address counts by its first 64 bits. 0 is no limit of its own, because behind a load balancer all clients have the address of that one, and behind a company or a mobile network thousands do. Set it where clients connect directly: a browser opens 6 to a host.',
    effect: 'restart',
    min: 0,
    max: 1_000_000,
  }).prefault(0),
  headTimeout: timeout({
    about:
      'Time for a request head to arrive, from its first byte. Ends clients that hold connections by dripping bytes.',
    effect: 'restart',
    min: '100ms',
    max: '10m',
  }).prefault('10s'),
  idleTimeout: timeout({
    about:
      'Time for which a connection is kept open between requests. Keep it above the one of the load balancer in front (often 60s), or that one will meet connections that are just being closed.',
    effect: 'restart',
    min: '1s',
    max: '1h',
  }).prefault('75s'),
  stallTimeout: timeout({
    about: 'Time without any progress after which a client that does not read its response is disconnected.',
    effect: 'restart',
    min: '1s',
    max: '10m',
  }).prefault('30s'),
  minSendRate: size({
    about:
      'Least that a client takes of a response in each second, on average over each stallTimeout; slower ones are disconnected. What a client reads is kept for as long as it reads: without a least rate, a few that trickle pin as much memory as they like. 0B turns it off.',
    effect: 'restart',
    min: '0B',
    max: '16MiB',
  }).prefault('1KiB'),
  maxRequestBody: size({
    about:
      'Largest request body; above it a request is answered 413. A body is passed on as it comes and never held as a whole, and where nobody takes it, it is dropped.',
    effect: 'restart',
    min: '0B',
    max: '64GiB',
  }).prefault('16MiB'),
  drainDelay: timeout({
    about:
      'Time for which a node that is told to stop goes on as before but for /readyz, which says no at once. A load balancer needs so long to notice (its interval times its failures); with 0s, connections that it still opens meanwhile are refused.',
    effect: 'restart',
    min: '0s',
    max: '10m',
  }).prefault('0s'),
  drainTimeout: timeout({
    about:
      'Time that running responses get to finish when the node is stopped, after the drainDelay. Keep both together below the grace period of the supervisor.',
    effect: 'restart',
    min: '0s',
    max: '10m',
  }).prefault('30s'),
});

const admin = group('The admin port: metrics, status and everything that changes the node.', {
  listen: text(
    {
      about: 'Address and port for operators. Anything but loopback needs allowRemote and a token.',
      effect: 'restart',
      ...ADDRESS,
    },
    readListen,
  ).prefault('127.0.0.1:9090'),
  allowRemote: flag({
    about: 'Says that the admin port may be reached from other machines. Only together with a token.',
    effect: 'restart',
  }).prefault(false),
  token: text(
    {
      about: `What operators send as "Authorization: Bearer". Take it from the environment: "\${HOLDFAST_ADMIN_TOKEN}". Without one, a token is generated for each run and left in a file that only this user can read; its place is said at start.`,
      effect: 'restart',
      secret: true,
      defaultNote: 'generated for each run',
      expects: 'at least 16 visible ASCII characters',
    },
    readToken,
  ).optional(),
  tokens: z
    .array(
      group('A token of its own for each person or program, so that the audit log can tell them apart.', {
        name: text(
          {
            about: 'Whose it is, for the audit log.',
            effect: 'live',
            expects: NAME_EXPECTS,
            pattern: NAME_PATTERN,
          },
          readName,
        ),
        token: text(
          {
            about: 'What is sent as "Authorization: Bearer". Take it from the environment.',
            effect: 'live',
            secret: true,
            expects: 'at least 16 visible ASCII characters',
          },
          readToken,
        ),
        role: choice(['read', 'operate'], {
          about: 'read: metrics, status and explain. operate: everything that changes the node, besides.',
          effect: 'live',
        }),
      }),
    )
    .max(100)
    .register(META, {
      kind: 'list',
      about:
        'Further tokens, each with a name and a role. admin.token, or the one generated for the run, may do everything.',
      expects: 'a list of tokens with their names and roles',
      effect: 'live',
      defaultNote: 'none',
    })
    .prefault([]),
  tls: group('A certificate of the admin port: it then speaks HTTPS only.', {
    cert: text(
      {
        about: 'File with the certificate and its chain, PEM. Together with key.',
        effect: 'restart',
        expects: 'the path of a file',
        defaultNote: 'plain HTTP',
      },
      readFilePath,
    ).optional(),
    key: text(
      {
        about: 'File with its private key, PEM.',
        effect: 'restart',
        expects: 'the path of a file',
        defaultNote: 'plain HTTP',
      },
      readFilePath,
    ).optional(),
  }).prefault({}),
});

const memory = group('The memory tier.', {
  size: size({
    about:
      'Most bytes that the tier holds: bodies, headers, keys and metadata, exactly counted. Leave room for the process itself: the start-up summary says how much the machine has.',
    effect: 'live',
    min: '4MiB',
    max: '16TiB',
  }).prefault('512MiB'),
  policy: choice(POLICIES, {
    about:
      'Who leaves when room is needed. greedy-dual weighs how often an image is asked for against the room that it takes, remembers that beyond an eviction, and refuses newcomers that are worth less than those they would replace; it came out best when misses and missed bytes were measured together, and favour chooses between the two. s3-fifo keeps out what is asked for only once, and takes in all else. gdsf has fewer misses and more missed bytes: it prefers small images. w-tinylfu refuses what is asked for less often than those it would replace. auto begins with the default, tries all of them in miniature on recorded requests, and changes to the one that serves this traffic best in what favour says, when its lead is significant and lasts; nothing is evicted for it. It needs traffic.record.',
    effect: 'live',
  }).prefault(DEFAULT_POLICY),
  favour: choice(FAVOUR_SIDES, {
    about:
      'Which misses greedy-dual avoids, where small images and large ones compete: requests to the origin (small images stay, because many of them fit), the bytes that the origin has to deliver (large ones get their due), or both alike. Other policies have no choice and ignore it.',
    effect: 'live',
  }).prefault('balanced'),
  minResidency: lifetime({
    about:
      'Nothing that became resident more recently leaves for want of room: newcomers are passed through instead, and counted as not stored (residency). The default only protects what was fetched a moment ago from the requests that follow it. A longer floor is a promise that costs hits in a tier that is too small: what came first is kept, not what is asked for most.',
    effect: 'live',
    min: '0s',
    max: '1d',
  }).prefault('1s'),
  pinnedShare: integer({
    about:
      'Percentage of the size in which responses of routes with pinned: true are kept whatever else is asked for. What comes beyond it is treated as any other, and counted.',
    effect: 'live',
    min: 1,
    max: 90,
  }).prefault(50),
  variantsShare: integer({
    about:
      'Percentage of the size that variants (what transforms make of images) are guaranteed; originals, and everything else, are guaranteed the rest. Each takes what the other leaves, and gives it back when that one needs it: however many variants are asked for, originals keep their share. Without variants it has no effect.',
    effect: 'live',
    min: 0,
    max: 90,
    defaultNote: '50, or what pinnedShare leaves where a route is pinned',
  }).optional(),
  maxObject: size({
    about:
      'Largest response that is stored here; larger ones are kept on disk where there is a disk tier, or passed through. At most half of the size.',
    effect: 'live',
    min: '1KiB',
    max: '8TiB',
    defaultNote: '32MiB, but at most a quarter of the size',
  }).optional(),
});

const cache = group('What is kept, and how much of it.', {
  memory: memory.prefault({}),
  disk: DISK.optional(),
  ghosts: integer({
    about:
      'Evicted responses whose hashes are remembered, to tell when one is asked for again too early (a premature eviction). About 32 bytes each, beside the size of the tier; 0 turns that measurement off.',
    effect: 'restart',
    min: 0,
    max: 16_777_216,
  }).prefault(262_144),
});

const log = group('What is written about what happens.', {
  level: choice(['error', 'warn', 'info', 'debug'], {
    about: 'Least severity of events that are logged to standard error.',
    effect: 'live',
  }).prefault('info'),
  access: group('One line for each request.', {
    to: text(
      {
        about:
          'off, stdout, stderr, or the path of a file, relative to the directory of the configuration file. Off, because metrics cost nothing and a line per request does.',
        effect: 'live',
        expects: 'off, stdout, stderr or the path of a file',
      },
      readLogTarget,
    ).prefault('off'),
    sample: integer({
      about:
        'One in so many requests is logged; 1 is every one. Those that ended in a 5xx, and images that broke on their way, always are.',
      effect: 'live',
      min: 1,
      max: 1_000_000,
    }).prefault(1),
  }).prefault({}),
  audit: group(
    'One JSON line for each request to the admin port that changes something: who, from where, what, with what result.',
    {
      to: text(
        {
          about:
            'off, stdout, stderr, or the path of a file, relative to the directory of the configuration file. Changes are in the log of the node in any case.',
          effect: 'restart',
          expects: 'off, stdout, stderr or the path of a file',
        },
        readLogTarget,
      ).prefault('off'),
    },
  ).prefault({}),
});

/** The whole file. */
export const OPTIONS = group('The configuration of a node.', {
  version: z.literal(1).register(META, {
    kind: 'integer',
    about: 'Version of the format of this file.',
    expects: 'the number 1',
    effect: 'restart',
  }),
  server: server.prefault({}),
  admin: admin.prefault({}),
  cache: cache.prefault({}),
  images: IMAGES.prefault({}),
  origins: ORIGINS,
  routes: ROUTES,
  log: log.prefault({}),
  traffic: TRAFFIC.prefault({}),
});
