import { durationText, formatSize, sizeText } from '../base/units.ts';
import { largestObject, largestStored } from './complete.ts';
import type { HttpOriginConfig, OriginConfig, ParsedConfig } from './config.ts';
import { type Finding, finding } from './issues.ts';
import type { Path } from './problem.ts';
import { checkAdmin } from './rules-admin.ts';
import { checkAuto } from './rules-auto.ts';
import { checkDisk, checkTraffic } from './rules-disk.ts';
import { checkFailover, checkGuard } from './rules-guard.ts';
import { checkImages } from './rules-images.ts';
import { checkS3Origin } from './rules-s3.ts';
import { checkShares } from './rules-shares.ts';
import { endpointOf } from './s3.ts';
import { checkMatching } from './shadow.ts';
import { suggest } from './suggest.ts';
import { isLoopback, isWildcard, type Listen } from './values.ts';

/** What a rule gets to see: options that are each valid by themselves, and what the file really says. */
export interface Checked {
  readonly config: ParsedConfig;
  /** Position of each route in the file: differs from its index when routes with mistakes were left out. */
  readonly routeAt: readonly number[];
  /** Every origin of the file, also those with mistakes. */
  readonly originNames: readonly string[];
  /** Whether the file says something at that place (rather than leaving it to the default). */
  readonly said: (path: Path) => boolean;
}

/** Everything that options must not be together. Each finding names every place that plays a part. */
export function checkTogether(checked: Checked): readonly Finding[] {
  return [
    ...checkPorts(checked),
    ...checkAdmin(checked),
    ...checkMemory(checked),
    ...checkAuto(checked),
    ...checkFavour(checked),
    ...checkDisk(checked),
    ...checkTraffic(checked),
    ...checkOrigins(checked),
    ...checkRoutes(checked),
    ...checkMatching(checked),
    ...checkPinned(checked),
    ...checkImages(checked),
    ...checkShares(checked),
  ];
}

/** Whether two sockets with the same port would be in each other's way. */
function sameAddress(a: Listen, b: Listen): boolean {
  if (a.host === b.host || isWildcard(a.host) || isWildcard(b.host)) return true;
  // localhost is 127.0.0.1, ::1 or both, as the machine has it.
  return (a.host === 'localhost' && isLoopback(b.host)) || (b.host === 'localhost' && isLoopback(a.host));
}

function checkPorts({ config, said }: Checked): Finding[] {
  const { server, admin } = config;
  const findings: Finding[] = [];
  const listen: Path = ['admin', 'listen'];
  if (
    server.listen.port === admin.listen.port &&
    server.listen.port !== 0 &&
    sameAddress(server.listen, admin.listen)
  ) {
    const reason = `admin and public port are the same (${server.listen.port})`;
    const at: Path = said(listen) ? listen : ['server', 'listen'];
    findings.push(
      finding('error', at, [listen, ['server', 'listen']], reason, 'give one of them another port'),
    );
  }
  if (!isLoopback(admin.listen.host)) {
    if (!admin.allowRemote) {
      const reason = `the admin port would be reachable from other machines (${admin.listen.host})`;
      const remedy = `listen on 127.0.0.1:${admin.listen.port}, or say allowRemote: true and set a token`;
      findings.push(finding('error', listen, [['admin', 'allowRemote']], reason, remedy));
    } else if (admin.token === undefined && !admin.tokens.some(({ role }) => role === 'operate')) {
      const reason = 'the admin port is open to other machines, but no token is set';
      const remedy = `set token: "\${HOLDFAST_ADMIN_TOKEN}" and that variable to the output of: openssl rand -hex 32`;
      findings.push(finding('error', ['admin', 'allowRemote'], [['admin', 'token'], listen], reason, remedy));
    }
  } else if (admin.allowRemote) {
    const reason = 'allowRemote has no effect: the admin port listens on this machine only';
    findings.push(
      finding('warning', ['admin', 'allowRemote'], [listen], reason, 'remove it, or change admin.listen'),
    );
  }
  const idle: Path = ['server', 'idleTimeout'];
  if (said(idle) && server.idleTimeoutMs < 60_000) {
    const reason =
      'load balancers commonly reuse connections for 60s, and would meet ones that are just being closed';
    findings.push(finding('warning', idle, [], reason, 'use 75s, unless clients connect directly'));
  }
  return findings;
}

