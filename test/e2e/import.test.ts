import { afterEach, expect, test } from 'bun:test';
import { ConfigNamer } from '../../src/cli/traffic/config-namer.ts';
import { validateConfig } from '../../src/config/validate.ts';
import { fileOf, imported } from '../../src/traffic/import/import.fixture.ts';
import { rowsOf } from '../../src/traffic/rows.fixture.ts';
import { KeptRing } from '../support/kept-ring.ts';
import { startTestNode } from '../support/node.ts';
import { startOriginServer } from '../support/origin-server.ts';

/** What a node records of itself, and what is imported of its access log, are the same requests for the same keys. */
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

test('an access log that is imported has the routes, keys and variants of the record of the node that wrote it', async () => {
  const origin = startOriginServer({ cacheControl: 'max-age=3600' });
  stops.push(() => origin.stop());
  const result = validateConfig(
    `version: 1
server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
origins: { o: { type: http, url: "${origin.url}" } }
routes:
  - { name: thumbs, origin: o, match: { paths: [/t/*] }, stripPrefix: /t, images: { widths: [100, 200] } }
  - { name: named, origin: o, match: { paths: [/n/*] }, stripPrefix: /n, key: { host: true, query: [v] } }
  - { name: rest, origin: o }
log: { access: { to: stdout } }
`,
    { file: 'import.yaml', env: {} },
  );
  if (!result.ok) throw new Error(result.problems.map(({ reason }) => reason).join('; '));
  const ring = new KeptRing();
  const lines: Buffer[] = [];
  const hashKey = { k0: 77, k1: 88 };
  const node = startTestNode(result.config, [], {
    hashKey,
    traffic: { ring, path: undefined, paths: false },
    accessLogs: {
      open: () => ({
        lostLines: 0,
        ready: () => true,
        write: (bytes) => void lines.push(Buffer.from(bytes)),
      }),
      retire: () => undefined,
    },
  });
  stops.push(() => node.stop(0));
  const targets = [
    '/t/3000/a.jpg',
    '/t/3000/a.jpg?w=100',
    '/t/3000/a.jpg?utm=1',
    '/n/2000/b.jpg?v=1&x=2',
    '/n/2000/%62.jpg?x=3&v=1',
    '/n/2000/b.jpg',
    '/1000/c.jpg?any=1',
    '/1000/c.jpg',
    '/1000/../1000/c.jpg',
  ];
  for (const target of [...targets, ...targets]) {
    for (const host of ['a.example', 'B.example:80']) {
      const response = await fetch(`${node.url}${target}`, { headers: { host } });
      await response.arrayBuffer();
    }
  }
  await node.stop(1000);
  const recorded = rowsOf(ring.record().batches()).filter(({ kind }) => !kind.internal);
  const log = fileOf('access.log', Buffer.concat(lines));
  const { rows } = await imported([log], { namer: new ConfigNamer(result.config, hashKey, '') });
  const told = (all: typeof rows) =>
    all
      .map(({ keyHi, keyLo, kind }) => `${keyHi} ${keyLo} ${kind.route} ${kind.variant} ${kind.outcome}`)
      .sort();
  expect(told(rows)).toEqual(told(recorded));
  expect(rows).toHaveLength(4 * targets.length);
  expect(new Set(rows.map(({ kind }) => `${kind.route} ${kind.variant}`)).size).toBe(4);
});
