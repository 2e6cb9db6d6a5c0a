import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { HashKey } from '../base/hash.ts';
import type { ValidConfig } from '../config/config.ts';
import { configForOrigin } from '../config/defaults.ts';
import { formatProblems } from '../config/problem.ts';
import { endpointFrom } from '../config/s3.ts';
import { type Validation, validateConfig } from '../config/validate.ts';

import { createLog, type Log } from '../monitor/log.ts';
import { adminTokenFile, newAdminToken, removeAdminToken, writeAdminToken } from '../server/admin-token.ts';
import { type Node, startNode } from '../server/node.ts';
import type { ConfigSource } from '../server/reload.ts';
import { openTraffic } from '../server/traffic/open.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import { argumentMistake } from './arguments.ts';
import { judgedFile } from './config-file.ts';
import { configSource } from './config-source.ts';
import { openDisk } from './disk.ts';
import { EXIT } from './io.ts';
import { LogFiles } from './log-files.ts';
import { preflight } from './preflight.ts';
import { startupSummary } from './startup.ts';
import { transformsAtATime, workerCount } from './workers.ts';
import type { World } from './world.ts';

const HELP = `holdfast serve: run a node

  holdfast serve -c holdfast.yaml           with a configuration file
  holdfast serve https://images.example.com with none: the defaults, in front of one server
  holdfast serve ./images                   ... or a directory
  holdfast serve s3://bucket/prefix         ... or a bucket: keys, AWS_REGION, AWS_ENDPOINT_URL from the environment

  -c, --config FILE     the configuration ("holdfast init <origin>" writes one to start from)
  --listen HOST:PORT    public address, without a file (default 127.0.0.1:8080)
  --admin HOST:PORT     admin address, without a file (default 127.0.0.1:9090)
  --memory SIZE         memory budget, without a file (default 512MiB)

SIGTERM and SIGINT stop it gracefully; the second one at once. SIGHUP opens the log files anew, after a rotation, and reads
the configuration file again, as "holdfast reload" does: what can change on a running node does; a file with any mistake
changes nothing. Exit codes: 0 stopped as it was told, 1 refused or failed, 2 unusable arguments or configuration.
`;

/** `holdfast serve`: runs until it is told to stop. */
export async function serve(args: readonly string[], world: World): Promise<number> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments(args);
  } catch (error) {
    return unusable(world, argumentMistake(error));
  }
  if (options.values.help) {
    world.out(HELP);
    return EXIT.ok;
  }
  const [origin, ...extra] = options.positionals;
  const file = options.values.config;
  if (extra.length > 0) return unusable(world, `one origin at a time; more of them go into a file`);
  if ((origin === undefined) === (file === undefined)) {
    return unusable(world, 'say which configuration (-c FILE) or which origin (a URL or a directory)');
  }
  const config =
    file === undefined
      ? await configOfOrigin(origin!, options.values, world)
      : await configOfFile(file, world);
  return config === undefined ? EXIT.unusable : await run(config, world);
}

/** A configuration, and the file that it is from where there is one. */
interface Start {
  readonly config: ValidConfig;
  readonly source?: ConfigSource;
}

