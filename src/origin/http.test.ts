import { afterAll, describe, expect, test } from 'bun:test';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { createHttpOrigin, type HttpOriginOptions } from './http.ts';
import { get, realClock } from './origin.fixture.ts';
import { originSuite } from './origin.suite.ts';

const OPTIONS: Omit<HttpOriginOptions, 'url'> = {
  name: 'shop',
  timeouts: { connectMs: 30_000, firstByteMs: 30_000, idleMs: 30_000, totalMs: 60_000 },
  maxBodyBytes: 100_000_000,
  maxHeadBytes: 16_384,
  redirects: { follow: 0, crossHost: false },
  tls: { verify: true },
  maxConnections: 16,
  extraFields: {},
};
const DEPS = { clock: realClock, onFault: () => undefined };

originSuite('http', async () => {
  const server = startOriginServer();
  const missing = '/nothing-here.jpg';
  server.can(missing, { status: 404, body: 'not here' });
  return {
    origin: createHttpOrigin({ ...OPTIONS, url: server.url }, DEPS),
    publish: (path, bytes) => {
      server.change(path);
      server.can(path, { body: bytes });
    },
    stop: () => server.stop(),
  };
});
