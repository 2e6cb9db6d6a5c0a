/**
 * Whether something moves fast enough, in windows of time: whoever moves a byte now and then is not stalled, but holds
 * what it uses for as long as it likes. Looked at from time to time; what moves the bytes only counts them.
 */
export class Pace {
  #sinceMs = 0;
  #sinceBytes = 0;

  /** A window starts here. */
  restart(nowMs: number, bytes: number): void {
    this.#sinceMs = nowMs;
    this.#sinceBytes = bytes;
  }

  /** The present window is at its end: {@link tooSlow} has an answer. */
  due(nowMs: number, windowMs: number): boolean {
    return nowMs - this.#sinceMs >= windowMs;
  }

  /**
   * Ends the window, and starts the next.
   *
   * @param bytes moved since the start of all.
   * @param bytesPerS the least rate; at 0, not to stand still is enough.
   */
  tooSlow(nowMs: number, bytes: number, bytesPerS: number): boolean {
    const least = Math.max(1, (bytesPerS * (nowMs - this.#sinceMs)) / 1000);
    const moved = bytes - this.#sinceBytes;
    this.restart(nowMs, bytes);
    return moved < least;
  }
}
