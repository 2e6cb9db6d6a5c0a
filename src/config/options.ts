import { z } from 'zod';
import {
  choice,
  flag,
  group,
  integer,
  lifetime,
  META,
  type Refusal,
  size,
  text,
  timeout,
} from './table.ts';
import {
  readAuthority,
  readFieldName,
  readFieldValue,
  readFilePath,
  readHostPattern,
  readListen,
  readOriginUrl,
  readPathPattern,
  readStripPrefix,
} from './values.ts';

/**
 * The option table: every option with its unit, bounds, default, reason and effect. The only place where a default
 * is stated. {@link Config} is derived from it; so are validation, the editors' schema, the reference and the starter.
 */

/** The eviction policies that may be chosen; a test keeps this equal to the policies that exist. */
export const POLICIES = ['s3-fifo', 'sieve', 'lru', 'fifo'] as const;

/** Names of origins and routes: they are labels of metrics and words in logs. */
export const NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
const NAME_EXPECTS = 'a name of at most 63 lower-case letters, digits and -';

function readName(input: string): string | Refusal {
  if (new RegExp(NAME_PATTERN).test(input)) return input;
  return { reason: 'this is not a name', remedy: `use ${NAME_EXPECTS}` };
}

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
  maxConnections: integer({
    about:
      'Most client connections at a time; further ones are answered 503 and closed. Each costs one open file and a few KiB.',
    effect: 'restart',
    min: 1,
    max: 1_000_000,
  }).prefault(10_000),
  headTimeout: timeout({
    about: 'Time for a request head to arrive, from its first byte. Ends clients that hold connections by dripping bytes.',
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
  drainTimeout: timeout({
    about:
      'Time that running responses get to finish when the node is stopped. Keep it below the grace period of the supervisor.',
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
      about:
        'What operators send as "Authorization: Bearer". Take it from the environment: "${HOLDFAST_ADMIN_TOKEN}". Without one, a token is generated for each run and printed at start.',
      effect: 'restart',
      secret: true,
      defaultNote: 'generated for each run',
      expects: 'at least 16 visible ASCII characters',
    },
    (input): string | Refusal =>
      /^[\x21-\x7e]{16,512}$/.test(input)
        ? input
        : {
            reason: 'the token is too easy to guess, or has characters that a header cannot carry',
            remedy: 'use 16 to 512 visible ASCII characters without spaces, such as the output of: openssl rand -hex 32',
          },
  ).optional(),
});

const memory = group('The memory tier.', {
  size: size({
    about:
      'Most bytes that the tier holds: bodies, headers, keys and metadata, exactly counted. Leave room for the process itself: the start-up summary says how much the machine has.',
    effect: 'restart',
    min: '4MiB',
    max: '16TiB',
  }).prefault('512MiB'),
  policy: choice(POLICIES, {
    about:
      'Who leaves when room is needed. S3-FIFO keeps out what is asked for only once (crawlers, scans), which is most of what an image cache sees.',
    effect: 'restart',
  }).prefault('s3-fifo'),
  maxObject: size({
    about: 'Largest response that is stored; larger ones are passed through. At most half of the size.',
    effect: 'restart',
    min: '1KiB',
    max: '8TiB',
    defaultNote: '32MiB, but at most a quarter of the size',
  }).optional(),
});

const cache = group('What is kept, and how much of it.', {
  memory: memory.prefault({}),
  ghosts: integer({
    about:
      'Evicted responses whose hashes are remembered, to tell when one is asked for again too early (a premature eviction). 34 bytes each, beside the size of the tier; 0 turns that measurement off.',
    effect: 'restart',
    min: 0,
    max: 16_777_216,
  }).prefault(262_144),
});

