import { createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { seededRandom } from '../../src/base/random.ts';

/**
 * An origin that misbehaves, over raw TCP on 127.0.0.1. The first path segment chooses the misbehaviour (the keys of
 * {@link BEHAVIOURS}, each with its explanation); whatever follows it, and any query, is free:
 * `/truncate-length/cat.jpg?7` is one of the truncated ones. Unknown paths are answered with 404; HEAD is answered
 * properly everywhere but at `/head-with-body`.
 */
export interface BadOrigin {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Requests so far whose first path segment is that; all of them when left out. */
  requests(behaviour?: string): number;
  /** Connections accepted so far. */
  accepted(): number;
  /** Connections open now. */
  open(): number;
  /** Bytes that the kernel has taken so far. */
  sentBytes(): number;
  /** Resolves when `condition` holds; asked whenever something happens at the server. */
  until(condition: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** The body of every behaviour that delivers one (30,000 bytes), as a whole. */
export const BAD_ORIGIN_BODY: Buffer = (() => {
  const random = seededRandom(30_000);
  return Buffer.from(Uint8Array.from({ length: 30_000 }, () => random.u32() & 0xff));
})();

interface Line {
  readonly query: string;
}

type Behaviour = (peer: Peer, line: Line) => void;

const BODY = BAD_ORIGIN_BODY;
const HALF = BODY.subarray(0, BODY.length / 2);
const FIELDS = 'content-type: image/jpeg\r\netag: "bad"\r\ncache-control: max-age=60\r\n';

function head(extra: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\n${FIELDS}${extra}\r\n`;
}
function whole(body: Uint8Array = BODY): Buffer {
  return Buffer.concat([Buffer.from(head(`content-length: ${body.length}\r\n`)), body]);
}
function chunk(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
}
const CHUNKED_HEAD = head('transfer-encoding: chunked\r\n');
const CLOSE_HEAD = head('');

/** Lets what was written reach the peer before the connection is reset: a reset overtakes what is in flight. */
const SETTLE_MS = 20;

/** What each path does. `whole` stands for a proper response with {@link BAD_ORIGIN_BODY}. */
export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  /** Nothing wrong: Content-Length, kept alive. */
  good: (peer) => peer.send(whole()),
  /** Nothing wrong: chunked in three parts, with an extension and a trailer. */
  'good-chunked': (peer) =>
    peer.send(
      CHUNKED_HEAD,
      chunk(HALF),
      '3a98;name=value\r\n',
      BODY.subarray(15_000),
      '\r\n0\r\nx-sum: 1\r\n\r\n',
    ),
  /** Nothing wrong: the body ends with the connection, in good order. */
  'close-delimited': (peer) => peer.send(CLOSE_HEAD, BODY).fin(),
  /** Nothing wrong: HTTP/1.0, closed after the response. */
  http10: (peer) => peer.send(`HTTP/1.0 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n`, BODY).fin(),
  /** Nothing wrong: 100 and 103 before the response, in writes of their own. */
  interim: (peer) =>
    peer.send('HTTP/1.1 100 Continue\r\n\r\n').later(() => {
      peer.send('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', whole());
    }),
  /** Nothing wrong: Content-Encoding gzip. */
  gzip: (peer) => {
    const packed = gzipSync(BODY);
    peer.send(head(`content-encoding: gzip\r\ncontent-length: ${packed.length}\r\n`), packed);
  },
  /** Nothing wrong: an empty body. */
  empty: (peer) => peer.send(head('content-length: 0\r\n')),
  /** Nothing wrong: a redirect (302, or `?status=`) to the URL-encoded `?to=`, with a small body. */
  redirect: (peer, { query }) => {
    const { to = '/good', status = '302' } = Object.fromEntries(new URLSearchParams(query));
    peer.send(head(`location: ${to}\r\ncontent-length: 5\r\n`, `${status} Moved`), 'moved');
  },
  /** Redirects to itself. */
  'redirect-loop': (peer) =>
    peer.send(head('location: /redirect-loop\r\ncontent-length: 0\r\n', '301 Moved')),
  /** A redirect to /good whose own body never ends. */
  'redirect-endless': (peer) => {
    peer.send(head('location: /good\r\ntransfer-encoding: chunked\r\n', '302 Moved'));
    peer.stream(chunk(BODY));
  },
  /** An honest error: 503. */
  unavailable: (peer) => peer.send(head('content-length: 4\r\n', '503 Service Unavailable'), 'busy'),

  /** Half of the promised length, then an orderly close. */
  'truncate-length': (peer) => peer.send(whole().subarray(0, -HALF.length)).fin(),
  /** Ends inside a chunk. */
  'truncate-chunked': (peer) => peer.send(CHUNKED_HEAD, chunk(BODY).subarray(0, HALF.length)).fin(),
  /** All data, but no last chunk. */
  'no-final-chunk': (peer) => peer.send(CHUNKED_HEAD, chunk(BODY)).fin(),
  /** The last chunk lacks its final CR LF. */
  'cut-final-chunk': (peer) => peer.send(CHUNKED_HEAD, chunk(BODY), '0\r\n').fin(),
  /** A chunk whose size is no number. */
  'garbage-chunk': (peer) => peer.send(CHUNKED_HEAD, chunk(HALF), 'zz\r\nboo\r\n0\r\n\r\n'),
  /** Half of the body, then a reset; `?close` makes it a body without a length. */
  'reset-mid-body': (peer, { query }) =>
    peer.send(query === 'close' ? CLOSE_HEAD : head(`content-length: ${BODY.length}\r\n`), HALF).reset(),
  /** A body without a length, cut by a reset. */
  'close-delimited-cut': (peer) => peer.send(CLOSE_HEAD, HALF).reset(),
  /** A reset instead of a response. */
  'reset-before-head': (peer) => peer.reset(),
  /** A reset inside the head. */
  'reset-mid-head': (peer) => peer.send('HTTP/1.1 200 OK\r\ncontent-le').reset(),
  /** An orderly close instead of a response. */
  'close-before-head': (peer) => peer.fin(),

  /** More body than the length says, in the same write. */
  overrun: (peer) => peer.send(Buffer.concat([whole(), Buffer.from('more')])),
  /** More after the last chunk, in the same write. */
  'overrun-chunked': (peer) =>
    peer.send(Buffer.concat([Buffer.from(CHUNKED_HEAD), chunk(BODY), Buffer.from('0\r\n\r\nmore')])),
  /** A proper response, and a moment later bytes that nobody asked for. */
  'overrun-late': (peer) => peer.send(whole()).later(() => peer.send('more')),
  /** A proper response; the next one on this connection is preceded by the rest of this one. */
  'overrun-next': (peer) => {
    peer.debt = 'the rest of the body';
    peer.send(whole());
  },
  /** A body behind the response to HEAD. */
  'head-with-body': (peer) => peer.send(whole()),
  /** A body behind 204. */
  'no-content-with-body': (peer) => peer.send('HTTP/1.1 204 No Content\r\n\r\nbody'),
  /** More is promised than sent; the connection stays open. */
  'wrong-length': (peer) => peer.send(head(`content-length: ${BODY.length + 100}\r\n`), BODY),

  /** Accepts the request and says nothing. */
  'hang-before-head': () => undefined,
  /** Half a head, then nothing. */
  'hang-mid-head': (peer) => peer.send('HTTP/1.1 200 OK\r\ncontent-le'),
  /** Half of the body, then nothing; `?chunked` in chunks. */
  'hang-mid-body': (peer, { query }) =>
    query === 'chunked'
      ? peer.send(CHUNKED_HEAD, chunk(HALF))
      : peer.send(head(`content-length: ${BODY.length}\r\n`), HALF),
  /** A proper response of 40 bytes, head included, one byte at a time. */
  drip: (peer) => peer.drip(whole(BODY.subarray(0, 40))),
  /** A head that goes on byte by byte (slow-loris). */
  'drip-head': (peer) => peer.drip(Buffer.from(`HTTP/1.1 200 OK\r\nx-pad: ${'a'.repeat(100_000)}`)),
  /** A chunked body without end, as fast as the peer takes it. */
  'endless-body': (peer) => {
    peer.send(CHUNKED_HEAD);
    peer.stream(chunk(BODY));
  },
  /** A head without end. */
  'endless-head': (peer) => {
    peer.send('HTTP/1.1 200 OK\r\n');
    peer.stream(Buffer.from('x-field: value\r\n'.repeat(100)));
  },
  /** Interim responses without end. */
  'endless-interim': (peer) => peer.stream(Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100))),
  /** Promises a terabyte. */
  'too-large': (peer) => peer.send(head('content-length: 1000000000000\r\n'), HALF),

  /** Content-Length and Transfer-Encoding together. */
  'cl-te': (peer) => peer.send(head(`content-length: 5\r\ntransfer-encoding: chunked\r\n`), '0\r\n\r\n'),
  /** Two Content-Length that differ; `?same` two that agree. */
  'two-cl': (peer, { query }) =>
    peer.send(head(`content-length: 4\r\ncontent-length: ${query === 'same' ? 4 : 5}\r\n`), 'body'),
  /** Content-Length: -1 */
  'negative-cl': (peer) => peer.send(head('content-length: -1\r\n'), 'body'),
  /** Transfer-Encoding: gzip, chunked */
  'odd-te': (peer) => peer.send(head('transfer-encoding: gzip, chunked\r\n'), '0\r\n\r\n'),
  /** Not HTTP at all. */
  'not-http': (peer) => peer.send('SSH-2.0-OpenSSH_9.2\r\n'),
  /** A status line without a number. */
  'bad-status': (peer) => peer.send('HTTP/1.1 OK\r\ncontent-length: 0\r\n\r\n'),
  /** A status of four digits. */
  'long-status': (peer) => peer.send('HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n'),
  /** Lines that end with LF alone. */
  'bare-lf': (peer) => peer.send('HTTP/1.1 200 OK\ncontent-length: 4\n\nbody'),
  /** A folded field line. */
  'obs-fold': (peer) => peer.send(head('x-a: 1\r\n  2\r\ncontent-length: 4\r\n'), 'body'),
  /** NUL in a field value. */
  nul: (peer) => peer.send(head('x-a: a\0b\r\ncontent-length: 4\r\n'), 'body'),
  /** A field of 64 KB. */
  'huge-head': (peer) => peer.send(head(`x-a: ${'a'.repeat(65_536)}\r\ncontent-length: 4\r\n`), 'body'),
  /** A thousand fields. */
  'many-fields': (peer) => peer.send(head(`${'a: 1\r\n'.repeat(1000)}content-length: 4\r\n`), 'body'),
  /** Switches protocols unasked. */
  switch: (peer) => peer.send('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n'),

  /** A proper response; the next request on this connection, whatever it is, is answered with an orderly close. */
  stale: (peer) => {
    peer.onNext = () => peer.fin();
    peer.send(whole());
  },
  /** The same, but the response takes a moment. */
  'stale-slow': (peer) =>
    peer.later(() => {
      peer.onNext = () => peer.fin();
      peer.send(whole());
    }),
  /** A proper response; the next request on this connection is answered with a reset. */
  'stale-reset': (peer) => {
    peer.onNext = () => peer.reset();
    peer.send(whole());
  },
  /** A proper response; the next request on this connection gets half a head, then a close. */
  'stale-half': (peer) => {
    peer.onNext = () => peer.send('HTTP/1.1 200 OK\r\ncontent-le').fin();
    peer.send(whole());
  },
  /** A proper response, followed by an unannounced close. */
  'close-after': (peer) => peer.send(whole()).fin(),
  /** A proper response and an announced close. */
  'connection-close': (peer) => peer.send(head(`connection: close\r\ncontent-length: 4\r\n`), 'body').fin(),
};

/** Starts one on a free port. Stop it when done: it keeps the process alive. */
export async function startBadOrigin(): Promise<BadOrigin> {
  const state = new State();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => new Peer(socket, state));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests: (behaviour) => (behaviour === undefined ? state.total : (state.counts.get(behaviour) ?? 0)),
    accepted: () => state.accepted,
    open: () => state.peers.size,
    sentBytes: () => state.sentBytes,
    until: (condition) => state.until(condition),
    stop: () => stop(server, state),
  };
}

async function stop(server: Server, state: State): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const peer of state.peers) peer.destroy();
  await closed;
}

class State {
  readonly peers = new Set<Peer>();
  readonly counts = new Map<string, number>();
  total = 0;
  accepted = 0;
  sentBytes = 0;
  readonly #watchers = new Set<() => void>();

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  changed(): void {
    for (const look of [...this.#watchers]) look();
  }
}

/** One connection as the misbehaving side sees it. */
class Peer {
  /** Sent before the next response. */
  debt = '';
  /** Replaces the behaviour of the next request. */
  onNext: (() => void) | undefined;
  readonly #socket: Socket;
  readonly #state: State;
  #received = '';
  #gone = false;

  constructor(socket: Socket, state: State) {
    this.#socket = socket;
    this.#state = state;
    state.peers.add(this);
    state.accepted += 1;
    state.changed();
    socket.on('data', (data) => this.#onData(data.toString('latin1')));
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined); // the peer went away: its right
    socket.on('close', () => {
      this.#gone = true;
      state.peers.delete(this);
      state.changed();
    });
  }

  send(...parts: (string | Uint8Array)[]): this {
    for (const part of parts) this.#write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    return this;
  }

  fin(): this {
    this.#socket.end();
    return this;
  }

  reset(): this {
    return this.later(() => this.#socket.resetAndDestroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Runs `fn` after a moment, unless the connection is gone. */
  later(fn: () => void): this {
    setTimeout(() => {
      if (!this.#gone) fn();
    }, SETTLE_MS);
    return this;
  }

  drip(bytes: Buffer): void {
    let at = 0;
    const timer = setInterval(() => {
      if (this.#gone || at === bytes.length) clearInterval(timer);
      else this.#write(bytes.subarray(at, ++at));
    }, 1);
  }

  /** Repeats `part` for ever, as fast as the peer takes it. */
  stream(part: Buffer): void {
    const more = (): void => {
      while (!this.#gone && this.#write(part));
    };
    this.#socket.on('drain', more);
    more();
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#gone) return false;
    return this.#socket.write(bytes, (error) => {
      if (error) return;
      this.#state.sentBytes += bytes.length;
      this.#state.changed();
    });
  }

  #onData(text: string): void {
    this.#received += text;
    for (let end = this.#received.indexOf('\r\n\r\n'); end >= 0; end = this.#received.indexOf('\r\n\r\n')) {
      const requestLine = this.#received.slice(0, this.#received.indexOf('\r\n'));
      this.#received = this.#received.slice(end + 4);
      this.#answer(requestLine);
    }
  }

  #answer(requestLine: string): void {
    const [method = '', target = ''] = requestLine.split(' ');
    const [path = '', query = ''] = target.split('?', 2);
    const name = path.split('/')[1] ?? '';
    this.#state.total += 1;
    this.#state.counts.set(name, (this.#state.counts.get(name) ?? 0) + 1);
    this.#state.changed();
    const { debt, onNext } = this;
    this.debt = '';
    this.onNext = undefined;
    if (debt !== '') this.send(debt);
    if (onNext !== undefined) onNext();
    else if (method === 'HEAD' && name !== 'head-with-body')
      this.send(head(`content-length: ${BODY.length}\r\n`));
    else (BEHAVIOURS[name] ?? notFound)(this, { query });
  }
}

function notFound(peer: Peer): void {
  peer.send('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
}
