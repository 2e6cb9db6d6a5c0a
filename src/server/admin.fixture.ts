import { virtualClock } from '../../test/support/virtual-clock.ts';
import { FIXTURE_AUTO, FIXTURE_CURVE, FIXTURE_TRAFFIC, fakeNode } from '../monitor/snapshot.fixture.ts';
import { Warmer } from '../serve/warm.ts';
import { exactCurve } from '../simulate/curves/stack.ts';
import type { Purge } from '../store/memory/purges.ts';
import type { AdminOptions } from './admin.ts';
import type { ReloadReport } from './reload.ts';

/** Everything that the fake node's tokens may do. */
export const ADMIN_TOKEN = 'correct-horse-battery-staple';

export const RELOADED: ReloadReport = {
  ok: true,
  dryRun: false,
  hash: '0123456789ab',
  problems: [],
  warnings: [],
  changed: ['cache.memory.size'],
  needsRestart: ['server.listen'],
  notes: [],
};

async function* pieces<T>(...all: T[]): AsyncGenerator<T> {
  yield* all;
}

/** A purge that removed so many responses. */
export function fakePurge(removed: number): Purge {
  return { rule: { id: 3, atS: 1, soft: false, pattern: { kind: 'all' } }, removed, swept: true };
}

/** What an admin server needs, of a node that does nothing. */
export function fakeAdmin(more: Partial<AdminOptions> = {}): AdminOptions {
  const clock = virtualClock();
  return {
    listen: { host: '127.0.0.1', port: 0 },
    tokens: [{ name: 'admin', token: ADMIN_TOKEN, role: 'operate' }],
    clock,
    snapshot: () => fakeNode(1).second(1),
    metrics: () => '',
    ready: () => ({ ready: true }),
    changeMemory: () => fakeNode(1).facts.memory,
    budgetBytesMax: 2 ** 34,
    purge: (target) => ('route' in target && target.route !== 'images' ? undefined : fakePurge(7)),
    swept: () => Promise.resolve(),
    hasDisk: false,
    explain: ({ url, method }) =>
      url.startsWith('ftp')
        ? undefined
        : { nowS: 1, method, host: 'h', path: '/', query: '', routes: [], verdict: 'answered 404: no route' },
    policy: () => ({ policy: 's3-fifo', auto: FIXTURE_AUTO }),
    hasAuto: true,
    curve: () => ({ ...FIXTURE_CURVE, curve: exactCurve([]) }),
    traffic: () => FIXTURE_TRAFFIC,
    trafficRecord: () => pieces(Uint8Array.of(1, 2, 3)),
    liveIndex: () => pieces('{}\n'),
    warmer: new Warmer({
      clock,
      handler: { handle: () => undefined },
      routes: () => {
        throw new Error('not asked');
      },
    }),
    reload: (dryRun) => Promise.resolve({ ...RELOADED, dryRun }),
    onDenied: () => undefined,
    onChange: () => undefined,
    onFault: (path, error) => {
      throw new Error(path, { cause: error });
    },
    ...more,
  };
}
