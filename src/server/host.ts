import type { Clock } from '../base/clock.ts';
import type { RequestHandler } from '../serve/answer.ts';
import type { Connection } from './connection.ts';
import type { ServerLimits, ServerStats } from './limits.ts';

/** Bun's sockets have both methods; its types do not. */
export type ServerSocket = Bun.Socket<Connection> & { pause(): void; resume(): void };

/** What all connections of one server share. */
export interface ConnectionHost {
  readonly handler: RequestHandler;
  readonly clock: Clock;
  readonly limits: ServerLimits;
  readonly stats: ServerStats;
  /** Every answer passes through this one buffer; nothing stays in it between two writes. */
  readonly scratch: Buffer;
  /** True while `scratch` is being filled: a payload's `read` must not make another connection fill it too. */
  scratchBusy: boolean;
  /** Answers from now on are the last ones of their connections. */
  readonly draining: boolean;
  /** For HTTP/1.0 requests without a Host: this server's own address and port. */
  readonly defaultAuthority: string;
  /** Counts and reports an exception that crossed the seam. Never throws. */
  fault(error: unknown): void;
  onClosed(connection: Connection): void;
}
