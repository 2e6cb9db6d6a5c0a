import { afterAll, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS } from '../monitor/catalog.ts';
import { composeSnapshot } from '../monitor/compose.ts';
import { exposition } from '../monitor/exposition.ts';
import { metricsDoc } from '../monitor/metrics-doc.ts';
import { Recorder } from '../monitor/recorder.ts';
import { fakeNode } from '../monitor/snapshot.fixture.ts';
import { ORIGIN_FAILURES } from '../origin/origin.ts';
import { fakeAdmin } from './admin.fixture.ts';
import { startAdminServer } from './admin.ts';

const DOC = join(import.meta.dir, '../../docs/reference/metrics.md');
const TOKEN = 'correct-horse-battery-staple';

const recorder = new Recorder({ routes: ['images', 'avatars'], origins: ['shop'], causes: ORIGIN_FAILURES });
const { facts } = fakeNode(1);
const server = startAdminServer(
  fakeAdmin({
    tokens: [{ name: 'admin', token: TOKEN, role: 'operate' }],
    snapshot: () => composeSnapshot(recorder, facts),
    metrics: () => exposition({ snapshot: composeSnapshot(recorder, facts), recorder, accessLog: undefined }),
    onDenied: (denial) => recorder.adminDenial(denial),
  }),
);
afterAll(() => server.stop());

test('docs/reference/metrics.md is what the catalogue says (HOLDFAST_WRITE_DOCS=1 writes it)', () => {
  const text = metricsDoc(ORIGIN_FAILURES);
  if (process.env['HOLDFAST_WRITE_DOCS'] === '1') writeFileSync(DOC, text);
  expect(readFileSync(DOC, 'utf8')).toBe(text);
  for (const { name } of METRICS) expect(text).toContain(`| \`${name}\` |`);
  for (const cause of ORIGIN_FAILURES) expect(text).toContain(`\`${cause}\``);
});

test('a scrape sees what was recorded a moment ago, also about itself', async () => {
  const scrape = async (token: string): Promise<string> =>
    (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  recorder.request(1, 0, 200, 1_500, 0.3, true);
  recorder.originFetch(0, 0, 0, 0);
  recorder.originFailure(0, ORIGIN_FAILURES.indexOf('tls'));
  await scrape('wrong');
  const text = await scrape(TOKEN);
  for (const line of [
    'holdfast_requests_total{route="avatars",outcome="hit"} 1',
    'holdfast_sent_bytes_total{route="avatars"} 1500',
    'holdfast_request_duration_seconds_bucket{outcome="hit",le="0.0002"} 0',
    'holdfast_request_duration_seconds_bucket{outcome="hit",le="0.0005"} 1',
    'holdfast_request_duration_seconds_sum{outcome="hit"} 0.0003',
    'holdfast_origin_failures_total{origin="shop",cause="tls"} 1',
    'holdfast_origin_responses_total{origin="shop",class="none"} 1',
    'holdfast_admin_denials_total{reason="token-wrong"} 1',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});
