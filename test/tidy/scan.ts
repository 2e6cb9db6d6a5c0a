/**
 * Splits TypeScript into what runs and what is said about it, so that the rules of this folder never mistake a word
 * in a string for code. Not a parser: it knows comments, strings, templates and regular expressions, and nothing else.
 */
export interface Scanned {
  /** The text with comments and the insides of strings, templates and regular expressions blanked; same length. */
  readonly code: string;
  /** The text with everything but comments blanked; same length. */
  readonly comments: string;
}

/** Before one of these, or one of {@link WORDS}, a slash starts a regular expression and does not divide. */
const OPENERS = new Set('(,=:[!&|?{};+-*%<>~^');
const WORDS = new Set(['return', 'typeof', 'case', 'in', 'of', 'void', 'else', 'do', 'await', 'yield']);

/** O(length). Text that is not TypeScript gives nonsense, but never an endless loop. */
export function scan(text: string): Scanned {
  const code = text.split('');
  const comments: string[] = text.split('').map((c) => (c === '\n' ? c : ' '));
  /** Depth of braces inside each `${` that is open. */
  const holes: number[] = [];
  let at = 0;

  const blank = (from: number, to: number): void => {
    for (let i = from; i < to && i < code.length; i += 1) if (code[i] !== '\n') code[i] = ' ';
  };
  const comment = (end: number): void => {
    const to = end < 0 ? text.length : end;
    for (let i = at; i < to; i += 1) comments[i] = text[i]!;
    blank(at, to);
    at = to;
  };
  /** Goes to the end of a template's text: its closing quote, or the hole that starts. */
  const template = (): void => {
    const from = at;
    while (at < text.length && text[at] !== '`' && !text.startsWith('${', at))
      at += text[at] === '\\' ? 2 : 1;
    blank(from, at);
    if (text[at] === '`') at += 1;
    else {
      at += 2;
      holes.push(0);
    }
  };

  while (at < text.length) {
    const c = text[at]!;
    if (text.startsWith('//', at)) {
      comment(text.indexOf('\n', at));
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2);
      comment(end < 0 ? end : end + 2);
    } else if (c === "'" || c === '"') {
      const end = endOfString(text, at);
      blank(at + 1, end - 1);
      at = end;
    } else if (c === '/' && startsRegex(code, at)) {
      const end = endOfRegex(text, at);
      blank(at + 1, end - 1);
      at = end;
    } else if (c === '`') {
      at += 1;
      template();
    } else if (holes.length > 0 && c === '}' && holes.at(-1) === 0) {
      holes.pop();
      at += 1;
      template();
    } else {
      if (holes.length > 0 && (c === '{' || c === '}')) holes[holes.length - 1]! += c === '{' ? 1 : -1;
      at += 1;
    }
  }
  return { code: code.join(''), comments: comments.join('') };
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start] && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfRegex(text: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}

/** Looks at what stands before a slash; `code` is blanked up to there, so comments do not count. */
function startsRegex(code: readonly string[], slash: number): boolean {
  let at = slash - 1;
  while (at >= 0 && /\s/.test(code[at]!)) at -= 1;
  if (at < 0 || OPENERS.has(code[at]!)) return true;
  let word = '';
  while (at >= 0 && /\w/.test(code[at]!)) {
    word = code[at]! + word;
    at -= 1;
  }
  return WORDS.has(word);
}
