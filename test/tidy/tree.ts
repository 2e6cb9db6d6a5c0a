import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scan } from './scan.ts';

/** What a rule found: where, what, and what to do instead. One line, printed as it is. */
export type Finding = string;

/** A TypeScript file of the tree, read once for all rules. */
export interface Source {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Without comments and the insides of strings: see `scan.ts`. */
  readonly code: string;
  readonly comments: string;
  readonly imports: readonly Import[];
  /** Part of the tests: `*.test.ts`, what they share, and everything below `test/` and `bench/`. */
  readonly isTest: boolean;
}

/** One `import ... from`, `export ... from` or `import(...)`. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root for a relative one; undefined for a package. */
  readonly target: string | undefined;
  /** Gone at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** All files of a repository that are text, by path from the root; TypeScript ones also as sources. */
export interface Tree {
  readonly files: ReadonlyMap<string, string>;
  readonly sources: readonly Source[];
}

const TEXT = /\.(ts|mjs|json|md|yaml|yml|toml|html|css|txt)$|(^|\/)(LICENSE|\.gitignore)$|^\.ci\//;
const TEST = /\.(test|suite|fixture|models)\.ts$|^(test|bench)\//;

/** A tree from texts by path: for the rules' own tests. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  const sources: Source[] = [];
  for (const [path, text] of Object.entries(files)) {
    if (!path.endsWith('.ts')) continue;
    const { code, comments } = scan(text);
    sources.push({
      path,
      text,
      code,
      comments,
      imports: importsOf(path, text, code),
      isTest: TEST.test(path),
    });
  }
  return { files: new Map(Object.entries(files)), sources };
}

/** The repository at `root`: every text file that version control would take. */
export function readTree(root: string): Tree {
  const files: Record<string, string> = {};
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (IGNORED.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && TEXT.test(path)) files[path] = readFileSync(join(root, path), 'utf8');
    }
  };
  walk('');
  return treeOf(files);
}

/** Folders that are not ours or not kept; a test keeps this in step with .gitignore. */
export const IGNORED: ReadonlySet<string> = new Set([
  '.git',
  'node_modules',
  '.holdfast',
  'test-results',
  '.demo',
  'coverage',
]);

/** The line of a position, from 1. */
export function lineAt(text: string, at: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line += 1;
  return line;
}

/** The first folder below `src/`, or `main` for `src/main.ts`; undefined outside of `src/`. */
export function folderOf(path: string): string | undefined {
  if (path === 'src/main.ts') return 'main';
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

const STATEMENT = /(?<![\w$.])(?:import|export)\s+(type\s)?([\w$*{}\s,]*?)\s*\bfrom\s*['"]/g;
const BARE = /(?<![\w$.])import\s*\(?\s*['"]/g;

function importsOf(path: string, text: string, code: string): Import[] {
  const found: Import[] = [];
  const add = (match: RegExpMatchArray, typeOnly: boolean): void => {
    const from = match.index! + match[0].length;
    const specifier = text.slice(from, text.indexOf(text[from - 1]!, from));
    found.push({ specifier, target: resolve(path, specifier), typeOnly, line: lineAt(text, match.index!) });
  };
  for (const match of code.matchAll(STATEMENT)) {
    const names = match[2]!.trim();
    const members = /^\{([^}]*)\}$/.exec(names)?.[1]?.split(',') ?? [];
    const listed = members.map((member) => member.trim()).filter((member) => member !== '');
    add(match, match[1] !== undefined || (listed.length > 0 && listed.every((name) => /^type\s/.test(name))));
  }
  for (const match of code.matchAll(BARE)) add(match, false);
  return found;
}

function resolve(from: string, specifier: string): string | undefined {
  if (!/^\.{1,2}\//.test(specifier)) return undefined;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
