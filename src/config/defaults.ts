import { type Described, describe } from './describe.ts';
import { readS3Url } from './s3.ts';
import { validateConfig } from './validate.ts';
import { readOriginUrl } from './values.ts';

/** Options of {@link configForOrigin}. */
export interface StarterOptions {
  /** What the schema comment points at: a path or an address. Without it there is no such comment. */
  readonly schema?: string;
  /** Public address, `host:port`. */
  readonly listen?: string;
  /** Admin address, `host:port`; loopback unless the file is completed with a token. */
  readonly adminListen?: string;
  /** Size of the memory tier, such as `2GiB`. */
  readonly memorySize?: string;
  /** Address of the S3 server, for `s3://` places that are not at AWS. */
  readonly endpoint?: string | undefined;
}

type Kind = 'http' | 'files' | 's3';

/** What a starter was asked for, or why there is none. */
export type Starter =
  | { readonly ok: true; readonly text: string; readonly kind: Kind }
  | { readonly ok: false; readonly reason: string; readonly remedy: string };

/**
 * Writes a configuration for one origin: an `http(s)://` address, an `s3://bucket/prefix`, or else a directory. Every option that people
 * commonly change is there with its default and a comment, all from the option table; the result is valid for any
 * argument that is accepted. Used by `holdfast init` and, unseen, by `holdfast serve <origin>`.
 */
export function configForOrigin(origin: string, options: StarterOptions = {}): Starter {
  const isAddress = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(origin);
  const isS3 = /^s3:/i.test(origin);
  const kind: Kind = isS3 ? 's3' : isAddress ? 'http' : 'files';
  if (isS3) {
    const place = readS3Url(origin);
    if ('reason' in place) return { ok: false, ...place };
  } else if (isAddress) {
    const url = readOriginUrl(origin);
    if ('reason' in url) return { ok: false, ...url };
  } else if (/^([\w-]+\.)+[a-z]{2,}(:[0-9]+)?(\/.*)?$|^[\w.-]+:[0-9]+(\/.*)?$/i.test(origin)) {
    const remedy = `write https://${origin} or http://${origin}, or ./${origin} for a directory`;
    return { ok: false, reason: 'this looks like a host without a scheme', remedy };
  } else if (origin === '' || /[\x00-\x1f\x7f]/.test(origin) || !origin.isWellFormed()) {
    return {
      ok: false,
      reason: 'this is neither an address nor a directory',
      remedy: 'give https://..., s3://... or a directory',
    };
  } else if (origin.startsWith('~')) {
    return { ok: false, reason: '~ is only known to shells', remedy: 'write the whole path' };
  }
  const text = write(origin, kind, options);
  // The rest is judged as it will be when the file is used: ports that clash, an origin that is this node itself.
  const checked = validateConfig(text, { file: 'starter', env: {} });
  if (checked.ok) return { ok: true, kind, text };
  const { reason, remedy } = checked.problems[0]!;
  return { ok: false, reason, remedy };
}

function write(origin: string, kind: Kind, options: StarterOptions): string {
  const rows = new Map(describe().map((row) => [row.path, row]));
  const lines: string[] = [];
  const say = (depth: number, path: string, value?: string, key = path.split('.').at(-1)!): void => {
    const row = rows.get(path)!;
    const indent = '  '.repeat(depth);
    for (const line of wrap(row.meta.about, 100 - indent.length)) lines.push(`${indent}# ${line}`);
    lines.push(`${indent}${key}:${value === undefined ? '' : ` ${value}`}`);
  };
  const option = (depth: number, path: string, value?: string): void =>
    say(depth, path, value ?? written(rows.get(path)!));
  const gap = (): number => lines.push('');

  if (options.schema !== undefined) lines.push(`# yaml-language-server: $schema=${options.schema}`);
  lines.push(
    '# Holdfast. Every value below is the default unless it names something of yours;',
    '# whatever is left out has its default too. Check changes with: holdfast config check <this file>',
    '',
  );
  lines.push('version: 1');
  gap();
  say(0, 'server');
  option(1, 'server.listen', options.listen === undefined ? undefined : quoted(options.listen));
  gap();
  say(0, 'admin');
  option(1, 'admin.listen', options.adminListen === undefined ? undefined : quoted(options.adminListen));
  gap();
  say(0, 'cache');
  say(1, 'cache.memory');
  option(2, 'cache.memory.size', options.memorySize === undefined ? undefined : quoted(options.memorySize));
  option(2, 'cache.memory.policy');
  gap();
  say(0, 'origins');
  lines.push('  images:', `    type: ${kind}`);
  if (kind === 's3') {
    const place = readS3Url(origin) as { bucket: string; prefix: string };
    option(2, 'origins.<name>.bucket', quoted(place.bucket));
    option(2, 'origins.<name>.region', `"\${AWS_REGION:-us-east-1}"`);
    if (options.endpoint !== undefined) option(2, 'origins.<name>.endpoint', quoted(options.endpoint));
    if (place.prefix !== '') option(2, 'origins.<name>.prefix', quoted(place.prefix));
    say(2, 'origins.<name>.credentials');
    option(3, 'origins.<name>.credentials.from');
    option(2, 'origins.<name>.connections');
  } else if (kind === 'http') {
    option(2, 'origins.<name>.url', quoted(origin));
    option(2, 'origins.<name>.connections');
  } else option(2, 'origins.<name>.root', quoted(origin));
  gap();
  say(0, 'routes');
  lines.push('  - name: images', '    match:');
  for (const path of ['routes[].match.hosts', 'routes[].match.paths']) option(3, path);
  lines.push('    origin: images', '    key:');
  option(3, 'routes[].key.query', kind === 'http' ? 'all' : 'none');
  lines.push('    ttl:');
  for (const line of wrap(
    `${rows.get('routes[].ttl.default')!.meta.about} Unless set: ${rows.get('routes[].ttl.default')!.meta.defaultNote}.`,
    94,
  )) {
    lines.push(`      # ${line}`);
  }
  lines.push('      # default: 1h');
  option(3, 'routes[].ttl.negative');
  lines.push('    stale:');
  for (const path of ['routes[].stale.whileRevalidate', 'routes[].stale.ifError']) option(3, path);
  lines.push(
    '    # Other sizes and formats of each image, by its address (docs/images.md):',
    '    # images: { defaults: auto=format, widths: [320, 640, 960, 1280, 1920] }',
  );
  return `${lines.join('\n')}\n`;
}

/** A default as it stands in the file. */
function written(row: Described): string {
  const { fallback } = row;
  if (Array.isArray(fallback)) return `[${fallback.map((item) => quoted(String(item))).join(', ')}]`;
  return String(fallback);
}

/** A YAML string that is taken literally: quoted, and `${` kept from being replaced. */
function quoted(text: string): string {
  const literal = text.replaceAll('${', () => '$${');
  // Plain only where nothing else could be read into it: not true, not 1.5, not .inf.
  const isPlain =
    /^[A-Za-z0-9./][A-Za-z0-9./:_@%-]*$/.test(literal) && /[:/]|iB$/.test(literal) && !literal.endsWith(':');
  return isPlain ? literal : `'${literal.replaceAll("'", "''")}'`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
