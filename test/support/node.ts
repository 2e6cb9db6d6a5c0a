import type { ValidConfig } from '../../src/config/config.ts';
import { type Node, type NodeOptions, startNode } from '../../src/server/node.ts';
import { startWorker } from '../../src/transform/process.ts';
import { realClock } from './real-clock.ts';

/**
 * Starts a whole node for a test that goes through sockets.
 *
 * @param faults what the node reports as an error of its own is added here; that origins fail is a warning.
 * @param more options that are to be other than those of a test.
 */
export function startTestNode(
  config: ValidConfig,
  faults: string[],
  options: Partial<NodeOptions> = {},
): Node {
  const note = (message: string, facts?: object): void =>
    void faults.push(`${message} ${JSON.stringify(facts)}`);
  return startNode({
    config,
    adminToken: 'a-token-for-tests',
    clock: realClock,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: note },
    version: 'test',
    hashKey: { k0: 0x01234567, k1: 0x89abcdef },
    readCertificates: () => '',
    readFile: (path) => Promise.reject(new Error(`${path} is not for tests`)),
    env: {},
    transforms: { start: startWorker, concurrency: 2 },
    collectGarbage: () => Bun.gc(true),
    memoryBytesMax: 2 ** 30,
    accessLogs: { open: () => undefined, retire: () => undefined },
    processUsage: () => ({ residentBytes: process.memoryUsage.rss(), cpuSeconds: 0 }),
    ...options,
  });
}
