import { expect, test } from 'bun:test';
import { exposition } from './exposition.ts';
import { FIXTURE_TRAFFIC, fakeNode } from './snapshot.fixture.ts';
import type { TrafficSnapshot } from './snapshot.ts';

const node = fakeNode(1);
const onDisk = (traffic: TrafficSnapshot | undefined): string | undefined => {
  const snapshot = { ...node.second(1), ...(traffic === undefined ? {} : { traffic }) };
  const text = exposition({ snapshot, recorder: node.recorder, accessLog: undefined });
  return /^holdfast_traffic_on_disk (.*)$/m.exec(text)?.[1];
};

test('a record in memory can be told from one on disk', () => {
  const { path: _, ...inMemory } = FIXTURE_TRAFFIC;
  expect([onDisk(FIXTURE_TRAFFIC), onDisk(inMemory), onDisk(undefined)]).toEqual(['1', '0', undefined]);
});