function checkMemory({ config }: Checked): Finding[] {
  const { sizeBytes, maxObjectBytes } = config.cache.memory;
  if (maxObjectBytes === undefined || maxObjectBytes <= sizeBytes / 2) return [];
  const size: Path = ['cache', 'memory', 'size'];
  const reason = `one response of ${sizeText(maxObjectBytes)} would evict more than half of the cache (${sizeText(sizeBytes)})`;
  const remedy = `use at most ${sizeText(Math.floor(sizeBytes / 2))} (half of the size), or raise the size`;
  return [finding('error', ['cache', 'memory', 'maxObject'], [size], reason, remedy)];
}

function checkFavour({ config, said }: Checked): Finding[] {
  const favour: Path = ['cache', 'memory', 'favour'];
  const { policy } = config.cache.memory;
  if (policy === 'greedy-dual' || !said(favour)) return [];
  const reason = `favour has no effect: the policy ${policy} has no choice`;
  const remedy = 'remove it, or use the policy greedy-dual';
  return [{ ...finding('warning', favour, [['cache', 'memory', 'policy']], reason, remedy), at: 'key' }];
}

function checkOrigins(checked: Checked): Finding[] {
  const { config, said } = checked;
  const findings: Finding[] = [];
  if (Object.keys(config.origins).length === 0) {
    const remedy = 'name at least one place where images come from';
    findings.push(finding('error', ['origins'], [], 'there is no origin', remedy));
  }
  const used = new Set(config.routes.flatMap((route) => [route.origin, ...(route.failover ?? [])]));
  for (const [name, origin] of Object.entries(config.origins)) {
    const path: Path = ['origins', name];
    if (!used.has(name)) {
      const reason = `no route leads to the origin "${name}"`;
      findings.push({
        ...finding('warning', path, [['routes']], reason, 'remove it, or add a route'),
        at: 'key',
      });
    }
    if (isHttp(origin)) findings.push(...checkHttpOrigin(path, origin, config, said));
    if (origin.type === 's3') {
      const url = endpointOf(origin);
      findings.push(
        ...checkCircle([...path, 'endpoint'], url, config),
        ...checkTimeouts([...path, 'timeouts'], origin.timeouts, said),
        ...checkTls(path, 'endpoint', { ...origin, url }, said),
        ...checkS3Origin(path, origin, checked),
        ...checkGuard(path, origin),
      );
    }
  }
  return findings;
}

function isHttp(origin: OriginConfig): origin is HttpOriginConfig {
  return origin.type === 'http';
}

function checkHttpOrigin(
  path: Path,
  origin: HttpOriginConfig,
  config: ParsedConfig,
  said: Checked['said'],
): Finding[] {
  const findings = [
    ...checkCircle([...path, 'url'], origin.url, config),
    ...checkTimeouts([...path, 'timeouts'], origin.timeouts, said),
    ...checkTls(path, 'url', origin, said),
    ...checkGuard(path, origin),
  ];
  if (origin.redirects.crossHost && origin.redirects.follow === 0) {
    const reason = 'crossHost has no effect: no redirect is followed';
    const crossHost = [...path, 'redirects', 'crossHost'];
    const remedy = 'set follow to 1 or more, or remove it';
    findings.push(finding('warning', crossHost, [[...path, 'redirects']], reason, remedy));
  }
  return findings;
}

/** An origin that is this very node. */
function checkCircle(path: Path, url: HttpOriginConfig['url'], config: ParsedConfig): Finding[] {
  const ports = [
    ['server', 'public', config.server.listen],
    ['admin', 'admin', config.admin.listen],
  ] as const;
  return ports.flatMap(([where, name, listen]) => {
    const local = isLoopback(url.hostname) || url.hostname === listen.host;
    const heard = isLoopback(listen.host) || isWildcard(listen.host) || url.hostname === listen.host;
    if (!local || !heard || url.port !== listen.port) return [];
    const reason = `this is the node's own ${name} port: requests would go round in circles`;
    const related = [[where, 'listen']];
    return [finding('error', path, related, reason, 'name the port of the origin itself')];
  });
}

