import type { Clock, Timer } from '../base/clock.ts';
import type { S3Keys } from './s3-sign.ts';

/** Where the keys of an S3 origin come from. */
export interface S3Credentials {
  /** To sign with now. Undefined without any: to ask anonymously, or, with {@link trouble}, because none could be had. */
  readonly keys: S3Keys | undefined;
  /** Why there are no keys although there should be: a sentence with what to do, without secrets. */
  readonly trouble: string | undefined;
  /** Undefined when {@link keys} may be used now; else settles when they were looked for. Never rejects. */
  ready(): Promise<void> | undefined;
  /**
   * The server did not accept these keys: looks whether there are others by now. Never rejects.
   *
   * @returns whether there are.
   */
  renew(refused: S3Keys | undefined): Promise<boolean>;
}

/** Requests without a signature, for public buckets. */
export const ANONYMOUS: S3Credentials = constant(undefined);

const VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that keys from the environment need and that are missing or empty. */
export function missingVariables(env: Environment): readonly string[] {
  return VARIABLES.filter((name) => (env[name] ?? '') === '');
}

/**
 * Keys from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, for the life of the process.
 *
 * @throws Error that names the variables that are missing, or whose value cannot be a key.
 */
export function environmentCredentials(env: Environment): S3Credentials {
  const missing = missingVariables(env);
  if (missing.length > 0)
    throw new Error(`${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set`);
  const read = keysOf(env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY'], env['AWS_SESSION_TOKEN']);
  if ('wrong' in read) throw new Error(`AWS_${read.wrong.toUpperCase()} ${NO_KEY}`);
  return constant(read);
}

function constant(keys: S3Keys | undefined): S3Credentials {
  return { keys, trouble: undefined, ready: () => undefined, renew: () => Promise.resolve(false) };
}

/** Where a file of keys is. */
export interface CredentialsFile {
  readonly path: string;
  readonly profile: string;
}

export interface CredentialsDeps {
  readonly clock: Clock;
  /** Reads a whole UTF-8 file. Rejects with the system's error. */
  readonly readFile: (path: string) => Promise<string>;
  /** Told when the keys changed, and when they can no longer be read although there are some to go on with. */
  readonly onNews?: (news: 'changed' | 'unreadable', message: string) => void;
}

/** How old what was read may be when a request is made. */
const FRESH_MS = 10_000;
/** Refused keys are looked for again at most so often. */
const RENEW_MS = 1_000;
/** A file that takes longer is on a disk that hangs. */
const READ_MS = 5_000;

/**
 * Keys from a file like `~/.aws/credentials`. It is read with the first request, again when it was last read more than 10 s
 * ago (in the background: nobody waits), and when the server refuses the keys. A file that can no longer be read changes
 * nothing: the last keys are used until it can.
 */
export function fileCredentials(file: CredentialsFile, deps: CredentialsDeps): S3Credentials {
  return new FileCredentials(file, deps);
}

class FileCredentials implements S3Credentials {
  keys: S3Keys | undefined;
  trouble: string | undefined;
  readonly #file: CredentialsFile;
  readonly #deps: CredentialsDeps;
  #reading: Promise<void> | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #isUnreadable = false;

  constructor(file: CredentialsFile, deps: CredentialsDeps) {
    this.#file = file;
    this.#deps = deps;
  }

  ready(): Promise<void> | undefined {
    const ageMs = this.#deps.clock.monotonicMs() - this.#readMs;
    if (this.keys === undefined) return ageMs < RENEW_MS ? undefined : this.#read();
    if (ageMs >= FRESH_MS) void this.#read();
    return undefined;
  }

  async renew(refused: S3Keys | undefined): Promise<boolean> {
    if (this.keys === refused && this.#deps.clock.monotonicMs() - this.#readMs >= RENEW_MS)
      await this.#read();
    return this.keys !== undefined && this.keys !== refused;
  }

  /** One read at a time, shared by all who wait for it. */
  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
      this.#readMs = this.#deps.clock.monotonicMs();
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const { path, profile } = this.#file;
    const { clock, readFile } = this.#deps;
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = clock.after(READ_MS, () =>
        reject(new Error(`nothing within ${READ_MS} ms; does its disk hang?`)),
      );
    });
    let found: S3Keys | string;
    try {
      found = readCredentials(await Promise.race([readFile(path), late]), profile);
      if (typeof found === 'string') found = `${path}: ${found}`;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      found = `${path} cannot be read (${code ?? message})`;
    } finally {
      clock.cancel(timer);
    }
    this.#take(found);
  }

  #take(found: S3Keys | string): void {
    const before = this.keys;
    if (typeof found === 'string') {
      if (before === undefined) this.trouble = `${found}; correct origins.*.credentials, or the file`;
      else if (!this.#isUnreadable)
        this.#deps.onNews?.('unreadable', `${found}; going on with the keys read before`);
      this.#isUnreadable = true;
      return;
    }
    this.#isUnreadable = false;
    this.trouble = undefined;
    if (before !== undefined && sameKeys(before, found)) return;
    this.keys = found;
    if (before !== undefined)
      this.#deps.onNews?.('changed', `${this.#file.path} has other keys, used from now on`);
  }
}

