import { resolve } from 'node:path';
import { every } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import { createLog } from '../../monitor/log.ts';
import { quantileMs } from '../../monitor/quantile.ts';
import { ratesBetween } from '../../monitor/rates.ts';
import type { Snapshot } from '../../monitor/snapshot.ts';
import {
  adminTokenFile,
  newAdminToken,
  removeAdminToken,
  writeAdminToken,
} from '../../server/admin-token.ts';
import { type Node, startNode } from '../../server/node.ts';
import { openTraffic } from '../../server/traffic/open.ts';
import { EXIT } from '../io.ts';
import { Live } from '../live.ts';
import { variantRate } from '../live-variants.ts';
import { transformsAtATime } from '../workers.ts';
import type { World } from '../world.ts';
import { galleryPage, type LiveNumbers } from './gallery.ts';
import { cacheFolder, type DemoImage, findImages, makeImages } from './images.ts';
import { mixOf, workingSetBytes } from './mix.ts';
import { defaultMemoryBytes, demoConfig } from './node.ts';
import { DEMO_HELP, type DemoOptions, readDemoOptions } from './options.ts';
import { type DemoOrigin, startOrigin } from './origin.ts';
import { firstFreePort } from './port.ts';
import { errorCount, summaryText } from './summary.ts';
import { startTraffic, type Traffic } from './traffic.ts';

/** Painted at the first run. */
const IMAGES = 240;
const SAMPLE_MS = 1_000;
const LATENCY_MS = { min: 20, max: 60 } as const;
const ORIGIN_CONCURRENCY = 32;
/** Of the processors: the others are for the node, its origin, its clients, and the people at that machine. */
const TRANSFORMS_SHARE = 0.5;
const TRAFFIC = {
  connections: { ready: 24, variants: 8 },
  ratePerS: { min: 200, max: 2_500 },
  dayMs: 60_000,
  alpha: 0.9,
} as const;

/**
 * `holdfast demo`: an origin, a node, traffic and a live view, until the user quits or the time is over.
 *
 * @returns 0; 1 when a client got a response that was not what it should be; 2 when the arguments make no sense.
 */
export async function demo(args: readonly string[], world: World): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    world.out(DEMO_HELP);
    return EXIT.ok;
  }
  const options = readDemoOptions(args);
  if (typeof options === 'string') return unusable(world, options);
  const quit = new AbortController();
  world.onSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], () => quit.abort());
  const images = await loadImages(options, world, quit.signal);
  if (typeof images === 'string') return unusable(world, images);
  if (quit.signal.aborted) {
    world.err('\nstopped; the next run goes on where this one ended\n');
    return EXIT.ok;
  }
  const parts = await start(images, options, world);
  if (typeof parts === 'string') return unusable(world, parts);
  return await watch(parts, images, options, world, quit);
}

function unusable(world: World, why: string): number {
  world.err(`holdfast demo: ${why}\nRun "holdfast demo --help" for what it takes.\n`);
  return EXIT.unusable;
}