/** Stages that cannot time out because the whole exchange does before. */
function checkTimeouts(path: Path, timeouts: HttpOriginConfig['timeouts'], said: Checked['said']): Finding[] {
  const { connectMs, firstByteMs, idleMs, totalMs } = timeouts;
  const stages = [
    ['connect', connectMs],
    ['firstByte', firstByteMs],
    ['idle', idleMs],
  ] as const;
  return stages.flatMap(([name, ms]) => {
    if (ms < totalMs) return [];
    const [stage, total] = [
      [...path, name],
      [...path, 'total'],
    ];
    const reason = `total (${durationText(totalMs)}) always ends an exchange before ${name} (${durationText(ms)}) can`;
    const remedy = `make total longer, or ${name} shorter: then the log names the stage that was slow`;
    return [finding('warning', said(stage) ? stage : total, [stage, total], reason, remedy)];
  });
}

function checkTls(
  path: Path,
  where: 'url' | 'endpoint',
  origin: Pick<HttpOriginConfig, 'url' | 'tls'>,
  said: Checked['said'],
): Finding[] {
  const [tls, related] = [[...path, 'tls'], [[...path, where]]];
  const isSaid = ['ca', 'serverName', 'verify'].some((key) => said([...tls, key]));
  if (origin.url.scheme === 'http' && isSaid) {
    const reason = `these settings have no effect on an http:// ${where}`;
    return [finding('warning', tls, related, reason, 'use https:// or remove them')];
  }
  if (origin.tls.verify || origin.url.scheme === 'http') return [];
  const reason = 'anybody on the way to the origin can replace images';
  return [
    finding(
      'warning',
      [...tls, 'verify'],
      related,
      reason,
      'set tls.ca to the certificate of your authority instead',
    ),
  ];
}

function checkRoutes({ config, routeAt, originNames, said }: Checked): Finding[] {
  const findings: Finding[] = [];
  const firstAt = new Map<string, number>();
  for (const [index, route] of config.routes.entries()) {
    const at = routeAt[index]!;
    const path: Path = ['routes', at];
    const before = firstAt.get(route.name);
    if (before === undefined) firstAt.set(route.name, at);
    else {
      const reason = `the name "${route.name}" is taken by routes[${before}]`;
      findings.push(
        finding(
          'error',
          [...path, 'name'],
          [['routes', before, 'name']],
          reason,
          'give each route a name of its own',
        ),
      );
    }
    if (!originNames.includes(route.origin)) {
      const near = suggest(route.origin, originNames);
      const remedy =
        near === undefined ? `defined are: ${originNames.join(', ')}` : `did you mean "${near}"?`;
      findings.push(
        finding('error', [...path, 'origin'], [], `there is no origin "${route.origin}"`, remedy),
      );
    }
    findings.push(
      ...checkLifetimes(path, route, said),
      ...checkQuery(path, route),
      ...checkMethods(path, route, config),
      ...checkFailover(path, route, config, originNames),
      ...checkTypes(path, route),
    );
    const tier = largestStored(config.cache);
    if (route.maxObjectBytes !== undefined && route.maxObjectBytes > tier) {
      const limit =
        tier > largestObject(config.cache.memory) ? 'cache.disk.maxObject' : 'cache.memory.maxObject';
      const reason = `responses above ${sizeText(tier)} are not stored anyway (${limit})`;
      const related: Path[] = [
        ['cache', 'memory'],
        ['cache', 'disk'],
      ];
      const remedy = `use at most ${sizeText(tier)}, or raise ${limit}`;
      findings.push(finding('error', [...path, 'maxObject'], related, reason, remedy));
    }
  }
  return findings;
}

function checkMethods(
  path: Path,
  route: ParsedConfig['routes'][number],
  { origins }: ParsedConfig,
): Finding[] {
  const origin = origins[route.origin];
  if (route.unsafeMethods !== 'forward' || origin === undefined) return [];
  const at = [...path, 'unsafeMethods'];
  const related: Path[] = [['origins', route.origin]];
  if (!isHttp(origin)) {
    const reason = `an origin of type ${origin.type} takes no other methods than GET and HEAD`;
    return [finding('error', at, related, reason, 'remove it, or use refuse')];
  }
  if (Object.keys(origin.headers).length === 0) return [];
  const reason =
    'whoever reaches this route could change things at the origin with the headers that are configured there';
  return [finding('warning', at, related, reason, 'use refuse, unless every client may do that')];
}

