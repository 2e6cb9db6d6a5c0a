/** Bare sockets for the cases: what is sent is exactly what was written down. */

export interface Message {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** Names lower-case; lines of one name joined by `, `. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** An origin on 127.0.0.1 that writes what `answer` returns; undefined: it closes the connection. */
export function startOrigin(answer: (request: Message) => string | undefined): {
  port: number;
  stop: () => void;
} {
  const texts = new Map<object, string>();
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, bytes) {
        const text = (texts.get(socket) ?? '') + bytes.toString('latin1');
        texts.set(socket, text);
        const request = parse(text);
        if (request === undefined || request.body.length < Number(request.fields.get('content-length') ?? 0))
          return;
        texts.delete(socket);
        const written = answer(request);
        if (written !== undefined) socket.write(Buffer.from(written, 'latin1'));
        // One answer for each connection: a broken one ends here.
        socket.end();
      },
      close: (socket) => void texts.delete(socket),
    },
  });
  return { port: server.port, stop: () => server.stop(true) };
}

/** Sends one request on a connection of its own, and reads its answer to the end. */
export function exchange(port: number, request: string): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  let text = '';
  const done = (): void => {
    const message = parse(text);
    if (message === undefined) reject(new Error(`no answer: ${JSON.stringify(text)}`));
    else resolve({ ...message, body: dechunked(message) });
  };
  void Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) => void socket.write(Buffer.from(request, 'latin1')),
      data(_, bytes) {
        text += bytes.toString('latin1');
      },
      end: (socket) => void socket.end(),
      close: done,
      error: (_, error) => reject(error),
    },
  }).catch(reject);
  return promise;
}

function parse(text: string): Message | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [start = '', ...lines] = text.slice(0, end).split('\r\n');
  const [first = '', second = ''] = start.split(' ');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { method: first, target: second, status: Number(second), fields, body: text.slice(end + 4) };
}

function dechunked({ fields, body }: Message): string {
  if (fields.get('transfer-encoding') !== 'chunked') return body;
  let whole = '';
  let at = 0;
  for (;;) {
    const end = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, end), 16);
    if (end < 0 || !(size > 0)) return whole;
    whole += body.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
  }
}