const httpOrigin = group('An HTTP server that has the images.', {
  type: z.literal('http').register(META, { kind: 'choice', about: 'The kind of origin.', expects: 'http', effect: 'live' }),
  url: text(
    {
      about: 'Where it is. A path is put before the path of every request. No credentials: they belong into headers.',
      effect: 'live',
      expects: 'an address that starts with http:// or https://',
      pattern: '^https?://[^\\s?#]+$',
    },
    readOriginUrl,
  ),
  timeouts: group('How long each stage of an exchange may take. Every stage has a limit, so a hanging origin cannot hold requests.', {
    connect: timeout({
      about: 'From the start of a connection until it is usable, TLS included.',
      effect: 'live',
      min: '10ms',
      max: '1m',
    }).prefault('2s'),
    firstByte: timeout({
      about: 'From the request until the whole head of the response.',
      effect: 'live',
      min: '10ms',
      max: '10m',
    }).prefault('10s'),
    idle: timeout({ about: 'Longest silence within a body.', effect: 'live', min: '10ms', max: '10m' }).prefault('10s'),
    total: timeout({ about: 'The exchange as a whole, redirects included.', effect: 'live', min: '100ms', max: '1h' }).prefault('60s'),
  }).prefault({}),
  maxBody: size({
    about: 'Largest body that is accepted at all, stored or not.',
    effect: 'live',
    min: '1KiB',
    max: '1TiB',
  }).prefault('256MiB'),
  redirects: group('What to do when the origin redirects.', {
    follow: integer({
      about: 'How many redirects in a row are followed. 0 treats a redirect as a failure: an origin that moves should be named.',
      effect: 'live',
      min: 0,
      max: 10,
    }).prefault(0),
    crossHost: flag({
      about: 'Whether a redirect may lead to another host. Otherwise whoever controls a redirect would choose what is fetched.',
      effect: 'live',
    }).prefault(false),
  }).prefault({}),
  tls: group('For https origins.', {
    verify: flag({
      about: 'Whether the certificate is checked. Without it anybody on the way can replace images.',
      effect: 'live',
    }).prefault(true),
    ca: text(
      {
        about: 'PEM file with the certificates of a private authority; relative to the directory of the configuration file.',
        effect: 'live',
        expects: 'the path of a file',
        defaultNote: "the system's authorities",
      },
      readFilePath,
    ).optional(),
    serverName: text(
      {
        about: 'Name for SNI and for checking the certificate, when it is not the host of the url.',
        effect: 'live',
        expects: 'a host name',
        defaultNote: 'the host of the url',
      },
      readAuthority,
    ).optional(),
  }).prefault({}),
  connections: integer({
    about:
      'Most exchanges with this origin at a time; further requests wait for one to end. This is what protects it when the cache is cold.',
    effect: 'live',
    min: 1,
    max: 4096,
  }).prefault(64),
  host: text(
    { about: 'Host field to send.', effect: 'live', expects: 'a host name', defaultNote: 'the host of the url' },
    readAuthority,
  ).optional(),
  headers: z
    .record(
      text({ about: 'A field name.', effect: 'live', expects: 'a header field name' }, readFieldName),
      text(
        { about: 'A field value. Never logged.', effect: 'live', secret: true, expects: 'one line of text' },
        readFieldValue,
      ),
    )
    .register(META, {
      kind: 'map',
      about: 'Fields to add to every request, such as a token: X-Origin-Token: "${ORIGIN_TOKEN}". Values are never logged.',
      expects: 'a mapping of field names to values',
      effect: 'live',
    })
    .prefault({}),
});

const filesOrigin = group('A directory of images on this machine.', {
  type: z.literal('files').register(META, { kind: 'choice', about: 'The kind of origin.', expects: 'files', effect: 'live' }),
  root: text(
    {
      about: 'The directory; nothing outside of it is served. Relative to the directory of the configuration file.',
      effect: 'live',
      expects: 'the path of a directory',
    },
    readFilePath,
  ),
});

const origins = z
  .record(
    text({ about: 'The name of an origin.', effect: 'live', expects: NAME_EXPECTS, pattern: NAME_PATTERN }, readName),
    z
      .discriminatedUnion('type', [httpOrigin, filesOrigin])
      .register(META, { kind: 'group', about: 'An origin.', expects: 'a mapping that starts with type: http or type: files' }),
  )
  .register(META, {
    kind: 'map',
    about: 'Where images come from, each under a name of its own. At least one.',
    expects: 'a mapping of names to origins',
    effect: 'live',
  });

const list = <T extends z.ZodType>(item: T, about: string, expects: string) =>
  z.array(item).min(1).max(1000).register(META, { kind: 'list', about, expects, effect: 'live' });

