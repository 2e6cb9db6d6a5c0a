import type { Finding, Tree } from './tree.ts';

/** The two lines that the README promises. */
export const COMMANDS = ['npm ci && npm run demo', 'npm ci && npm test'] as const;

/** The README shows both command lines, and the one for tests is exactly what continuous integration runs. */
export function commands(tree: Tree): Finding[] {
  const readme = tree.files.get('README.md');
  if (readme === undefined) return [`README.md: is missing; it must show: ${COMMANDS.join('  and  ')}`];
  const lines = readme.split('\n').map((line) => line.trim());
  const found = COMMANDS.filter(
    (command) => !lines.some((line) => line === command || line.startsWith(`${command} #`)),
  ).map((command) => `README.md: has no line "${command}"; put it into a block of its own`);
  const ci = (tree.files.get('.ci/run') ?? '').split('\n').map((line) => line.trim());
  if (!ci.includes(COMMANDS[1]))
    found.push(`.ci/run: does not run "${COMMANDS[1]}"; it must run what the README says`);
  return found;
}

/** The CHANGELOG has an entry for the version of package.json. */
export function changelog(tree: Tree): Finding[] {
  const { version } = JSON.parse(tree.files.get('package.json') ?? '{}') as { version?: string };
  const entries = (tree.files.get('CHANGELOG.md') ?? '').matchAll(/^## \[([^\]]+)\]/gm);
  if ([...entries].some(([, name]) => name === version)) return [];
  return [`CHANGELOG.md: has no entry "## [${version}]"; say what this version brings`];
}

/** Links of the documents that lead to no file, or to no heading of it. Addresses are not looked at. */
export function links(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const [path, text] of tree.files) {
    if (!path.endsWith('.md')) continue;
    const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [file, heading] = link!.split('#');
      const target = file === '' ? path : join(path, file!);
      if (!exists(tree, target)) found.push(`${path}: the link ${link} leads to no file; mend it`);
      else if (heading !== undefined && target.endsWith('.md') && !anchors(tree, target).has(heading))
        found.push(`${path}: the link ${link} leads to no heading of ${target}; mend it`);
    }
  }
  return found;
}

/** The names under which the headings of a document can be linked to, made as GitHub makes them. */
function anchors(tree: Tree, path: string): Set<string> {
  const text = (tree.files.get(path) ?? '').replace(/^```[\s\S]*?^```/gm, '');
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Files of the source that documents name in code quotes, such as `src/cache/cache.ts`, and that are not there. */
export function namedFiles(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const [path, text] of tree.files) {
    if (!path.endsWith('.md') || path === 'CHANGELOG.md') continue;
    for (const [, name] of text.matchAll(/`((?:src|test|bench|bin|docs)\/[\w./-]*[\w/])`/g)) {
      if (!exists(tree, name!)) found.push(`${path}: names ${name}, which is not there; mend it`);
    }
  }
  return found;
}

/** Generated pages without a test that compares them with what they are generated from. */
export function generated(tree: Tree): Finding[] {
  const tests = tree.sources.filter(({ path }) => path.endsWith('.test.ts') && !path.startsWith('test/tidy'));
  return [...tree.files.keys()]
    .filter((path) => path.startsWith('docs/reference/') || path === 'holdfast.schema.json')
    .filter((path) => !tests.some(({ text }) => text.includes(path.split('/').at(-1)!)))
    .map((path) => `${path}: no test keeps it fresh; compare it there with what generates it`);
}

const MACHINE = new RegExp(
  `(?<![\\w.~/:-])/(?:${['work', 'home', 'Users', 'root'].join('|')})/[\\w./-]+`,
  'g',
);

/** Paths that exist on one machine only. */
export function machinePaths(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const [path, text] of tree.files) {
    text.split('\n').forEach((line, index) => {
      for (const [match] of line.matchAll(MACHINE)) {
        found.push(
          `${path}:${index + 1}: ${match} is a place on one machine; use a path from the root of the repository`,
        );
      }
    });
  }
  return found;
}

function join(from: string, link: string): string {
  const parts = link.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of link.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

function exists(tree: Tree, path: string): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`;
  if (path === '' || tree.files.has(path)) return true;
  for (const name of tree.files.keys()) if (name.startsWith(folder)) return true;
  return false;
}
