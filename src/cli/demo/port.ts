/**
 * The first of these loopback ports that nobody listens on. 0 stands for any free port and is always free.
 * Somebody else may take it before it is used; then starting says so.
 */
export function firstFreePort(ports: readonly number[]): number {
  for (const port of ports) {
    if (port === 0) return 0;
    try {
      Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => undefined } }).stop(true);
      return port;
    } catch {
      // taken: the next one
    }
  }
  return 0;
}
