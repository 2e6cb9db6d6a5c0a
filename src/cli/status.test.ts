import { expect, test } from 'bun:test';
import { realClock } from '../../test/support/real-clock.ts';
import { FIXTURE_AUTO, FIXTURE_TRAFFIC, fakeNode } from '../monitor/snapshot.fixture.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { status } from './status.ts';

async function shown(more: Partial<Snapshot>): Promise<string> {
  let text = '';
  await status([], {
    out: (line) => {
      text += line;
    },
    err: () => undefined,
    readFile: () => Promise.reject(new Error('not asked')),
    env: { HOLDFAST_ADMIN_TOKEN: 'x' },
    clock: realClock,
    fetch: () => Promise.resolve(Response.json({ ...fakeNode(1).second(10), ...more })),
  });
  return text;
}

test('says how far the record reaches back, in units of that length', async () => {
  const { nowMs } = fakeNode(1).second(10);
  const back = (oldestMs: number) => shown({ traffic: { ...FIXTURE_TRAFFIC, oldestMs } });
  expect(await back(nowMs - 65_000)).toContain('in /var/lib/holdfast/traffic, back 1 min 5 s');
  expect(await back(nowMs - 3 * 86_400_000)).toContain('back 3 d\n');
  const { oldestMs: _, ...empty } = FIXTURE_TRAFFIC;
  expect(await shown({ traffic: empty })).toContain('empty yet');
  expect(await shown({ traffic: { ...FIXTURE_TRAFFIC, isPaused: true } })).toContain('NOT RECORDED');
});

test('says what policy auto judges by', async () => {
  expect(await shown({ auto: FIXTURE_AUTO })).toContain('auto (favour: balanced), s3-fifo');
});
