import type { Document, Node, Pair, Scalar } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { type Path, pathText } from './problem.ts';
import { type Environment, substitute } from './substitute.ts';

/** A part of the text, in UTF-16 units from its beginning. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A mistake in the text itself; `path` is as far as it is known. */
export interface TextProblem {
  readonly path: Path;
  readonly span: Span;
  readonly reason: string;
  readonly remedy: string;
}

/** The text as plain data, with the place of everything in it. */
export interface Source {
  /** Without a byte order mark. */
  readonly text: string;
  /** Maps (without prototype), arrays, strings, numbers, booleans and null. Undefined when nothing could be read. */
  readonly value: unknown;
  /** Where keys and values are, by {@link pathText}. Items of lists have no key. */
  readonly places: ReadonlyMap<string, { readonly key: Span | undefined; readonly value: Span }>;
  /** Values that came wholly or partly from the environment, by {@link pathText}, as they are written in the file. */
  readonly substituted: ReadonlyMap<string, string>;
  /** Paths whose value could not be had, by {@link pathText}: their problem is already told. */
  readonly missing: readonly Path[];
  readonly problems: readonly TextProblem[];
  /** False when the structure of the text cannot be trusted: nothing further should be said about it. */
  readonly structured: boolean;
  /** Line and column of an offset, both from 1. */
  readonly position: (offset: number) => { line: number; column: number };
}

/** A configuration is a page or two; these bounds keep a file that is something else from taking memory and time. */
const TEXT_CHARS_MAX = 1024 * 1024;
const NODES_MAX = 50_000;
const DEPTH_MAX = 40;
const YAML_ERRORS_MAX = 10;

/** Reads YAML 1.2 with `${NAME}` in values. Never throws; all mistakes that can be told from the text are in `problems`. */
export function parse(input: string, env: Environment): Source {
  const text = input.startsWith('\uFEFF') ? input.slice(1) : input;
  const lines = new LineCounter();
  const reader = new Reader(text, env, lines);
  if (text.length > TEXT_CHARS_MAX) {
    reader.tell(
      [],
      { start: 0, end: 1 },
      'the file is larger than 1 MiB',
      'check that this is a configuration file',
    );
  } else {
    reader.read();
  }
  if (lines.lineStarts.length === 0) lines.addNewLine(0);
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(Math.max(0, Math.min(offset, text.length)));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  return { ...reader.result(), position };
}

/** Turns the nodes of the document into plain data, once, noting places. */
class Reader {
  readonly #text: string;
  readonly #env: Environment;
  readonly #lines: LineCounter;
  readonly #places = new Map<string, { key: Span | undefined; value: Span }>();
  readonly #substituted = new Map<string, string>();
  readonly #missing: Path[] = [];
  readonly #problems: TextProblem[] = [];
  #structured = true;
  #value: unknown;
  #nodes = 0;
  readonly #anchors = new Map<string, Node>();

  constructor(text: string, env: Environment, lines: LineCounter) {
    this.#text = text;
    this.#env = env;
    this.#lines = lines;
  }

  result(): Omit<Source, 'position'> {
    return {
      text: this.#text,
      value: this.#value,
      places: this.#places,
      substituted: this.#substituted,
      missing: this.#missing,
      problems: this.#problems,
      structured: this.#structured,
    };
  }

  /** A problem with the text as a whole or with its structure. */
  tell(path: Path, span: Span, reason: string, remedy: string): void {
    this.#structured = false;
    this.#problems.push({ path, span, reason, remedy });
  }

