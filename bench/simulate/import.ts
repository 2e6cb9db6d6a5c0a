import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/random.ts';
import { SYNTH_DEFAULTS, synthesise } from '../../src/traffic/made/synth.ts';
import { table } from '../support/markdown.ts';

/** What a log has to be read at, and what it may take. */
const MEGABYTES_A_SECOND_MIN = 50;
const PEAK_BYTES_MAX = 400e6;
const ROOT = join(import.meta.dirname, '../..');

interface Kind {
  readonly name: string;
  readonly bytes: number;
  readonly line: (row: Row) => string;
  /** What the file is packed by. */
  readonly packer: string | undefined;
}

/** One made request. */
interface Row {
  readonly atMs: number;
  readonly path: string;
  readonly size: number;
  readonly client: string;
  readonly served: string;
  readonly originS: string;
}

const KINDS: readonly Kind[] = [
  { name: 'nginx, combined with times and cache status', bytes: 1e9, line: combined, packer: undefined },
  { name: 'the same, gzip', bytes: 1e9, line: combined, packer: 'gzip -1' },
  { name: 'the same, zstd', bytes: 1e9, line: combined, packer: 'zstd -q --rm' },
  { name: 'Cloudflare, JSON lines', bytes: 1e9, line: cloudflare, packer: undefined },
];

/**
 * How fast logs of 1 GB become records, by the command that operators use, and in how much memory. The logs are made up, so nothing is
 * downloaded. Needs 2.5 GB in the directory for temporary files, and `gzip` and `zstd`.
 */
export const importSpeed = {
  title: 'Import of logs',
  async run(): Promise<{ readonly markdown: string; readonly passed: boolean }> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-import-'));
    const rows: string[][] = [];
    let passed = true;
    try {
      for (const kind of KINDS) {
        const { seconds, peakBytes, requests, recordBytes } = await measure(kind, directory);
        const rate = kind.bytes / 1e6 / seconds;
        passed &&= rate >= MEGABYTES_A_SECOND_MIN && peakBytes <= PEAK_BYTES_MAX;
        rows.push([
          kind.name,
          requests.toLocaleString('en'),
          seconds.toFixed(1),
          rate.toFixed(0),
          (requests / 1e6 / seconds).toFixed(2),
          (peakBytes / 1e6).toFixed(0),
          (recordBytes / requests).toFixed(1),
        ]);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
    const header = [
      'log of 1 GB',
      'requests',
      's',
      'MB/s',
      'M requests/s',
      'peak MB',
      'bytes a request, kept',
    ];
    const limits = `Limits: at least ${MEGABYTES_A_SECOND_MIN} MB/s of text, at most ${PEAK_BYTES_MAX / 1e6} MB resident.`;
    const how =
      'One run each of `holdfast traffic import`, start and writing of the record included. Parsing and the packing of the record run on one thread, unpacking beside it. MB are of text, before packing.';
    return { markdown: `${table(header, rows)}\n\n${how} ${limits}`, passed };
  },
};

async function measure(kind: Kind, directory: string) {
  let log = join(directory, 'access.log');
  const requests = makeLog(kind, log);
  if (kind.packer !== undefined) {
    await run([...kind.packer.split(' '), log]);
    log += kind.packer.startsWith('gzip') ? '.gz' : '.zst';
  }
  const record = join(directory, 'made.hft');
  const startedMs = performance.now();
  const child = Bun.spawn([process.execPath, 'src/main.ts', 'traffic', 'import', log, '--to', record], {
    cwd: ROOT,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const code = await child.exited;
  const seconds = (performance.now() - startedMs) / 1000;
  const peakBytes = child.resourceUsage()?.maxRSS ?? Number.NaN;
  if (code !== 0) throw new Error(`the import failed: ${await new Response(child.stderr).text()}`);
  const recordBytes = statSync(record).size;
  rmSync(log);
  rmSync(record);
  return { seconds, peakBytes, requests, recordBytes };
}

async function run(command: string[]): Promise<void> {
  const code = await Bun.spawn(command, { stdout: 'ignore', stderr: 'inherit' }).exited;
  if (code !== 0) throw new Error(`${command.join(' ')} failed`);
}

/** Writes a log until it is as long as wanted. Lines are a little out of order, as those of servers are. @returns its lines. */
function makeLog(kind: Kind, path: string): number {
  const random = seededRandom(7);
  const file = openSync(path, 'w');
  let bytes = 0;
  let lines = 0;
  let text: string[] = [];
  const flush = (): void => {
    const part = Buffer.from(text.join(''));
    writeSync(file, part);
    bytes += part.length;
    text = [];
  };
  for (const batch of synthesise({ ...SYNTH_DEFAULTS, requests: 50_000_000, keys: 500_000 })) {
    for (let i = 0; i < batch.count && bytes < kind.bytes; i += 1) {
      const key = batch.keyLo[i]!;
      const isHit = random.next() < 0.9;
      text.push(
        kind.line({
          atMs: batch.baseMs + batch.timeUs[i]! / 1000 + random.next() * 3000,
          path: `/media/products/${key % 997}/${key.toString(36)}-${batch.keyHi[i]!.toString(16)}.jpg?w=${320 * (1 + (key % 5))}`,
          size: batch.bodyBytes[i]!,
          client: `203.0.${key & 255}.${i & 255}`,
          served: isHit ? 'HIT' : 'MISS',
          originS: isHit ? '-' : (batch.originMs[i]! / 1000).toFixed(3),
        }),
      );
      lines += 1;
      if (text.length === 4096) flush();
    }
    if (bytes >= kind.bytes) break;
  }
  flush();
  closeSync(file);
  return lines;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const AGENT =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';

function combined({ atMs, path, size, client, served, originS }: Row): string {
  const iso = new Date(atMs).toISOString();
  const day = `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)}`;
  return `${client} - - [${day} +0000] "GET ${path} HTTP/1.1" 200 ${size} "https://shop.example.com/products" "${AGENT}" 0.004 ${originS} ${served}\n`;
}

function cloudflare({ atMs, path, size, client, served, originS }: Row): string {
  return `${JSON.stringify({
    ClientIP: client,
    ClientRequestHost: 'img.example.com',
    ClientRequestMethod: 'GET',
    ClientRequestURI: path,
    EdgeStartTimestamp: new Date(atMs).toISOString(),
    EdgeEndTimestamp: new Date(atMs + 4).toISOString(),
    EdgeResponseStatus: 200,
    EdgeResponseBytes: size + 500,
    EdgeResponseBodyBytes: size,
    EdgeResponseContentType: 'image/jpeg',
    CacheCacheStatus: served.toLowerCase(),
    OriginResponseTime: originS === '-' ? 0 : Math.round(Number(originS) * 1e9),
    ClientRequestUserAgent: AGENT,
    RayID: '8e7f6d5c4b3a2910',
  })}\n`;
}