function sameKeys(a: S3Keys, b: S3Keys): boolean {
  return (
    a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken
  );
}

/**
 * The keys of a profile in the text of a credentials file: INI as AWS's tools write it, `[name]` or `[profile name]`
 * (AWS SDKs reference guide, "Shared config and credentials files"). Lines before the first of these are the profile
 * `default`: so `aws configure export-credentials --format env-no-export` writes such a file too. Of a key that is there twice,
 * the last counts.
 *
 * @returns what is wrong, as the rest of a sentence without secrets.
 */
export function readCredentials(text: string, profile: string): S3Keys | string {
  const profiles = new Map<string, Map<string, string>>();
  let name = 'default';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*(?:profile\s+)?([^\]]*?)\s*\]/.exec(line);
    if (header !== null) {
      name = header[1]!;
      profiles.set(name, profiles.get(name) ?? new Map());
      continue;
    }
    const option = /^\s*([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (option === null) continue;
    const section = profiles.get(name) ?? new Map<string, string>();
    profiles.set(name, section.set(option[1]!.toLowerCase(), option[2]!));
  }
  const found = profiles.get(profile);
  if (found === undefined) {
    const others = [...profiles.keys()].slice(0, 8).map((name) => `"${name}"`);
    return `there is no profile "${profile}" in it${others.length > 0 ? `, but ${others.join(', ')}` : ' and no other'}`;
  }
  const read = keysOf(
    found.get('aws_access_key_id'),
    found.get('aws_secret_access_key'),
    found.get('aws_session_token'),
  );
  if (!('wrong' in read)) return read;
  const option = `aws_${read.wrong}`;
  return `${option} of profile "${profile}" ${(found.get(option) ?? '') === '' ? 'is missing' : NO_KEY}`;
}

const NO_KEY = 'has a space or another character that no key has';

/** @returns the option that is missing or cannot be right: it would be written into a request. */
function keysOf(
  id: string | undefined,
  secret: string | undefined,
  token: string | undefined,
): S3Keys | { readonly wrong: string } {
  const isFit = (value: string | undefined): value is string =>
    value !== undefined && /^[\x21-\x7e]+$/.test(value);
  if (!isFit(id) || id.includes('/')) return { wrong: 'access_key_id' };
  if (!isFit(secret)) return { wrong: 'secret_access_key' };
  const keys = { accessKeyId: id, secretAccessKey: secret };
  if (token === undefined || token === '') return keys;
  return isFit(token) ? { ...keys, sessionToken: token } : { wrong: 'session_token' };
}