function readArguments(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      listen: { type: 'string' },
      admin: { type: 'string' },
      memory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function unusable(world: World, why: string): number {
  world.err(`holdfast serve: ${why}\nRun "holdfast serve --help" for what it takes.\n`);
  return EXIT.unusable;
}

async function configOfFile(file: string, world: World): Promise<Start | undefined> {
  const judged = await judgedFile(file, world);
  const config = judged && accepted(judged.result, world);
  return config && { config, source: configSource(file, judged!.text, world) };
}

async function configOfOrigin(
  origin: string,
  {
    listen,
    admin,
    memory,
  }: { listen?: string | undefined; admin?: string | undefined; memory?: string | undefined },
  world: World,
): Promise<Start | undefined> {
  const starter = configForOrigin(origin, {
    ...(listen === undefined ? {} : { listen }),
    ...(admin === undefined ? {} : { adminListen: admin }),
    ...(memory === undefined ? {} : { memorySize: memory }),
    endpoint: endpointFrom(world.env),
  });
  if (!starter.ok) {
    unusable(world, `${origin}: ${starter.reason}; ${starter.remedy}`);
    return undefined;
  }
  if (starter.kind === 'files' && (await world.pathKind(resolve(world.cwd, origin))) !== 'directory') {
    unusable(
      world,
      `${origin} is not a directory; give one, or an address that starts with http://, https:// or s3://`,
    );
    return undefined;
  }
  const config = accepted(
    validateConfig(starter.text, { file: '(defaults)', env: world.env, baseDir: world.cwd }),
    world,
  );
  return config && { config };
}

function accepted(result: Validation, world: World): ValidConfig | undefined {
  const problems = result.ok ? result.warnings : result.problems;
  if (problems.length > 0) world.err(`${formatProblems(problems, { color: world.isTty })}\n`);
  return result.ok ? result.config : undefined;
}

async function run({ config, source }: Start, world: World): Promise<number> {
  const unmet = await preflight(config, world);
  if (unmet.length > 0) {
    for (const line of unmet) world.err(`holdfast serve: ${line}\n`);
    return EXIT.refused;
  }
  let { level } = config.log;
  const log = createLog({
    write: (text) => world.log(text),
    clock: world.clock,
    level: () => level,
    format: 'logfmt',
  });
  const files = new LogFiles(log, world);
  const auditLog = files.open(config.log.audit.to);
  const { place, hashKey, note } = await openTraffic(
    config,
    source && ((path) => world.openDirectory(path)),
    world.hashKey,
    log,
  );
  const disk = await openDiskOf(config, log, world, hashKey);
  if (disk === 'refused') return EXIT.refused;
  const token = config.admin.token ?? newAdminToken();
  const workers = await workerCount(config.server.workers, world);
  if (workers.note !== undefined) log.warn(workers.note);
  const node = startNode({
    config,
    adminToken: token,
    clock: world.clock,
    log,
    version: world.version,
    hashKey,
    traffic: place,
    collectGarbage: () => world.collectGarbage(),
    readCertificates: (path) => world.readFileNow(path),
    readFile: (path) => world.readFile(path),
    env: world.env,
    memoryBytesMax: world.totalMemoryBytes,
    accessLogs: files,
    ...(auditLog === undefined ? {} : { auditLog }),
    ...(source === undefined ? {} : { configSource: source }),
    setLogLevel: (next) => {
      level = next;
    },
    disk,
    processUsage: () => world.processUsage(),
    workers: workers.count,
    transforms: {
      start: world.startTransforms,
      concurrency: await transformsAtATime(config.images.concurrency, world),
    },
  });
  world.onSignal(['SIGHUP'], () => {
    files.reopen();
    log.info('SIGHUP: log files are opened anew');
    if (source !== undefined) void node.reload();
  });
  // A token that the operator chose is known to who needs it.
  const tokenFile = config.admin.token === undefined ? publishToken(node, token, world) : undefined;
  world.out(await startupSummary(config, node, { tokenFile, trafficNote: note }, world));
  await untilStopped(node, config, world);
  if (tokenFile !== undefined) removeAdminToken(tokenFile);
  await files.close();
  return EXIT.ok;
}

/** @param hashKey for a new tier: that of the record, so that both have the same names for what is stored. */
async function openDiskOf(
  config: ValidConfig,
  log: Log,
  world: World,
  hashKey: HashKey,
): Promise<LogDiskTier | 'refused' | undefined> {
  const { disk } = config.cache;
  if (disk === undefined) return undefined;
  try {
    const { clock } = world;
    return await openDisk(disk, config, log, {
      clock,
      hashKey,
      openDirectory: (path) => world.openDirectory(path),
    });
  } catch (error) {
    world.err(`holdfast serve: cache.disk.path: ${(error as Error).message}\n`);
    return 'refused';
  }
}

/** Leaves the token where commands of the same user find it. Without a home there is no such place. */
function publishToken(node: Node, token: string, world: World): string | undefined {
  const path = adminTokenFile(world.env, Number(new URL(node.adminUrl).port));
  if (path === undefined) return undefined;
  try {
    writeAdminToken(path, token);
    return path;
  } catch (error) {
    world.err(`holdfast serve: the admin token could not be left in ${path}: ${(error as Error).message}\n`);
    return undefined;
  }
}

function untilStopped(node: Node, config: ValidConfig, world: World): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const { drainDelayMs } = config.server;
    const delay = drainDelayMs === 0 ? '' : `not ready any more; in ${drainDelayMs / 1000} s, `;
    world.onSignal(['SIGTERM', 'SIGINT'], (signal) => {
      world.err(
        asked
          ? `holdfast: ${signal} again: stopping at once\n`
          : `holdfast: ${signal}: ${delay}no new connections; running answers get up to ${config.server.drainTimeoutMs / 1000} s\n`,
      );
      void node.stop(asked ? 0 : undefined).then(resolve);
      asked = true;
    });
  });
}
