import type {
  Abandon,
  Answer,
  CacheRequest,
  Payload,
  RequestHandler,
  Responder,
} from '../../serve/answer.ts';
import type { TierReader } from '../../store/memory/tier-reader.ts';
import type { ToOwner, ToWorker } from './messages.ts';
import { type PostedPayload, StoredRemotely, StreamedPayload } from './posted-payload.ts';

interface Asked {
  readonly request: CacheRequest;
  readonly responder: Responder;
  payload: PostedPayload | undefined;
}

/** The worker's end of the seam: hands requests to the owner, and answers with what comes back. */
export class Forwarder implements RequestHandler {
  readonly #tier: TierReader;
  readonly #send: (message: ToOwner) => void;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(tier: TierReader, send: (message: ToOwner) => void) {
    this.#tier = tier;
    this.#send = send;
  }

  handle(request: CacheRequest, responder: Responder): Abandon {
    this.#lastId += 1;
    const id = this.#lastId;
    const { method, target, host, client, receivedMs, body } = request;
    this.#asked.set(id, { request, responder, payload: undefined });
    this.#send({
      kind: 'ask',
      id,
      method,
      target,
      host,
      fields: request.fields.flat,
      client,
      receivedMs,
      body: body === undefined ? undefined : { bytes: body.bytes },
    });
    return () => {
      this.#asked.delete(id);
      this.#send({ kind: 'abandon', id });
    };
  }

  /** Takes a message about a request. */
  receive(message: ToWorker & { readonly id: number }): void {
    const asked = this.#asked.get(message.id);
    if (asked === undefined) return;
    switch (message.kind) {
      case 'answer':
        this.#answer(asked, message);
        break;
      case 'chunk':
        asked.payload?.add(message.chunk);
        break;
      case 'available':
        asked.payload?.grow(message.bytes);
        break;
      case 'end':
      case 'broken':
        asked.payload?.finish(message.kind === 'broken');
        break;
      case 'body-receive':
        this.#sendBody(asked.request, message.id);
        break;
      case 'body-pause':
        asked.request.body?.pause();
        break;
      case 'body-resume':
        asked.request.body?.resume();
        break;
    }
  }

  #answer(asked: Asked, message: ToWorker & { readonly kind: 'answer' }): void {
    const { id, status, head, headInPayload, body } = message;
    if (body.kind === 'stored') asked.payload = new StoredRemotely(this.#tier, body);
    else if (body.kind === 'stream') {
      asked.payload = new StreamedPayload(body.bytes, (position) =>
        this.#send({ kind: 'taken', id, position }),
      );
    }
    asked.responder.respond({
      status,
      head,
      headInPayload,
      payload: asked.payload as Payload | undefined,
      done: (sentBytes, whole) => {
        this.#asked.delete(id);
        this.#send({ kind: 'done', id, sentBytes, whole });
      },
    } satisfies Answer);
  }

  #sendBody({ body }: CacheRequest, id: number): void {
    body?.receive({
      // A copy: the chunk is only ours during the call.
      onData: (chunk) => this.#send({ kind: 'body-data', id, chunk: new Uint8Array(chunk) }),
      onEnd: () => this.#send({ kind: 'body-end', id }),
      onFail: () => this.#send({ kind: 'body-fail', id }),
    });
  }
}
