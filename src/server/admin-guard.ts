import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { AdminDenial } from '../monitor/recorder.ts';
import { Buckets } from './buckets.ts';

/** Wrong tokens that one address may try at once, and how fast it earns another try. */
const GUESSES = { burst: 10, perS: 1 };
/** Addresses remembered; beyond it the one that has been quiet longest is forgotten. */
const ADDRESSES = 256;
/** Different wrong tokens remembered per address, so that a mis-set scraper is not taken for a guesser. */
const KNOWN_WRONG = 8;
/** What holders of a token may ask: of one token, and from one address whatever its tokens. */
const PER_TOKEN = { burst: 200, perS: 100 };
const PER_ADDRESS = { burst: 200, perS: 100 };

/** `read` looks, `operate` changes. */
export type AdminRole = 'read' | 'operate';

/** A token, and who may do what with it. */
export interface AdminToken {
  /** For the audit log. */
  readonly name: string;
  readonly token: string;
  readonly role: AdminRole;
}

/** Who was let in. */
export type Admitted = Pick<AdminToken, 'name' | 'role'>;

export interface GuardOptions {
  readonly tokens: readonly AdminToken[];
  readonly clock: Clock;
  /** The name or address that the admin server listens on. */
  readonly listenHost: string;
}

/** What the guard looks at. */
export interface GuardedRequest {
  readonly headers: Headers;
  /** Address of the peer. */
  readonly client: string;
}

/**
 * Decides who may use the admin port. Three walls, each of which would do for its own attack:
 *
 * - *Host* must be an IP address, `localhost` or the name listened on. A web page that rebinds its own DNS name to
 *   127.0.0.1 still sends that name. Ports are not compared: containers map them.
 * - *Cross-origin* requests of browsers are refused by `Origin` and `Sec-Fetch-Site` (Fetch Metadata).
 * - *Token*: compared with each in constant time. An address that tries more than 10 different wrong tokens in a row is
 *   told so until it has been quiet for a second per try. Repeating one wrong token is a mistake and not a guess. A right token is
 *   let in all the same: whoever guesses from an address that others share (a proxy, a bastion) must not lock them out, and
 *   at 16 characters at least, guessing is hopeless at any rate that a port can answer.
 *
 * Behind them, requests are limited per token and per address, so that a script gone wild does not take the processor from
 * images.
 */
export class AdminGuard {
  readonly #clock: Clock;
  readonly #listenHost: string;
  readonly #wrong = new Map<string, string[]>();
  readonly #guesses = new Buckets(GUESSES, ADDRESSES);
  readonly #perToken = new Buckets(PER_TOKEN, ADDRESSES);
  readonly #perAddress = new Buckets(PER_ADDRESS, ADDRESSES);
  #tokens: readonly { readonly who: Admitted; readonly digest: Buffer }[] = [];

  constructor(options: GuardOptions) {
    this.#clock = options.clock;
    this.#listenHost = options.listenHost.toLowerCase();
    this.setTokens(options.tokens);
  }

  /** From now on these are let in, and no others. */
  setTokens(tokens: readonly AdminToken[]): void {
    this.#tokens = tokens.map(({ name, role, token }) => ({ who: { name, role }, digest: sha256(token) }));
  }

  /** Who asks, or why the request is turned away. */
  check(request: GuardedRequest): Admitted | AdminDenial {
    const { headers, client } = request;
    if (!this.#isOwnHost(headers.get('host') ?? '')) return 'host';
    if (isCrossOrigin(headers)) return 'cross-origin';
    return this.#checkToken(headers.get('authorization'), client);
  }

  #isOwnHost(host: string): boolean {
    const name = host.replace(/:\d+$/, '').toLowerCase();
    const bare = name.replace(/^\[(.*)\]$/, '$1');
    return isIP(bare) !== 0 || name === 'localhost' || name === this.#listenHost;
  }

  #checkToken(authorization: string | null, client: string): Admitted | AdminDenial {
    const presented = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined) return 'token-missing';
    const nowMs = this.#clock.monotonicMs();
    const digest = sha256(presented);
    let who: Admitted | undefined;
    // Always all of them: the time says nothing of which one is near.
    for (const token of this.#tokens) if (timingSafeEqual(digest, token.digest)) who = token.who;
    if (who === undefined) return this.#noteWrong(client, digest.toString('base64'), nowMs);
    const within = this.#perToken.take(who.name, nowMs) && this.#perAddress.take(client, nowMs);
    return within ? who : 'too-many-requests';
  }

  #noteWrong(client: string, wrong: string, nowMs: number): AdminDenial {
    const known = this.#wrong.get(client) ?? [];
    // Insertion order is age: the address that was wrong last is the last to be forgotten.
    this.#wrong.delete(client);
    this.#wrong.set(client, known);
    if (this.#wrong.size > ADDRESSES) this.#wrong.delete(this.#wrong.keys().next().value!);
    if (known.includes(wrong)) return 'token-wrong';
    if (!this.#guesses.take(client, nowMs)) return 'too-many-guesses';
    known.push(wrong);
    if (known.length > KNOWN_WRONG) known.shift();
    return 'token-wrong';
  }
}

/** https://www.w3.org/TR/fetch-metadata/ and RFC 6454: a request that some other site's page made. */
function isCrossOrigin(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') return true;
  const origin = headers.get('origin');
  if (origin === null) return false;
  const host = headers.get('host');
  return origin !== `http://${host}` && origin !== `https://${host}`;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
