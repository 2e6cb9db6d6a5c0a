import { type Answer, BROKEN, WAIT } from '../serve/answer.ts';
import type { ConnectionHost, ServerSocket } from './host.ts';
import { Pace } from './pace.ts';
import { Reply, type ReplyFraming } from './reply.ts';

/** What keeps an answer from going on. */
type Hold = 'none' | 'kernel' | 'payload' | 'turn';

/** Writes made before other connections get a turn. */
const WRITES_PER_TURN = 8;

/** What a {@link Sender} tells its connection; each call may close it. */
export interface SenderEvents {
  /** The answer was handed to the kernel whole. */
  sent(): void;
  /** The client must be shown that the answer is not whole. */
  broken(): void;
}

/**
 * Sends the answers of one connection, one at a time, as fast as client and payload allow, and settles each exactly
 * once: `payload.release`, then `answer.done`. Retains nothing of what it sends.
 */
export class Sender {
  readonly #host: ConnectionHost;
  readonly #socket: ServerSocket;
  readonly #events: SenderEvents;
  readonly #reply = new Reply();
  #answer: Answer | undefined;
  #sentBytes = 0;
  #hold: Hold = 'none';
  #blockedSinceMs = 0;
  /** Of the answer under way, once it was seen waiting for its client. */
  #pace: Pace | undefined;

  constructor(host: ConnectionHost, socket: ServerSocket, events: SenderEvents) {
    this.#host = host;
    this.#socket = socket;
    this.#events = events;
  }

  /**
   * Starts an answer; the one before must be settled.
   *
   * @param lead status line and the transport's own field lines.
   */
  start(answer: Answer, lead: string, framing: ReplyFraming): void {
    this.#answer = answer;
    this.#sentBytes = 0;
    this.#pace = undefined;
    this.#reply.begin(lead + answer.head, framing, framing === 'none' ? undefined : answer.payload);
    this.#pump();
  }

  /** The kernel takes more. */
  onDrain(): void {
    this.#goOn('kernel');
  }

  /**
   * Whether the client took nothing of what waits for it for too long, or too little. Once that seems so, a write is
   * tried: the kernel tells of room only when about a third of its buffer is free, which a client that reads slowly but
   * steadily may not reach in the time. May end the answer, as {@link onDrain} may. To be asked from time to time.
   */
  tooSlow(nowMs: number): boolean {
    const { writeTimeoutMs, sendRateMin } = this.#host.limits;
    if (this.#hold !== 'kernel') {
      this.#pace = undefined; // it waits for nobody, or for the origin
      return false;
    }
    if (this.#pace === undefined) {
      this.#pace = new Pace();
      this.#pace.restart(nowMs, this.#sentBytes);
    }
    const due = sendRateMin > 0 && this.#pace.due(nowMs, writeTimeoutMs);
    if (!due && this.#blockedMs(nowMs) < writeTimeoutMs) return false;
    this.#pump();
    if (this.#blockedMs(nowMs) >= writeTimeoutMs) return true;
    // The answer may have been sent by that, and be followed by another.
    return (
      due && this.#hold === 'kernel' && this.#pace?.tooSlow(nowMs, this.#sentBytes, sendRateMin) === true
    );
  }

  #blockedMs(nowMs: number): number {
    return this.#hold === 'kernel' ? nowMs - this.#blockedSinceMs : 0;
  }

  /** The connection is gone: settles the answer under way, if there is one. */
  abort(): void {
    this.#hold = 'none';
    this.#settle(false);
  }

  /** Settles an answer that will not be sent. */
  discard(answer: Answer): void {
    this.#dispose(answer, 0, false);
  }

  /** Writes until the answer is out, the kernel's buffer is full, or the payload has nothing yet. */
  #pump(): void {
    const reply = this.#reply;
    const wasBlocked = this.#hold === 'kernel';
    this.#hold = 'none';
    for (let writes = 0; !reply.complete; writes += 1) {
      if (writes === WRITES_PER_TURN || this.#host.scratchBusy) {
        this.#awaitTurn();
        return;
      }
      const count = this.#fill();
      if (reply.complete && count === 0) break; // the payload ended on what was sent already
      if (count === WAIT) {
        this.#awaitPayload();
        return;
      }
      const taken = count === BROKEN ? -1 : this.#socket.write(this.#host.scratch, reply.from, count);
      if (taken < 0) {
        this.#events.broken();
        return;
      }
      reply.advance(taken);
      this.#sentBytes += taken;
      if (taken < count) {
        this.#hold = 'kernel';
        // A drain that let nothing through is no progress.
        if (!wasBlocked || taken > 0 || writes > 0) this.#blockedSinceMs = this.#host.clock.monotonicMs();
        return;
      }
    }
    this.#settle(true);
    this.#events.sent();
  }

  #goOn(from: Hold): void {
    if (this.#hold === from) this.#pump();
  }

  #awaitTurn(): void {
    this.#hold = 'turn';
    this.#host.clock.after(0, () => this.#goOn('turn'));
  }

  #awaitPayload(): void {
    this.#hold = 'payload';
    try {
      this.#answer!.payload!.whenReadable(() => this.#goOn('payload'));
    } catch (error) {
      this.#host.fault(error);
      this.#events.broken();
    }
  }

  #fill(): number {
    this.#host.scratchBusy = true;
    try {
      const count = this.#reply.fill(this.#host.scratch);
      if (count === BROKEN) this.#host.stats.broken += 1;
      return count;
    } catch (error) {
      this.#host.fault(error);
      return BROKEN;
    } finally {
      this.#host.scratchBusy = false;
    }
  }

  #settle(whole: boolean): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    this.#dispose(answer, this.#sentBytes, whole);
  }

  #dispose(answer: Answer, sentBytes: number, whole: boolean): void {
    try {
      answer.payload?.release();
    } catch (error) {
      this.#host.fault(error);
    }
    try {
      answer.done(sentBytes, whole);
    } catch (error) {
      this.#host.fault(error);
    }
  }
}
