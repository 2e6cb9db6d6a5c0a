import { expect, test } from 'bun:test';
import { DISK_METRICS } from './catalog-disk.ts';
import { exposition } from './exposition.ts';
import { FIXTURE_DISK, fakeNode } from './snapshot.fixture.ts';

const node = fakeNode(1);
const text = (disk: typeof FIXTURE_DISK | undefined): string =>
  exposition({
    snapshot: { ...node.second(1), ...(disk === undefined ? {} : { disk }) },
    recorder: node.recorder,
    accessLog: undefined,
  });

test('without a disk tier its metrics are absent', () => {
  expect(text(undefined)).not.toMatch(/^holdfast_disk_/m);
});

test('with one, each of them says what the snapshot says', () => {
  const lines = text(FIXTURE_DISK)
    .split('\n')
    .filter((line) => line.startsWith('holdfast_disk_'));
  expect(new Set(lines.map((line) => line.split(/[ {]/)[0]!))).toEqual(
    new Set(DISK_METRICS.map(({ name }) => name)),
  );
  for (const line of [
    'holdfast_disk_state{state="ready"} 1',
    'holdfast_disk_state{state="degraded"} 0',
    'holdfast_disk_entries 12345',
    'holdfast_disk_share_entries{kind="original"} 12000',
    'holdfast_disk_share_entries{kind="variant"} 345',
    'holdfast_disk_share_bytes{kind="variant"} 104857600',
    'holdfast_disk_refused_total{reason="busy"} 18',
    'holdfast_disk_errors_total{operation="read"} 20',
    'holdfast_disk_errors_total{operation="write"} 21',
    'holdfast_disk_promotions_total{result="kept"} 20',
    'holdfast_disk_promotions_total{result="lent"} 10',
    'holdfast_disk_promotions_total{result="failed"} 2',
  ])
    expect(lines).toContain(line);
});