const route = group('A pattern of requests with their origin and rules.', {
  name: text(
    { about: 'For logs, metrics and messages.', effect: 'live', expects: NAME_EXPECTS, pattern: NAME_PATTERN },
    readName,
  ),
  match: group('Which requests: one of the hosts and one of the paths.', {
    hosts: list(
      text({ about: 'A host.', effect: 'live', expects: 'a host name, *.example.com or *' }, readHostPattern),
      'Host names: exact, *.example.com for every name below it, or * for all. Without port.',
      'a list of host names',
    ).prefault(['*']),
    paths: list(
      text({ about: 'A path.', effect: 'live', expects: 'a path, with * only at the end', pattern: '^/[^*?#]*\\*?$' }, readPathPattern),
      'Paths: exact (/logo.png), or everything that starts like it (/images/*). Percent-encoded as in addresses.',
      'a list of paths',
    ).prefault(['/*']),
  }).prefault({}),
  origin: text({ about: 'Name of the origin.', effect: 'live', expects: NAME_EXPECTS, pattern: NAME_PATTERN }, readName),
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
          'Which query parameters do, and are sent to the origin: all, none, or a list of names. With all, never a wrong image, but each tracking parameter makes another copy; a list keeps the cache small when you know what the origin reads.',
        expects: 'all, none or a list of parameter names',
        effect: 'live',
      })
      .prefault('all'),
  }).prefault({}),
  ttl: group('How long a response is fresh.', {
    default: lifetime({
      about:
        'When the origin does not say (no Cache-Control, no Expires). Many object stores never say; without a default every request would go to the origin. 0s: ask each time.',
      effect: 'live',
      min: '0s',
      max: '365d',
    }).prefault('1h'),
    min: lifetime({
      about: 'Least lifetime, even if the origin says less. For origins that say no-cache on images that never change.',
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
      about: 'Lifetime of a 404 or another error that does not state its own, and the most that a 5xx may state. Short, because an error that outlives its cause is an outage; never more than 10m.',
      effect: 'live',
      min: '0s',
      max: '10m',
    }).prefault('10s'),
  }).prefault({}),
  stale: group('For how long a stored response is used after it stopped being fresh, where the response does not forbid it (RFC 5861).', {
    whileRevalidate: lifetime({
      about: 'Served at once while a new one is fetched in the background: no client waits for a refresh.',
      effect: 'live',
      min: '0s',
      max: '30d',
    }).prefault('30s'),
    ifError: lifetime({
      about: 'Served when the origin fails: its outage is not yours.',
      effect: 'live',
      min: '0s',
      max: '30d',
    }).prefault('1d'),
  }).prefault({}),
  obeyRequestDirectives: flag({
    about:
      'Whether Cache-Control and Pragma of requests count. Off, because with it any client can make the node ask the origin.',
    effect: 'live',
  }).prefault(false),
  maxObject: size({
    about: 'Largest response of this route that is stored.',
    effect: 'live',
    min: '1KiB',
    max: '8TiB',
    defaultNote: 'as cache.memory.maxObject',
  }).optional(),
});

const log = group('What is written about what happens.', {
  level: choice(['error', 'warn', 'info', 'debug'], {
    about: 'Least severity of events that are logged to standard error.',
    effect: 'live',
  }).prefault('info'),
  access: group('One line for each request.', {
    to: text(
      {
        about: 'off, stdout, stderr, or the path of a file, relative to the directory of the configuration file. Off, because metrics cost nothing and a line per request does.',
        effect: 'live',
        expects: 'off, stdout, stderr or the path of a file',
      },
      readFilePath,
    ).prefault('off'),
    sample: integer({
      about: 'One in so many requests is logged; 1 is every one. Those that ended in a 5xx always are.',
      effect: 'live',
      min: 1,
      max: 1_000_000,
    }).prefault(1),
  }).prefault({}),
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
  origins,
  routes: z.array(route).min(1).max(1000).register(META, {
    kind: 'list',
    about: 'Tried in this order; the first that matches is used. At least one.',
    expects: 'a list of routes',
    effect: 'live',
  }),
  log: log.prefault({}),
});
