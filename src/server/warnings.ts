import type { Clock } from '../base/clock.ts';
import type { LogFacts } from '../monitor/log.ts';

/** For how long the same warning is not repeated. */
const PAUSE_MS = 10_000;
/** Kinds of warnings remembered. */
const KINDS_MAX = 1_000;

type Warn = (message: string, facts: LogFacts) => void;

/**
 * Lets each kind of warning through once in ten seconds, with how often it was meant since (`repeated`): what clients
 * or a broken origin can cause thousands of times a second must not flood the log.
 */
export function rarely(clock: Clock, warn: Warn): (kind: string, message: string, facts: LogFacts) => void {
  const recent = new Map<string, { untilMs: number; held: number }>();
  return (kind, message, facts) => {
    const nowMs = clock.monotonicMs();
    const last = recent.get(kind);
    if (last !== undefined && nowMs < last.untilMs) {
      last.held += 1;
      return;
    }
    if (recent.size >= KINDS_MAX) recent.clear();
    recent.set(kind, { untilMs: nowMs + PAUSE_MS, held: 0 });
    warn(message, last === undefined || last.held === 0 ? facts : { ...facts, repeated: last.held });
  };
}
