import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { AdminDenial } from '../monitor/recorder.ts';

/** Wrong tokens that one address may try at once, and how fast it earns another try. */
const GUESSES = 10;
const GUESS_REFILL_MS = 1_000;
/** Addresses remembered; beyond it the one that has been quiet longest is forgotten. */
const ADDRESSES = 256;
/** Different wrong tokens remembered per address, so that a mis-set scraper is not taken for a guesser. */
const KNOWN_WRONG = 8;

export interface GuardOptions {
  readonly token: string;
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
 * - *Token*: compared in constant time. Of an address that tries more than 10 different wrong tokens in a row, they are
 *   refused as guesses until it has been quiet for a second per try: that is for whoever watches. The right one always
 *   passes, for operators often share an address with whatever else runs there, and nobody may lock them out in the middle
 *   of an incident. What keeps guesses from succeeding is the token: at least 16 characters, 2^256 if it is our own.
 */
export class AdminGuard {
  readonly #digest: Buffer;
  readonly #clock: Clock;
  readonly #listenHost: string;
  readonly #guessers = new Map<string, Guesser>();

  constructor(options: GuardOptions) {
    this.#digest = sha256(options.token);
    this.#clock = options.clock;
    this.#listenHost = options.listenHost.toLowerCase();
  }

  /** Why the request is turned away; undefined when it may pass. */
  check(request: GuardedRequest): AdminDenial | undefined {
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

  #checkToken(authorization: string | null, client: string): AdminDenial | undefined {
    const presented = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined) return 'token-missing';
    const nowMs = this.#clock.monotonicMs();
    const digest = sha256(presented);
    if (timingSafeEqual(digest, this.#digest)) return undefined;
    const guesser = this.#guessers.get(client);
    if (guesser !== undefined && tries(guesser, nowMs) < 1) return 'too-many-guesses';
    this.#noteWrong(client, guesser, digest.toString('base64'), nowMs);
    return 'token-wrong';
  }

  #noteWrong(client: string, known: Guesser | undefined, wrong: string, nowMs: number): void {
    const guesser = known ?? { tries: GUESSES, atMs: nowMs, wrong: [] };
    if (!guesser.wrong.includes(wrong)) {
      guesser.tries = tries(guesser, nowMs) - 1;
      guesser.atMs = nowMs;
      guesser.wrong.push(wrong);
      if (guesser.wrong.length > KNOWN_WRONG) guesser.wrong.shift();
    }
    // Insertion order is age: the address that was wrong last is the last to be forgotten.
    this.#guessers.delete(client);
    this.#guessers.set(client, guesser);
    if (this.#guessers.size > ADDRESSES) this.#guessers.delete(this.#guessers.keys().next().value!);
  }
}

interface Guesser {
  tries: number;
  atMs: number;
  /** Digests of the wrong tokens seen last. */
  readonly wrong: string[];
}

function tries(guesser: Guesser, nowMs: number): number {
  return Math.min(GUESSES, guesser.tries + (nowMs - guesser.atMs) / GUESS_REFILL_MS);
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
