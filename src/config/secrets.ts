import { keysAt, metaAt } from './describe.ts';
import { valueAt } from './issues.ts';
import type { Source, Span } from './parse.ts';
import { type Path, pathText } from './problem.ts';
import { suggest } from './suggest.ts';

/** Names of keys whose values are taken for secrets wherever they stand, misspelt or misplaced. */
const SECRET_NAME = /token|secret|passw|auth|cookie|credential|api-?_?key|^x-/i;
const SECRET_LINE =
  /((?:token|secret|passw|auth|cookie|credential|api-?_?key|x-|\bkeys?\b|\bsalt\b|\bsigning\b)[\w-]*["']?[ \t]*:[ \t]*)([^\r\n]+)/gi;
/** What signatures are made with: the names are common ones, so that they count only where the table knows no other option. */
const SIGNING_NAME = /^(?:signing|keys?|salt)$/i;
/** A reference to the environment is not a secret: it says which variable is meant. */
const REFERENCE = /^["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?$/;
/** Shorter values would mask ordinary words elsewhere. */
const SPREAD_CHARS_MIN = 8;

/** User name and password in an address. */
const CREDENTIAL = /(:\/\/)([^/@\s"']+)(?=@)/g;

function maskCredentials(text: string): string {
  return text.replace(CREDENTIAL, (_, slashes: string, credential: string) => slashes + stars(credential));
}

/** Keeps secrets out of what is shown. */
export interface Secrets {
  /** The text of the file with an asterisk for each character of a secret: columns stay. */
  readonly text: string;
  /** Masks, in a message, the secrets of the file. */
  readonly hide: (message: string) => string;
}

/** Finds the secrets of a file. */
export function secretsOf(source: Source): Secrets {
  if (!source.structured) {
    const text = source.text.replace(SECRET_LINE, (_, key: string, value: string) => key + stars(value));
    return { text: maskCredentials(text), hide: maskCredentials };
  }
  const values = new Set<string>();
  let text = source.text;
  for (const { path, span } of secretPlaces(source)) {
    const written = source.text.slice(span.start, span.end);
    if (REFERENCE.test(written.trim())) continue;
    text = text.slice(0, span.start) + stars(written) + text.slice(span.end);
    const value = valueAt(source.value, path);
    if (typeof value === 'string' && value.length >= SPREAD_CHARS_MIN) values.add(value);
  }
  // An alias shows its name here and the secret where it was defined, perhaps under an innocent key.
  const hide = (shown: string): string => {
    for (const value of values) shown = shown.replaceAll(value, () => stars(value));
    return maskCredentials(shown);
  };
  return { text: hide(text), hide };
}

/** Whether what is at that place, or in it, must not be shown: by the option table, or by the looks of its name. */
export function isSecret(path: Path): boolean {
  return isNamedSecret(path) || isOfSigning(path);
}

/** A key in the place of the group that it belongs into, or beside it. */
function isOfSigning(path: Path): boolean {
  const kind = metaAt(path)?.kind;
  if (kind !== undefined && kind !== 'group' && kind !== 'list') return false;
  return path.some(
    (step) =>
      typeof step === 'string' && (SIGNING_NAME.test(step) || suggest(step, ['signing']) === 'signing'),
  );
}

function isNamedSecret(path: Path): boolean {
  return path.some((step, index) => {
    const meta = metaAt(path.slice(0, index + 1));
    if (meta !== undefined || typeof step === 'number') return meta?.secret === true;
    const parent = path.slice(0, index);
    const meant = suggest(step, keysAt(parent));
    return SECRET_NAME.test(step) || (meant !== undefined && metaAt([...parent, meant])?.secret === true);
  });
}

function secretPlaces(source: Source): { path: Path; span: Span }[] {
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
