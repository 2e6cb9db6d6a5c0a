import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import type { ValidConfig } from './config.ts';
import { formatLimits, limits, type MachineFacts, MEAN_IMAGE_BYTES, type StoreFacts } from './limits.ts';
import { validateConfig } from './validate.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const STORE: StoreFacts = {
  segmentBytes: MiB,
  blockBytes: 1024,
  metadataBytesPerEntry: 96,
  baseResidentBytes: 100 * MiB,
  bytesPerGhost: 34,
};
const MACHINE: MachineFacts = { totalMemoryBytes: 8 * GiB, openFilesLimit: 65_536 };

function configOf(size: string, extra = ''): ValidConfig {
  const text = `version: 1
cache: { memory: { size: ${size} } }
origins: { o: { type: http, url: 'http://o.example' } }
routes: [{ name: r, origin: o }]
${extra}`;
  const result = validateConfig(text, { file: 'f', env: {} });
  if (!result.ok) throw new Error(result.problems[0]!.reason);
  return result.config;
}

test('works out what fits, and what is needed', () => {
  const result = limits(configOf('512MiB'), MACHINE, STORE);
  // 30,500 bytes of record are 30 blocks of 1 KiB, and 96 bytes more are charged.
  expect(result.capacities.map((capacity) => capacity.objects)).toEqual([
    Math.floor((512 * MiB) / (11 * 1024 + 96)),
    Math.floor((512 * MiB) / (30 * 1024 + 96)),
    Math.floor((512 * MiB) / (99 * 1024 + 96)),
  ]);
  expect(result.capacities[1]!.ghostShare).toBeCloseTo(262_144 / 17_421, 2);
  expect(result.memory).toEqual({
    neededBytes: 612 * MiB + 262_144 * 34,
    imagesBytes: 0,
    availableBytes: 8 * GiB,
    share: (612 * MiB + 262_144 * 34) / (8 * GiB),
    source: 'machine',
  });
  expect(result.files).toEqual({ needed: 10_000 + 64 + 64, limit: 65_536 });
  expect(result.largestObjectBytes).toBe(32 * MiB);
  expect(result.warnings).toEqual([]);
  expect(result.binding).toEqual({
    limit: 'bytes',
    sentence: 'The bytes bind first: 512 MiB are full with about 17,421 images of 30 KB.',
  });
  expect(
    formatLimits(result),
  ).toBe(`memory   512 MiB; images that fit: 47,259 of 10 KB, 17,421 of 30 KB, 5,290 of 100 KB
largest  32 MiB for one response
ghosts   262,144, 5.5x to 50x the images of a full cache
process  621 MiB with a full cache, 8 % of the machine's 8 GiB
files    10,128 with all connections in use, of 65,536
The bytes bind first: 512 MiB are full with about 17,421 images of 30 KB.
`);
});

test('an entry table that is too small binds before the bytes', () => {
  const result = limits(configOf('1GiB'), MACHINE, { ...STORE, entriesMax: 10_000 });
  expect(result.binding.limit).toBe('entries');
  expect(result.binding.sentence).toContain('10,000 images of 30 KB fill only 29 % of 1 GiB');
  expect(result.capacities[0]!.objects).toBe(10_000);
});

test('a container counts, not its machine; and warns before the kernel acts', () => {
  const result = limits(configOf('900MiB'), { ...MACHINE, cgroupLimitBytes: GiB }, STORE);
  expect(result.memory.source).toBe('container');
  expect(result.warnings).toHaveLength(1);
  expect(result.warnings[0]!.reason).toContain('of the memory of this container (1 GiB)');
  expect(result.warnings[0]!.remedy).toMatch(
    /^set cache\.memory\.size to at most \d+MiB, or give the container more memory$/,
  );
  expect(formatLimits(result)).toContain('\nwarning: ');
  // The remedy is one: with it there is no warning any more.
  const mebibytes = /at most (\d+MiB)/.exec(result.warnings[0]!.remedy)![1]!;
  expect(limits(configOf(mebibytes), { ...MACHINE, cgroupLimitBytes: GiB }, STORE).warnings).toEqual([]);
});

test('more memory than there is binds before the cache is full', () => {
  const result = limits(configOf('16GiB'), MACHINE, STORE);
  expect(result.binding.limit).toBe('memory');
  expect(result.binding.sentence).toContain('The memory of the machine binds first');
  expect(result.warnings).toHaveLength(1);
});

test('a group without a limit, or an unknown machine, is no reason to warn', () => {
  expect(limits(configOf('512MiB'), { ...MACHINE, cgroupLimitBytes: 2 ** 63 }, STORE).memory.source).toBe(
    'machine',
  );
  expect(limits(configOf('1TiB'), { totalMemoryBytes: 0 }, STORE).warnings).toEqual([]);
});

test('too few open files are warned of, with limits that would do', () => {
  const result = limits(configOf('512MiB'), { ...MACHINE, openFilesLimit: 1024 }, STORE);
  expect(result.warnings).toHaveLength(1);
  expect(result.warnings[0]!.remedy).toContain('ulimit -n 10128');
  const most = /server\.maxConnections to at most (\d+)/.exec(result.warnings[0]!.remedy)![1]!;
  const config = configOf('512MiB', `server: { maxConnections: ${most} }`);
  expect(limits(config, { ...MACHINE, openFilesLimit: 1024 }, STORE).warnings).toEqual([]);
});

test('capacities agree with filling a cache one image after the other', () => {
  const random = seededRandom(4);
  for (let i = 0; i < 50; i += 1) {
    const size = 4 + (random.u32() % 60);
    const blockBytes = 2 ** (6 + (random.u32() % 8));
    const result = limits(configOf(`${size}MiB`, 'log: {}'), MACHINE, { ...STORE, blockBytes });
    for (const [index, meanBytes] of MEAN_IMAGE_BYTES.entries()) {
      let left = size * MiB;
      let objects = 0;
      for (;;) {
        let bytes = STORE.metadataBytesPerEntry;
        for (let record = meanBytes + 500; record > 0; record -= blockBytes) bytes += blockBytes;
        if (bytes > left) break;
        left -= bytes;
        objects += 1;
      }
      expect(result.capacities[index]!.objects).toBe(objects);
    }
  }
});
