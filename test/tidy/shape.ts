import { type Finding, lineAt, type Source, type Tree } from './tree.ts';

/** The longest source file. Functions have a limit of their own, which biome.json sets. */
export const FILE_LINES_MAX = 400;

/** Files that have grown past {@link FILE_LINES_MAX}. Tests may be as long as their cases are many. */
export function sizes(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const { path, text, isTest } of tree.sources) {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    if (isTest || lines <= FILE_LINES_MAX) continue;
    found.push(
      `${path}: has ${lines} lines, the limit is ${FILE_LINES_MAX}; give one of its ideas a file of its own`,
    );
  }
  return found;
}

const EXPORT =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(const|let|function\*?|class|interface|type|enum) +([\w$]+)/gm;

/** A name that a file exports by declaring it. */
export interface Exported {
  readonly kind: string;
  readonly name: string;
  readonly at: number;
}

/** The exported declarations of a file, in its order. Re-exports are not among them. */
export function exportsOf({ code }: Source): Exported[] {
  return [...code.matchAll(EXPORT)].map((match) => ({ kind: match[1]!, name: match[2]!, at: match.index }));
}

/**
 * Exported declarations that nothing explains. An interface or a type may be explained by the comments of its members
 * instead; one that is read off a constant, as in `type Name = (typeof NAMES)[number]`, is explained where that is.
 */
export function docs(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const source of tree.sources) {
    if (source.isTest || !source.path.startsWith('src/')) continue;
    const seen = new Set<string>();
    for (const { name, at, kind } of exportsOf(source)) {
      const isOverload = seen.has(name);
      seen.add(name);
      if (isOverload || isDocumented(source.text, at)) continue;
      if ((kind === 'interface' || kind === 'type') && isExplainedInside(source, at)) continue;
      const line = lineAt(source.text, at);
      found.push(
        `${source.path}:${line}: ${name} has no doc comment; say in /** */ what it is, its units and its errors`,
      );
    }
  }
  return found;
}

/** A doc comment ends right before the declaration, and it is not the one of the file (an empty line parts those). */
function isDocumented(text: string, at: number): boolean {
  return /\*\/[ \t]*\n(?:[ \t]*(?:\/\/|@)[^\n]*\n)*$/.test(text.slice(Math.max(0, at - 2000), at));
}

function isExplainedInside({ text, code }: Source, at: number): boolean {
  if (/^export type \w+ = \(?(?:typeof |keyof typeof )/.test(code.slice(at, at + 200))) return true;
  // The formatter puts the end of a declaration at the start of a line; members are indented.
  const end = /\n\S/.exec(code.slice(at));
  return text.slice(at, end === null ? text.length : at + end.index).includes('/**');
}

/** Marks of unfinished work, and ways around the compiler and the test runner. */
export function leftovers(tree: Tree): Finding[] {
  const found: Finding[] = [];
  for (const { path, code, comments } of tree.sources) {
    for (const { where, pattern, name, instead } of LEFTOVERS) {
      const text = where === 'code' ? code : comments;
      for (const match of text.matchAll(pattern)) {
        found.push(`${path}:${lineAt(text, match.index)}: ${name}; ${instead}`);
      }
    }
  }
  return found;
}

const LEFTOVERS = [
  {
    where: 'comments',
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    name: 'work left undone',
    instead: 'do it, or write an issue',
  },
  {
    where: 'comments',
    pattern: /@ts-(?:ignore|nocheck|expect-error)\b/g,
    name: 'a silenced compiler',
    instead: 'mend the type',
  },
  {
    where: 'comments',
    pattern: /\bbiome-ignore-all\b/g,
    name: 'a silenced linter',
    instead: 'mend what it says',
  },
  { where: 'code', pattern: /\bas any\b|<any>|: any\b/g, name: 'any', instead: 'use unknown and narrow it' },
  {
    where: 'code',
    pattern: /\.only\(/g,
    name: 'a test run that leaves out the others',
    instead: 'remove .only',
  },
  {
    where: 'code',
    pattern: /\.(?:skip|todo)\(/g,
    name: 'a test that does not run',
    instead: 'make it run, or skipIf with a reason',
  },
  { where: 'code', pattern: /\bdebugger\b/g, name: 'a breakpoint', instead: 'remove it' },
] as const;
