import type { ReaderShare } from '../../cache/readers.ts';
import type { Config } from '../../config/config.ts';
import type { HitCounts } from '../../monitor/hit-books.ts';
import type { StoredPlace, TierLayout, TierShare } from '../../store/memory/tier-reader.ts';
import type { RingShare } from '../../traffic/live/row-ring.ts';
import type { ServerLimits } from '../limits.ts';
import type { ListenAddress, PublicServerOptions } from '../listener.ts';
import type { Board } from './board.ts';

/**
 * What the owner and a worker tell each other. Everything is posted in batches, in order. `id` is that of one request that
 * a worker handed on; ids are never reused, and a message about one that is settled is ignored.
 */

/** What can change while a worker is at work. */
export interface WorkerRouting {
  readonly config: Pick<Config, 'routes' | 'cache'>;
  /** By id. */
  readonly routeNames: readonly string[];
  /** One in so many hits is logged; undefined for no access log. */
  readonly logSample: number | undefined;
}

/** All that a worker has to know at its start. */
export interface WorkerOrder {
  /** Its position: the owner has 0. */
  readonly index: number;
  readonly listen: ListenAddress;
  readonly limits: Partial<ServerLimits>;
  readonly tls: PublicServerOptions['tls'];
  readonly routing: WorkerRouting;
  /** Routes with an id below it are counted. */
  readonly routesMax: number;
  readonly pseudonym: string;
  readonly tier: TierShare;
  readonly reader: ReaderShare;
  readonly hits: HitCounts;
  readonly board: Board;
  /** What it notes of its hits for the traffic record; undefined where there is none. */
  readonly ring: RingShare | undefined;
  /** `performance.timeOrigin` of the owner, so that both measure by one clock. */
  readonly timeOriginMs: number;
}

/** A request that the owner is to answer. */
export interface AskMessage {
  readonly kind: 'ask';
  readonly id: number;
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** As `Fields.flat`. */
  readonly fields: readonly string[];
  readonly client: string;
  readonly receivedMs: number;
  /** Set when it has a body; its length where that is known. */
  readonly body: { readonly bytes: number | undefined } | undefined;
}

/** How the payload of an answer gets to the worker. */
export type PostedBody =
  | { readonly kind: 'none' }
  /** It lies in shared memory, pinned by the owner until `done`, and may be read up to `available`. */
  | {
      readonly kind: 'stored';
      readonly place: StoredPlace;
      readonly from: number;
      readonly bytes: number;
      readonly available: number;
    }
  /** Its bytes follow as chunks, a window of them ahead of what the client has taken. */
  | { readonly kind: 'stream'; readonly bytes: number | undefined };

export type ToOwner =
  | AskMessage
  /** The client is gone. */
  | { readonly kind: 'abandon'; readonly id: number }
  /** The answer was sent, or given up. */
  | { readonly kind: 'done'; readonly id: number; readonly sentBytes: number; readonly whole: boolean }
  /** The client has taken so much of a stream. */
  | { readonly kind: 'taken'; readonly id: number; readonly position: number }
  | { readonly kind: 'body-data'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly kind: 'body-end' | 'body-fail'; readonly id: number }
  | { readonly kind: 'listening' }
  /** Its ring of recorded rows is half full. */
  | { readonly kind: 'rows' }
  /** Every connection is closed; so many had to be cut. */
  | { readonly kind: 'drained'; readonly cut: number }
  | { readonly kind: 'log'; readonly lines: Uint8Array }
  | { readonly kind: 'fault'; readonly error: string };

export type ToWorker =
  | { readonly kind: 'start'; readonly order: WorkerOrder }
  | { readonly kind: 'layout'; readonly layout: TierLayout }
  | { readonly kind: 'configure'; readonly routing: WorkerRouting }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly status: number;
      readonly head: string;
      readonly headInPayload: boolean;
      readonly body: PostedBody;
    }
  | { readonly kind: 'chunk'; readonly id: number; readonly chunk: Uint8Array }
  /** Of a stored body, so much may be read now. */
  | { readonly kind: 'available'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'end' | 'broken'; readonly id: number }
  | { readonly kind: 'body-receive' | 'body-pause' | 'body-resume'; readonly id: number }
  /** The last lines that were sent are written; the next ones may come. */
  | { readonly kind: 'log-taken' }
  | { readonly kind: 'collect' }
  | { readonly kind: 'drain'; readonly deadlineMs: number };

/** Posts messages in batches, once for each turn of the event loop: a post costs 2 us, however many it carries. */
export class Outbox<Message> {
  #batch: Message[] = [];
  readonly #post: (batch: Message[]) => void;

  constructor(post: (batch: Message[]) => void) {
    this.#post = post;
  }

  send(message: Message): void {
    if (this.#batch.push(message) === 1) queueMicrotask(() => this.flush());
  }

  /** Posts what is waiting, at once. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#post(batch);
  }
}