/** The images, or why there are none. An empty list only when the user gave up waiting. */
async function loadImages(
  options: DemoOptions,
  world: World,
  signal: AbortSignal,
): Promise<DemoImage[] | string> {
  if (options.images !== undefined) {
    const folder = resolve(world.cwd, options.images);
    if ((await world.pathKind(folder)) !== 'directory')
      return `--images ${options.images}: there is no such directory`;
    const { images, leftOut } = await findImages(folder);
    if (leftOut > 0)
      world.err(`holdfast demo: ${formatCount(leftOut)} files left out: no images, too large or too many\n`);
    return images.length > 0
      ? images
      : `--images ${options.images}: no images there (jpg, png, webp, avif, gif, svg)`;
  }
  const startedMs = world.clock.monotonicMs();
  let lastPercent = 0;
  const progress = (made: number, toMake: number): void => {
    const percent = Math.floor((made / toMake) * 100);
    if (world.isTty) world.err(`\rpainting ${made} of ${toMake} images, once for all later runs `);
    else if (percent >= lastPercent + 25) {
      lastPercent = percent;
      world.err(`painting images: ${percent} %\n`);
    }
    if (made < toMake) return;
    const tookMs = world.clock.monotonicMs() - startedMs;
    world.err(
      `${world.isTty ? '\r' : ''}painted ${toMake} images in ${formatDuration(tookMs)}                      \n`,
    );
  };
  try {
    const folder = await cacheFolder(world.env);
    return await makeImages({ folder, count: IMAGES, onProgress: progress, signal });
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}

interface Parts {
  readonly origin: DemoOrigin;
  readonly node: Node;
  readonly traffic: Traffic | undefined;
  readonly tokenFile: string | undefined;
  readonly live: { previous: Snapshot | undefined; current: Snapshot | undefined };
  readonly troubles: string[];
}

/** Starts everything; a sentence when the configuration that the options ask for is not possible. */
async function start(
  images: readonly DemoImage[],
  options: DemoOptions,
  world: World,
): Promise<Parts | string> {
  const { clock } = world;
  const live: Parts['live'] = { previous: undefined, current: undefined };
  const origin = startOrigin({
    images,
    page: galleryPage(images),
    live: () => liveNumbers(live),
    clock,
    random: seededRandom(options.seed ^ 0x0519),
    latencyMs: LATENCY_MS,
    concurrencyMax: ORIGIN_CONCURRENCY,
  });
  const troubles: string[] = [];
  const log = createLog({ write: (text) => troubles.push(text), clock, level: 'warn', format: 'logfmt' });
  const token = newAdminToken();
  try {
    const config = demoConfig({
      originUrl: origin.url,
      port: options.port ?? firstFreePort([8080, 8088, 8888, 0]),
      adminPort: firstFreePort([9090, 0]),
      memoryBytes: options.memoryBytes ?? defaultMemoryBytes(images),
      policy: options.policy,
      transforms: Math.max(1, Math.floor(world.processors * TRANSFORMS_SHARE)),
      images,
    });
    const { place, hashKey } = await openTraffic(config, undefined, world.hashKey, log);
    const node = startNode({
      config,
      adminToken: token,
      clock,
      log,
      version: world.version,
      accessLogs: { open: () => undefined, retire: () => undefined },
      hashKey,
      traffic: place,
      collectGarbage: () => world.collectGarbage(),
      readCertificates: (path) => world.readFileNow(path),
      readFile: (path) => world.readFile(path),
      env: world.env,
      memoryBytesMax: world.totalMemoryBytes,
      processUsage: () => world.processUsage(),
      transforms: {
        start: world.startTransforms,
        concurrency: await transformsAtATime(config.images.concurrency, world),
      },
    });
    const tokenFile = publishToken(node, token, world);
    const traffic = options.traffic ? startTraffic(trafficOptions(node, images, options.seed)) : undefined;
    return { origin, node, traffic, tokenFile, live, troubles };
  } catch (error) {
    await origin.stop();
    return (error as Error).message;
  }
}

function trafficOptions(
  node: Node,
  images: readonly DemoImage[],
  seed: number,
): Parameters<typeof startTraffic>[0] {
  const { hostname, port } = new URL(node.url);
  const { connections, ...schedule } = TRAFFIC;
  return {
    host: hostname,
    port: Number(port),
    images: mixOf(images),
    schedule: { ...schedule, seed },
    connections,
  };
}

/** So that `holdfast top` in another terminal just works. */
function publishToken(node: Node, token: string, world: World): string | undefined {
  const path = adminTokenFile(world.env, Number(new URL(node.adminUrl).port));
  if (path === undefined) return undefined;
  try {
    writeAdminToken(path, token);
    return path;
  } catch {
    return undefined; // a demonstration needs no second terminal
  }
}

async function watch(
  parts: Parts,
  images: readonly DemoImage[],
  options: DemoOptions,
  world: World,
  quit: AbortController,
): Promise<number> {
  const { node, origin, troubles } = parts;
  const imagesBytes = images.reduce((sum, image) => sum + image.sizeBytes, 0);
  const gallery = `gallery  ${node.url}/   (open it in a browser)`;
  let live: Live | undefined;
  const events = { onQuit: () => quit.abort(), onResize: () => live?.redraw() };
  const screen = options.plain ? undefined : world.openScreen(events);
  if (screen === undefined) {
    world.out(
      `${gallery}\nimages   ${formatCount(images.length)}, ${formatSize(imagesBytes)}\nadmin    ${node.adminUrl}\n\n`,
    );
  }
  live = new Live({
    screen,
    out: (text) => world.out(text),
    color: !world.env['NO_COLOR'],
    notes: [gallery, `admin    ${node.adminUrl}   q quits`],
  });
  const sample = (): void => {
    parts.live.previous = parts.live.current;
    parts.live.current = node.snapshot();
    live.push(parts.live.current);
  };
  const stopSampling = every(world.clock, SAMPLE_MS, sample);
  const timer =
    options.forMs === undefined ? undefined : world.clock.after(options.forMs, () => quit.abort());
  try {
    if (screen !== undefined) sample();
    if (!quit.signal.aborted) {
      await new Promise((done) => quit.signal.addEventListener('abort', done, { once: true }));
    }
  } finally {
    stopSampling();
    world.clock.cancel(timer);
    live.close();
  }
  const traffic = await parts.traffic?.stop();
  const snapshot = node.snapshot();
  const told = troubles.slice(-20); // what is cut off now is no trouble
  await node.stop(0);
  await origin.stop();
  if (parts.tokenFile !== undefined) removeAdminToken(parts.tokenFile);
  for (const line of told) world.err(line);
  const neededBytes = workingSetBytes(images);
  world.out(summaryText({ snapshot, traffic, images: images.length, imagesBytes, neededBytes }));
  return errorCount(traffic) === 0 ? EXIT.ok : EXIT.refused;
}

function liveNumbers({ previous, current }: Parts['live']): LiveNumbers | null {
  if (current === undefined) return null;
  const rates = ratesBetween(previous, current);
  return {
    requestsPerS: rates.requestsPerS,
    hitRatio: rates.hitRatio ?? null,
    originPerS: rates.originRequestsPerS,
    evictionsPerS: rates.evictionsPerS,
    variantsPerS: variantRate(rates),
    usedBytes: current.memory.usedBytes,
    budgetBytes: current.memory.budgetBytes,
    p99Ms: quantileMs(rates.latency, 0.99) ?? null,
  };
}
