import type { Snapshot } from '../monitor/snapshot.ts';
import { adminTokenFile } from './admin-token.ts';

/** Where commands look for a node unless told: the default of `admin.listen`. */
export const DEFAULT_ADMIN_URL = 'http://127.0.0.1:9090';
const TIMEOUT_MS = 5_000;
/** For what is long: a whole record. */
const DOWNLOAD_TIMEOUT_MS = 3_600_000;

/** Why a command could not talk to a node: `message` says what failed and where, `remedy` what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly remedy: string;

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, { cause });
    this.remedy = remedy;
  }
}

/** The part of `fetch` that is used. */
export type AdminFetch = (url: string, init: BunFetchRequestInit) => Promise<Response>;

export interface AdminClientOptions {
  /** As given by the user: `http://127.0.0.1:9090`, `127.0.0.1:9090` or `:9090`; undefined for the default. */
  readonly url: string | undefined;
  /** As given by the user; else HOLDFAST_ADMIN_TOKEN, else the file a node on this machine left. */
  readonly token: string | undefined;
  /** Certificate file of a private authority, PEM, for https; else HOLDFAST_ADMIN_CA. */
  readonly ca?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => Promise<string>;
  readonly fetch: AdminFetch;
  /** Longest time one request may take, default 5 s. */
  readonly timeoutMs?: number;
}

/** Talks to the admin port of one node, for commands. Every failure is an {@link AdminError}. */
export class AdminClient {
  /** Without a path. */
  readonly url: string;
  readonly #options: AdminClientOptions;
  #token: string | undefined;

  /** @throws AdminError when the URL makes no sense. */
  constructor(options: AdminClientOptions) {
    this.#options = options;
    this.url = readUrl(options.url ?? DEFAULT_ADMIN_URL);
  }

  /** The node's state now. */
  async status(): Promise<Snapshot> {
    return this.#checked(await this.get('/api/status'), isSnapshot);
  }

  /** What a GET of that path answers, read as JSON. */
  get(path: string): Promise<unknown> {
    return this.#ask('GET', path, undefined, []);
  }

  /** The bytes that a GET of that path answers, as they arrive, for an hour at most. What breaks off throws an AdminError. */
  async download(path: string): Promise<AsyncIterable<Uint8Array>> {
    try {
      const response = await this.#fetch('GET', path, undefined, DOWNLOAD_TIMEOUT_MS);
      if (response.status >= 300)
        throw this.#refused(response.status, await response.text(), this.#token !== undefined);
      return this.#pieces(response);
    } catch (error) {
      this.#token = undefined;
      throw error instanceof AdminError ? error : this.#unreachable(error, DOWNLOAD_TIMEOUT_MS);
    }
  }