  read(): void {
    try {
      // Duplicate keys are told in #map, which knows their path.
      const options = {
        lineCounter: this.#lines,
        prettyErrors: false,
        uniqueKeys: false,
        version: '1.2',
        merge: false,
      } as const;
      const document = parseDocument(this.#text, options);
      this.#yamlProblems(document as Document);
      if (!this.#structured) return;
      if (document.contents === null) {
        this.tell([], { start: 0, end: 1 }, 'the file has no content', 'write one with: holdfast init');
        return;
      }
      this.#value = this.#plain(document.contents, [], undefined, 0);
    } catch (error) {
      // The YAML library recurses: a text of ten thousand brackets exhausts the stack.
      const detail = error instanceof RangeError ? 'nested too deeply' : 'not readable as YAML';
      this.#value = undefined;
      this.tell([], { start: 0, end: 1 }, `the text is ${detail}`, 'check that this is a configuration file');
    }
  }

  #yamlProblems(document: Document): void {
    const complaints = [...document.errors, ...document.warnings];
    const [first] = complaints;
    // After the first mistake the rest of the structure is a guess. Tabs stay tabs, so they are told all at once.
    const certain =
      first?.code === 'TAB_AS_INDENT'
        ? complaints.filter(({ code }) => code === first.code)
        : complaints.slice(0, 1);
    for (const { code, message, pos } of certain.slice(0, YAML_ERRORS_MAX)) {
      const line = this.#text.lastIndexOf('\n', Math.max(0, pos[0] - 1));
      const written = this.#text.slice(
        line + 1,
        (this.#text.indexOf('\n', pos[0]) + 1 || this.#text.length + 1) - 1,
      );
      const inFlow = /[{[,][^'"]*\$\{/.test(written);
      const remedy = inFlow
        ? `put \${...} in quotes inside of { } and [ ]: "\${NAME}"`
        : (YAML_REMEDIES[code] ?? YAML_REMEDY);
      const reason =
        code === 'TAB_AS_INDENT'
          ? 'a tab is used to indent'
          : message.replace(/\s+/g, ' ').replace(/\.$/, '');
      this.tell([], { start: pos[0], end: Math.max(pos[1], pos[0] + 1) }, reason, remedy);
    }
  }

  #plain(node: Node | null, path: Path, key: Span | undefined, depth: number): unknown {
    this.#nodes += 1;
    const span = node === null ? (key ?? { start: 0, end: 1 }) : spanOf(node);
    // Aliases are expanded, so a few lines can stand for billions of nodes.
    if (this.#nodes > NODES_MAX || depth > DEPTH_MAX) {
      if (this.#structured)
        this.tell(
          path,
          span,
          'there is far too much here, or an alias contains itself',
          'check the aliases (*name)',
        );
      return null;
    }
    const name = pathText(path);
    if (!this.#places.has(name)) this.#places.set(name, { key, value: span });
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node.source, path, key, span, depth);
    if ('anchor' in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#map(node.items as Pair<Node, Node | null>[], path, depth);
    if (isSeq(node))
      return node.items.map((item, i) => this.#plain(item as Node, [...path, i], undefined, depth + 1));
    if (!isScalar(node)) return null;
    return this.#scalar(node, path, span);
  }

  /** What the nearest anchor of that name before it stands for. (The library looks through the whole document each time.) */
  #alias(name: string, path: Path, key: Span | undefined, span: Span, depth: number): unknown {
    const node = this.#anchors.get(name);
    if (node !== undefined) return this.#plain(node, path, key, depth + 1);
    const reason = `there is no &${name.slice(0, 64)} before this alias`;
    this.#problems.push({ path, span, reason, remedy: YAML_REMEDIES['BAD_ALIAS']! });
    this.#missing.push(path);
    return null;
  }

  #map(pairs: readonly Pair<Node, Node | null>[], path: Path, depth: number): unknown {
    const map: Record<string, unknown> = Object.create(null);
    const first = new Map<string, number>();
    for (const { key, value } of pairs) {
      const span = key === null ? { start: 0, end: 1 } : spanOf(key);
      if (!isScalar(key) || key.value === null || key.value === undefined) {
        this.#problems.push({
          path,
          span,
          reason: 'a key is missing or is not a plain word',
          remedy: 'write key: value',
        });
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      const here = [...path, name];
      const wrong = this.#wrongKey(name, first, span);
      if (wrong !== undefined) {
        this.#problems.push({ path: here, span, ...wrong });
        continue;
      }
      first.set(name, span.start);
      map[name] = this.#plain(value, here, span, depth + 1);
    }
    return map;
  }

  #wrongKey(
    name: string,
    first: ReadonlyMap<string, number>,
    span: Span,
  ): { reason: string; remedy: string } | undefined {
    const before = first.get(name);
    if (before !== undefined) {
      const { line } = this.#lines.linePos(before);
      return { reason: `the key "${name}" is here twice; first in line ${line}`, remedy: 'keep one of them' };
    }
    if (name === '<<')
      return {
        reason: 'merge keys are not part of YAML 1.2',
        remedy: 'use an alias for a whole value (key: *name)',
      };
    if (name === '__proto__') return { reason: 'this key is not allowed', remedy: 'choose another name' };
    if (/\$\{/.test(this.#text.slice(span.start, span.end))) {
      return {
        reason: 'the environment is only put into values, not into keys',
        remedy: 'write the key itself',
      };
    }
    return undefined;
  }

  #scalar(node: Scalar, path: Path, span: Span): unknown {
    if (typeof node.value !== 'string')
      return typeof node.value === 'bigint' ? Number(node.value) : node.value;
    if (!node.value.includes('$')) return node.value;
    const result = substitute(node.value, this.#env);
    if (result.problems.length > 0) {
      for (const problem of result.problems) this.#problems.push({ path, span, ...problem });
      this.#missing.push(path);
      return null;
    }
    if (result.used) this.#substituted.set(pathText(path), node.value);
    return result.text;
  }
}

function spanOf(node: Node): Span {
  const range = node.range ?? [0, 1];
  return { start: range[0], end: Math.max(range[0] + 1, range[1]) };
}

const YAML_REMEDY = 'check indentation, colons and quotes in this line and the one before';
/** By the codes of the YAML library. */
const YAML_REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'YAML indents with spaces only: replace the tab by spaces',
  BAD_INDENT: 'give keys that belong together the same indentation, in spaces',
  MULTIPLE_DOCS: 'keep one document: remove the line with ---',
  BAD_ALIAS: 'define it first with &name, or put the value in quotes if it is not meant as an alias',
  TAG_RESOLVE_FAILED: 'remove the tag (the word that starts with !), or put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'check the indentation: this line is deeper than it should be, or the one before lacks a line break',
  MISSING_CHAR: 'close the quote or bracket that was opened, and put a space after the colon',
  BAD_SCALAR_START: 'put the value in quotes',
};
