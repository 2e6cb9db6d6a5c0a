import type { ReaderShare } from '../../cache/readers.ts';
import { HitFold, newHitCounts } from '../../monitor/hit-books.ts';
import type { RingShare } from '../../traffic/live/row-ring.ts';
import { type Board, BoardWord, newBoard } from './board.ts';
import type { ConnectionCounts, CrewOptions } from './crew.ts';
import { OwnerLink } from './link.ts';
import { Outbox, type ToOwner, type ToWorker, type WorkerRouting } from './messages.ts';
import { startThread, type Thread, timeOriginMs } from './thread.ts';

/** What a {@link Member} tells its crew. */
export interface MemberEvents {
  onListening(): void;
  /** Its thread is over, and all that it held has been given back. */
  onGone(member: Member, error: string | undefined): void;
}

/** One worker, as its owner sees it. */
export class Member {
  /** Its position among all threads; the owner has 0. */
  readonly index: number;
  readonly thread: Thread;
  readonly outbox: Outbox<ToWorker>;
  readonly link: OwnerLink;
  readonly board: Board;
  listening = false;
  /** Connections that its drain had to cut. */
  cut = 0;
  readonly #options: CrewOptions;
  readonly #events: MemberEvents;
  readonly #reader: ReaderShare;
  readonly #fold: HitFold;
  readonly #ring: RingShare | undefined;
  #logWaits = false;
  #lastBeat = -1;
  #silent = 0;

  constructor(options: CrewOptions, connections: ConnectionCounts, index: number, events: MemberEvents) {
    const { tier, handler, clock, onFault, routeNames, recorder } = options;
    this.index = index;
    this.#options = options;
    this.#events = events;
    this.board = newBoard(connections);
    this.#reader = tier.readers!.add();
    const hits = newHitCounts(routeNames.length);
    this.#fold = new HitFold(hits, recorder);
    this.#ring = options.traffic?.join(routeNames.length);
    this.thread = startThread({
      onMessages: (messages) => {
        for (const message of messages) this.#receive(message);
      },
      onExit: (error) => this.#gone(error),
    });
    this.outbox = new Outbox((batch) => this.thread.post(batch));
    const send = (message: ToWorker): void => this.outbox.send(message);
    this.link = new OwnerLink({ handler, tier, send, nowMs: () => clock.nowMs(), onFault });
    send({
      kind: 'start',
      order: {
        index,
        listen: options.listen.listen,
        limits: options.listen.limits ?? {},
        tls: options.listen.tls,
        routing: routingOf(options),
        routesMax: routeNames.length,
        pseudonym: options.pseudonym,
        tier: tier.share(),
        reader: this.#reader,
        hits,
        board: this.board,
        ring: this.#ring,
        timeOriginMs: timeOriginMs(),
      },
    });
  }

  configure(options: CrewOptions): void {
    this.outbox.send({ kind: 'configure', routing: routingOf(options) });
  }

  /** Books its hits, and lets it go on logging. */
  tick(): void {
    this.#fold.fold();
    if (this.#logWaits && (this.#options.accessSink()?.ready() ?? true)) {
      this.#logWaits = false;
      this.outbox.send({ kind: 'log-taken' });
    }
  }

  /** How many times in a row this was asked without a beat in between; a worker that is starting is given time. */
  silentLooks(): number {
    const beat = this.board.words[BoardWord.BEAT]!;
    this.#silent = beat === this.#lastBeat ? this.#silent + 1 : 0;
    this.#lastBeat = beat;
    return this.#silent;
  }

  #receive(message: ToOwner): void {
    switch (message.kind) {
      case 'ask':
        this.link.ask(message);
        break;
      case 'listening':
        this.listening = true;
        this.#events.onListening();
        break;
      case 'drained':
        this.cut = message.cut;
        this.thread.terminate();
        break;
      case 'log':
        this.#log(message.lines);
        break;
      case 'rows':
        this.#options.traffic?.collectSoon();
        break;
      case 'fault':
        this.#options.onFault(message.error);
        break;
      default:
        this.link.receive(message);
    }
  }

  /** The file is the owner's, so a rotation concerns nobody else. */
  #log(lines: Uint8Array): void {
    this.#logWaits = true;
    try {
      this.#options.accessSink()?.write(lines);
    } catch {
      // The sink reports its own trouble, and counts what it lost.
    }
  }

  #gone(error: string | undefined): void {
    this.link.dispose();
    this.#options.tier.readers!.remove(this.#reader);
    this.#fold.fold();
    if (this.#ring !== undefined) this.#options.traffic?.leave(this.#ring);
    this.board.connections[this.index] = 0;
    this.#events.onGone(this, error);
  }
}

function routingOf({ config, routeNames, accessSink }: CrewOptions): WorkerRouting {
  const { routes, cache, log } = config;
  const logSample = accessSink() === undefined ? undefined : log.access.sample;
  return { config: { routes, cache }, routeNames: [...routeNames], logSample };
}