  async *#pieces(response: Response): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of response.body ?? []) yield piece;
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') throw this.#unreachable(error, DOWNLOAD_TIMEOUT_MS);
      throw new AdminError(
        `what ${this.url} was sending broke off in the middle`,
        'Look at the log of the node: it says why, unless the node was stopped. Then try again.',
        error,
      );
    }
  }

  /**
   * Changes something, by POST or DELETE.
   *
   * @param refusals statuses that are answers as well, and no failures.
   * @param timeoutMs longest wait, where it is longer than usual.
   */
  change(
    method: 'POST' | 'DELETE',
    path: string,
    body: unknown,
    options: { readonly refusals?: readonly number[]; readonly timeoutMs?: number } = {},
  ): Promise<unknown> {
    return this.#ask(method, path, body, options.refusals ?? [], options.timeoutMs);
  }

  #checked<T>(value: unknown, isOne: (value: unknown) => value is T): T {
    if (isOne(value)) return value;
    throw new AdminError(
      `what answered at ${this.url} is not a Holdfast node of this version`,
      'Check --admin; if it is one, use the same version of Holdfast here and there.',
    );
  }

  async #ask(
    method: string,
    path: string,
    body: unknown,
    refusals: readonly number[],
    timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS,
  ): Promise<unknown> {
    try {
      const response = await this.#fetch(method, path, body, timeoutMs);
      const text = await response.text();
      if (response.status >= 300 && !refusals.includes(response.status))
        throw this.#refused(response.status, text, this.#token !== undefined);
      return this.#checked(
        parsed(text),
        (value): value is object => typeof value === 'object' && value !== null,
      );
    } catch (error) {
      // A token from a file may be of an earlier run: look again next time.
      this.#token = undefined;
      throw error instanceof AdminError ? error : this.#unreachable(error, timeoutMs);
    }
  }

  async #fetch(method: string, path: string, body: unknown, timeoutMs: number): Promise<Response> {
    const token = await this.#findToken();
    const ca = await this.#authority();
    return this.#options.fetch(`${this.url}${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(ca === undefined ? {} : { tls: { ca } }),
      redirect: 'manual',
      // Not even one from the environment: the request carries the token. (The type knows only URLs.)
      proxy: false as never,
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  /** The certificate of a private authority, where one is named. */
  async #authority(): Promise<string | undefined> {
    const path = this.#options.ca ?? this.#options.env['HOLDFAST_ADMIN_CA'];
    if (path === undefined || path === '') return undefined;
    try {
      return await this.#options.readFile(path);
    } catch (error) {
      throw new AdminError(
        `cannot read the certificate ${path}: ${(error as Error).message}`,
        'Check --ca or HOLDFAST_ADMIN_CA: a PEM file with the authority of the admin port.',
        error,
      );
    }
  }

  async #findToken(): Promise<string | undefined> {
    if (this.#token !== undefined) return this.#token;
    const given = this.#options.token ?? this.#options.env['HOLDFAST_ADMIN_TOKEN'];
    if (given !== undefined && given !== '') {
      this.#token = given.trim();
      return this.#token;
    }
    const path = this.#tokenFile();
    if (path === undefined) return undefined;
    try {
      this.#token = (await this.#options.readFile(path)).trim();
      return this.#token;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw new AdminError(
        `cannot read the admin token from ${path}: ${(error as Error).message}`,
        'Run the command as the user of the node, or give the token in HOLDFAST_ADMIN_TOKEN.',
        error,
      );
    }
  }

  #tokenFile(): string | undefined {
    const { port, protocol } = new URL(this.url);
    return adminTokenFile(this.#options.env, Number(port || (protocol === 'https:' ? 443 : 80)));
  }

  #refused(status: number, body: string, hadToken: boolean): AdminError {
    if (status === 401) {
      return hadToken
        ? new AdminError(
            `the node at ${this.url} does not accept this admin token`,
            'Compare --token or HOLDFAST_ADMIN_TOKEN with admin.token in its configuration.',
          )
        : new AdminError(
            `the node at ${this.url} wants its admin token`,
            `Set HOLDFAST_ADMIN_TOKEN or give --token; no token was found in ${this.#tokenFile() ?? 'a file: HOME is not set'}.`,
          );
    }
    const told = readProblem(body);
    return new AdminError(
      `${this.url} answered with status ${status}${told === undefined ? '' : `: ${told.message}`}`,
      told?.remedy ?? 'Check that --admin is the admin port of a Holdfast node, not its public port.',
    );
  }

  #unreachable(error: unknown, timeoutMs: number): AdminError {
    const { code, name, message } = error as { code?: string; name?: string; message?: string };
    if (name === 'TimeoutError') {
      return new AdminError(
        `${this.url} did not answer within ${timeoutMs / 1000} s`,
        'The node is stuck or unreachable: look at its log, and at firewalls between here and there.',
        error,
      );
    }
    if (code === 'ConnectionRefused' || code === 'ECONNREFUSED') {
      return new AdminError(
        `nothing listens at ${this.url}`,
        'Start a node with "holdfast serve", or name its admin port with --admin.',
        error,
      );
    }
    if (/certificate|self.signed|altname|_CERT_/i.test(`${code} ${message}`)) {
      return new AdminError(
        `the certificate of ${this.url} is not accepted: ${message ?? code}`,
        'For a private authority name its file with --ca or HOLDFAST_ADMIN_CA; ask by a name that is in the certificate.',
        error,
      );
    }
    return new AdminError(
      `cannot talk to ${this.url}: ${message ?? String(error)}`,
      'Check the address in --admin.',
      error,
    );
  }
}

function readUrl(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text.startsWith(':') ? '127.0.0.1' : ''}${text}`;
  const url = URL.parse(full);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url !== null && isHttp && url.username === '' && url.password === '') return url.origin;
  throw new AdminError('--admin is not the address of a node', `Write it like ${DEFAULT_ADMIN_URL}.`);
}

function readProblem(body: string): { message: string; remedy: string } | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown; remedy?: unknown } };
    if (typeof error?.message !== 'string' || typeof error.remedy !== 'string') return undefined;
    return { message: error.message, remedy: error.remedy };
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Enough to know that the parts that are read are there; a newer node may say more. */
function isSnapshot(value: unknown): value is Snapshot {
  if (typeof value !== 'object' || value === null) return false;
  const { startedAtMs, nowMs, requests, latency, memory, routes, origins } = value as Record<string, unknown>;
  return (
    typeof startedAtMs === 'number' &&
    typeof nowMs === 'number' &&
    isRecord(requests) &&
    isRecord(latency) &&
    isRecord(memory) &&
    isRecord(memory['removals']) &&
    Array.isArray(latency['counts']) &&
    Array.isArray(routes) &&
    Array.isArray(origins)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