function checkLifetimes(path: Path, route: ParsedConfig['routes'][number], said: Checked['said']): Finding[] {
  const findings: Finding[] = [];
  const ttl = [...path, 'ttl'];
  const { defaultS, minS, overrideS } = route.ttl;
  if (overrideS !== undefined && minS !== undefined) {
    const reason = `override (${durationText(overrideS * 1000)}) replaces every lifetime, so min has no say`;
    findings.push(finding('error', [...ttl, 'min'], [[...ttl, 'override']], reason, 'keep one of the two'));
  } else if (overrideS !== undefined && said([...ttl, 'default'])) {
    const reason = `override (${durationText(overrideS * 1000)}) replaces every lifetime, so default has no say`;
    findings.push(
      finding('error', [...ttl, 'default'], [[...ttl, 'override']], reason, 'keep one of the two'),
    );
  } else if (minS !== undefined && defaultS !== undefined && minS > defaultS) {
    const reason = `min (${durationText(minS * 1000)}) is above default (${durationText(defaultS * 1000)}), so default is never used`;
    findings.push(
      finding('error', [...ttl, 'min'], [[...ttl, 'default']], reason, 'lower min, or raise default to it'),
    );
  }
  if (!route.cache) {
    for (const key of ['ttl', 'stale', 'key', 'maxObject', 'pinned', 'requestFields', 'storeTypes']) {
      if (!said([...path, key])) continue;
      const reason = `${key} has no effect: cache is false for this route`;
      const found = finding(
        'warning',
        [...path, key],
        [[...path, 'cache']],
        reason,
        'remove it, or set cache: true',
      );
      findings.push({ ...found, at: 'key' });
    }
  }
  return findings;
}

/** Pinned routes share what they must not fill: together with the largest object there has to be room for the others. */
function checkPinned({ config, said }: Checked): Finding[] {
  const share: Path = ['cache', 'memory', 'pinnedShare'];
  const pinned = config.routes.filter((route) => route.pinned && route.cache);
  const reason = 'pinnedShare has no effect: no route is pinned';
  const remedy = 'remove it, or set pinned: true for a route';
  if (pinned.length === 0)
    return said(share) ? [{ ...finding('warning', share, [['routes']], reason, remedy), at: 'key' }] : [];
  const others = config.routes.some((route) => !route.pinned && route.cache);
  const { pinnedShare, sizeBytes } = config.cache.memory;
  const leftBytes = Math.floor(sizeBytes * (1 - pinnedShare / 100));
  const largestBytes = largestObject(config.cache.memory);
  if (!others || largestBytes <= leftBytes) return [];
  const related: Path[] = [
    ['cache', 'memory', 'maxObject'],
    ['cache', 'memory', 'size'],
  ];
  const tooFull = `beside the pinned share only ${formatSize(leftBytes)} are left, less than the largest response (${sizeText(largestBytes)})`;
  return [finding('error', share, related, tooFull, 'lower pinnedShare or maxObject, or raise the size')];
}

function checkTypes(path: Path, { storeTypes }: ParsedConfig['routes'][number]): Finding[] {
  if (storeTypes === undefined || storeTypes.some((type) => type.startsWith('image/'))) return [];
  const reason = `no image is stored: storeTypes has ${storeTypes.join(', ')} only`;
  return [finding('warning', [...path, 'storeTypes'], [], reason, 'add image/*, or leave storeTypes out')];
}

/** Parameters that differ for every visitor or every signature: in a key, each makes another copy of the same image. */
const FLEETING =
  /^(utm_.+|fbclid|gclid|msclkid|mc_eid|_ga|x-amz-.+|x-goog-.+|awsaccesskeyid|signature|expires|key-pair-id|sig|se|sp|sv)$/i;

function checkQuery(path: Path, route: ParsedConfig['routes'][number]): Finding[] {
  const { query } = route.key;
  if (query === undefined || typeof query === 'string') return [];
  return query.flatMap((name, index) => {
    const at = [...path, 'key', 'query', index];
    if (query.indexOf(name) !== index)
      return [finding('error', at, [], `"${name}" is listed twice`, 'keep one of them')];
    if (!FLEETING.test(name)) return [];
    const reason = `"${name}" looks like a signature or a tracking parameter: every value of it would be stored anew`;
    return [
      finding(
        'warning',
        at,
        [],
        reason,
        'leave it out of the list, unless the origin chooses the image by it',
      ),
    ];
  });
}
