import { keysAt, metaAt } from './describe.ts';
import { valueAt } from './issues.ts';
import type { Source, Span } from './parse.ts';
import { type Path, pathText } from './problem.ts';
import { suggest } from './suggest.ts';

/** Names of keys whose values are taken for secrets wherever they stand, misspelt or misplaced. */
const SECRET_NAME = /token|secret|passw|auth|cookie|credential|api-?_?key|^x-/i;
const SECRET_LINE =
  /((?:token|secret|passw|auth|cookie|credential|api-?_?key|x-)[\w-]*["']?[ \t]*:[ \t]*)([^\r\n]+)/gi;
/** A reference to the environment is not a secret: it says which variable is meant. */
const REFERENCE = /^["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?$/;
/** Shorter values would mask ordinary words elsewhere. */
const SPREAD_CHARS_MIN = 8;

/** User name and password in an address. */
const CREDENTIAL = /(:\/\/)([^/@\s"']+)(?=@)/g;

/** Masks credentials in addresses. */
export function maskCredentials(text: string): string {
  return text.replace(CREDENTIAL, (_, slashes: string, credential: string) => slashes + stars(credential));
}

/** The text with every secret replaced by asterisks, one for each character: columns stay. */
export function maskSecrets(source: Source): string {
  if (!source.structured) {
    return maskCredentials(
      source.text.replace(SECRET_LINE, (_, key: string, value: string) => key + stars(value)),
    );
  }
  const spans: Span[] = [];
  const values = new Set<string>();
  for (const { path, span } of secretsOf(source)) {
    const written = source.text.slice(span.start, span.end).trim();
    if (REFERENCE.test(written)) continue;
    spans.push(span);
    const value = valueAt(source.value, path);
    // An alias shows its name here and the secret where it was defined, perhaps under an innocent key.
    if (typeof value === 'string' && value.length >= SPREAD_CHARS_MIN) values.add(value);
  }
  let text = source.text;
  for (const { start, end } of spans)
    text = text.slice(0, start) + stars(text.slice(start, end)) + text.slice(end);
  for (const value of values) text = text.replaceAll(value, stars(value));
  return maskCredentials(text);
}

/** Whether what is at that place, or in it, must not be shown: by the option table, or by the looks of its name. */
export function isSecret(path: Path): boolean {
  return path.some((step, index) => {
    const meta = metaAt(path.slice(0, index + 1));
    if (meta !== undefined || typeof step === 'number') return meta?.secret === true;
    const parent = path.slice(0, index);
    const meant = suggest(step, keysAt(parent));
    return SECRET_NAME.test(step) || (meant !== undefined && metaAt([...parent, meant])?.secret === true);
  });
}

function secretsOf(source: Source): { path: Path; span: Span }[] {
  const secrets: { path: Path; span: Span }[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value))
        visit(inner, [...path, Array.isArray(value) ? Number(key) : key]);
      return;
    }
    const span = source.places.get(pathText(path))?.value;
    if (span !== undefined && isSecret(path)) secrets.push({ path, span });
  };
  visit(source.value, []);
  return secrets;
}

const stars = (text: string): string => text.replace(/[^\r\n]/g, '*');
