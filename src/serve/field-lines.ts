import { Fields } from '../http/fields.ts';

const CANONICAL = new Map<string, string>();

/** Field lines in latin1, each with its CRLF, names in their customary case. */
export function fieldLines(fields: Fields): string {
  let text = '';
  const { flat } = fields;
  for (let i = 0; i < flat.length; i += 2) text += `${customaryCase(flat[i]!)}: ${flat[i + 1]}\r\n`;
  return text;
}

/** The inverse: lower-case names and values of lines that {@link fieldLines} wrote. */
export function parseFieldLines(text: string): Fields {
  const flat: string[] = [];
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) flat.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
  }
  return new Fields(flat);
}

/** `content-type` -> `Content-Type`, `etag` -> `ETag`. Field names are case-insensitive; people and logs are not. */
function customaryCase(name: string): string {
  let cased = CANONICAL.get(name);
  if (cased === undefined) {
    cased =
      name === 'etag'
        ? 'ETag'
        : name.replace(/(^|-)([a-z])/g, (_, dash, letter) => dash + letter.toUpperCase());
    // Bounded: field names come from origins.
    if (CANONICAL.size < 1000) CANONICAL.set(name, cased);
  }
  return cased;
}
