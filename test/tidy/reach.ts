import { exportsOf } from './shape.ts';
import type { Finding, Source, Tree } from './tree.ts';

/** Source files that nothing imports, directly or not: neither `main.ts`, nor a test, nor a benchmark. */
export function deadFiles(tree: Tree): Finding[] {
  const byPath = new Map(tree.sources.map((source) => [source.path, source]));
  const alive = new Set<string>();
  const reach = (path: string): void => {
    const source = byPath.get(path);
    if (source === undefined || alive.has(path)) return;
    alive.add(path);
    for (const target of targetsOf(source)) reach(target);
  };
  for (const { path } of tree.sources) if (isRoot(path)) reach(path);
  return tree.sources
    .filter(({ path }) => !alive.has(path))
    .map(({ path }) => `${path}: nothing imports it; delete it, or use it`);
}

/** What is started by itself: the program, tests, benchmarks and the scripts of test/. */
function isRoot(path: string): boolean {
  return path === 'src/main.ts' || path.endsWith('.test.ts') || /^(bench|test)\//.test(path);
}

/** Imports, and files that are named to be run: a worker's module, a script that a test starts. */
function targetsOf({ path, text, imports }: Source): string[] {
  const folder = path.split('/').slice(0, -1).join('/');
  const named = [...text.matchAll(/['"]\.?\/?((?:[\w-]+\/)*[\w.-]+\.ts)['"]/g)].map(
    (match) => `${folder}/${match[1]}`,
  );
  return [...imports.flatMap(({ target }) => target ?? []), ...named];
}

/**
 * Exports that no other file names. A value that only its own file uses needs no `export`. For types, which name parts
 * of signatures, and for the lists that types are read off, a use in their own file is enough.
 */
export function unusedExports(tree: Tree): Finding[] {
  const words = new Map(tree.sources.map((source) => [source.path, countWords(source.code)]));
  const found: Finding[] = [];
  for (const source of tree.sources) {
    if (source.isTest || !source.path.startsWith('src/') || source.path === 'src/main.ts') continue;
    for (const { name, kind } of exportsOf(source)) {
      const isType = kind === 'type' || kind === 'interface';
      if (isType && words.get(source.path)!.get(name)! > 1) continue;
      if (new RegExp(`^export type .*typeof ${name.replaceAll('$', '\\$')}\\b`, 'm').test(source.code))
        continue;
      const elsewhere = tree.sources.some(({ path }) => path !== source.path && words.get(path)!.has(name));
      if (!elsewhere)
        found.push(`${source.path}: nobody else uses ${name}; drop its export, or the whole of it`);
    }
  }
  return found;
}

function countWords(code: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of code.matchAll(/[A-Za-z_$][\w$]*/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
