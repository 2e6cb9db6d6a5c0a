import { type Finding, lineAt, type Source, type Tree } from './tree.ts';

/** What only edges may touch. */
export type Effect = 'time' | 'random' | 'process' | 'console' | 'disk' | 'net' | 'runtime' | 'threads';

interface Ban {
  readonly effect: Effect;
  /** Looked for in code, never in comments or strings. */
  readonly pattern: RegExp;
  readonly name: string;
  readonly instead: string;
}

const BANS: readonly Ban[] = [
  ban(
    'time',
    'Date.now',
    /\bDate\.now\b|\bnew Date\(\s*\)/g,
    'clock.nowMs(), from a Clock that is handed in',
  ),
  ban(
    'time',
    'performance',
    /(?<![.\w$])performance\./g,
    'clock.monotonicMs(), from a Clock that is handed in',
  ),
  ban(
    'time',
    'a timer',
    /(?<![.\w$])set(?:Timeout|Interval|Immediate)\b/g,
    'clock.after(), or every() of base/clock.ts',
  ),
  ban('random', 'Math.random', /\bMath\.random\b/g, 'a Random that is handed in (base/random.ts)'),
  ban(
    'random',
    'system randomness',
    /\b(?:randomBytes|randomUUID|randomInt|getRandomValues)\b(?=\()/g,
    'a value that is handed in',
  ),
  ban('process', 'process', /(?<![.\w$])process\.(?=\w)/g, 'what main.ts hands in (cli/world.ts)'),
  ban(
    'console',
    'console',
    /(?<![.\w$])console\./g,
    'the Log that is handed in, or io.out and io.err in a command',
  ),
  ban('runtime', 'Bun', /(?<![.\w$])Bun\./g, 'the contract of an edge: Origin, RequestHandler, World'),
  ban(
    'net',
    'fetch',
    /(?:[=(:,?!&|>]\s*|\b(?:await|return|void)\s+)fetch\(/g,
    'an Origin, or a fetch that is handed in',
  ),
];

/** Modules of the runtime that do something to the world, by what they do. */
const MODULES: Readonly<Record<string, Effect>> = {
  'node:fs': 'disk',
  'node:fs/promises': 'disk',
  'node:net': 'net',
  'node:tls': 'net',
  'node:http': 'net',
  'node:https': 'net',
  'node:http2': 'net',
  'node:dns': 'net',
  'node:dns/promises': 'net',
  'node:dgram': 'net',
  'node:child_process': 'process',
  'node:process': 'process',
  'node:os': 'process',
  'node:timers': 'time',
  'node:timers/promises': 'time',
  'node:worker_threads': 'threads',
  'node:cluster': 'threads',
  bun: 'runtime',
};

/** Modules that only compute. `node:crypto` is among them for its hashes: its random functions are banned by name. */
const HARMLESS: ReadonlySet<string> = new Set([
  'node:buffer',
  'node:crypto',
  'node:path',
  'node:path/posix',
  'node:url',
  'node:util',
  'node:zlib',
]);

/** Folders without effects of any kind, and what they may import of the runtime and of packages all the same. */
const PURE: Readonly<Record<string, ReadonlySet<string>>> = {
  base: new Set(),
  policy: new Set(),
  http: new Set(),
  image: new Set(['node:crypto']),
  config: new Set(['node:path/posix', 'yaml', 'zod']),
  cache: new Set(),
};

interface Edge {
  /** A file, or a folder with `/` at its end. */
  readonly path: string;
  readonly effects: readonly Effect[];
  readonly why: string;
}

/** The edges: each may touch exactly this, for this reason. An effect that is no longer used must be taken off. */
export const EDGES: readonly Edge[] = [
  edge(
    'src/main.ts',
    ['time', 'random', 'process', 'disk', 'net', 'runtime'],
    'the composition root: builds the real ones and hands them in',
  ),
  edge('src/origin/files.ts', ['disk'], 'the origin that is a directory'),
  edge('src/origin/http.ts', ['runtime'], 'the default of its `connect`: the socket of the runtime'),
  edge('src/origin/http-connection.ts', ['runtime'], 'one connection to an origin'),
  edge(
    'src/store/disk/real-files.ts',
    ['disk', 'runtime'],
    'the directory of the disk tier; SQLite, for a lock that the kernel gives back',
  ),
  edge(
    'src/transform/process.ts',
    ['process', 'disk'],
    'starts the process that transforms, and looks at its memory (/proc)',
  ),
  edge(
    'src/transform/child/main.ts',
    ['process', 'time', 'runtime', 'disk'],
    'that process: orders come in and reports go out as standard input and output; its threads are listed in /proc',
  ),
  edge('src/traffic/record/files.ts', ['disk'], 'the files of a traffic record'),
  edge('src/server/listener.ts', ['runtime'], 'the public port'),
  edge('src/server/host.ts', ['runtime'], 'the type of a client socket'),
  edge('src/server/workers/thread.ts', ['threads', 'time'], 'starts the threads of workers'),
  edge(
    'src/server/workers/worker.ts',
    ['threads', 'time', 'runtime'],
    'the composition root of a worker: its clock, its way to the owner',
  ),
  edge('src/server/admin.ts', ['runtime'], 'the admin port'),
  edge('src/server/admin-guard.ts', ['net'], 'isIP(), which only looks at text'),
  edge(
    'src/server/admin-token.ts',
    ['disk', 'random'],
    'makes the token of a run and leaves it for its owner',
  ),
  edge(
    'src/monitor/sink.ts',
    ['disk', 'runtime'],
    'where log lines are written, with a pause while a pipe is full',
  ),
  edge(
    'src/cli/traffic/files.ts',
    ['disk'],
    'reads logs piece by piece, writes what is exported, and the record of a node while a command reads it',
  ),
  edge('src/cli/terminal.ts', ['disk'], 'the terminal: reads keys, writes the screen'),
  edge(
    'src/cli/demo/',
    ['time', 'process', 'disk', 'runtime', 'threads'],
    'a world of its own: origin, pictures and clients',
  ),
];

/** Effects outside of the files that are their edge, and edges that have become larger than they need to be. */
export function bans(tree: Tree, edges: readonly Edge[] = EDGES): Finding[] {
  const found: Finding[] = [];
  const used = new Set<string>();
  for (const source of tree.sources) {
    if (source.isTest || !source.path.startsWith('src/')) continue;
    for (const { at, effect, name, instead } of [...usesOf(source), ...modulesOf(source)]) {
      const allowed = edges.find(
        ({ path, effects }) => covers(path, source.path) && effects.includes(effect),
      );
      if (allowed !== undefined) used.add(`${allowed.path} ${effect}`);
      else found.push(`${source.path}:${lineAt(source.text, at)}: ${name} is for edges only; use ${instead}`);
    }
  }
  for (const { path, effects } of edges) {
    for (const effect of effects) {
      if (!used.has(`${path} ${effect}`))
        found.push(`${path}: does not need "${effect}" any more; take it off EDGES`);
    }
  }
  return found;
}

/** What pure folders import beside the source itself. */
export function pure(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const source of tree.sources) {
    const allowed = PURE[/^src\/([^/]+)\//.exec(source.path)?.[1] ?? ''];
    if (allowed === undefined || source.isTest) continue;
    for (const { specifier, target, line } of source.imports) {
      if (target !== undefined || allowed.has(specifier)) continue;
      found.push(
        `${source.path}:${line}: imports ${specifier}, but its folder is pure; take the value as an argument`,
      );
    }
  }
  return found;
}

interface Use extends Omit<Ban, 'pattern'> {
  readonly at: number;
}

function usesOf({ code }: Source): Use[] {
  return BANS.flatMap((each) =>
    [...code.matchAll(each.pattern)].map((match) => ({ ...each, at: match.index })),
  );
}

function modulesOf(source: Source): Use[] {
  const found: Use[] = [];
  for (const { specifier, line } of source.imports) {
    if (!/^(node:|bun$|bun:)/.test(specifier) || HARMLESS.has(specifier)) continue;
    const effect = MODULES[specifier] ?? 'runtime';
    const at = source.text.split('\n', line - 1).join('\n').length + (line > 1 ? 1 : 0);
    found.push({
      at,
      effect,
      name: specifier,
      instead: 'what an edge hands in, or make the file an edge (EDGES)',
    });
  }
  return found;
}

function covers(path: string, file: string): boolean {
  return path.endsWith('/') ? file.startsWith(path) : file === path;
}

function ban(effect: Effect, name: string, pattern: RegExp, instead: string): Ban {
  return { effect, name, pattern, instead };
}

function edge(path: string, effects: readonly Effect[], why: string): Edge {
  return { path, effects, why };
}
