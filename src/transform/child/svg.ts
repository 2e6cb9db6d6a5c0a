import { Refusal } from './refusal.ts';

const DECLARATION_LENGTH_MAX = 1024;
/** Elements, their ends included; each takes about a kilobyte of memory while it is drawn. */
const TAGS_MAX = 400_000;

/**
 * Refuses an SVG that could mean more than drawing. What is drawn is drawn by librsvg, which runs no scripts, and which loads nothing from
 * anywhere for an image that has no address (its documentation, "Security and locations of referenced files"); so scripts and references are
 * harmless and are ignored. Left are entities, which can blow a few bytes up to gigabytes, encodings in which they could hide, and elements
 * without number, of which each is as much as a hundred times its text.
 *
 * Throws {@link Refusal} 'unsafe-svg'. Linear.
 */
export function checkSvg(bytes: Uint8Array): void {
  const text = new TextDecoder('latin1').decode(bytes);
  if (text.includes('\0') || text.startsWith('\xff\xfe') || text.startsWith('\xfe\xff'))
    throw new Refusal('unsafe-svg', 'The SVG is not in UTF-8.');
  const declaration = /^[^<]*<\?xml\s[^>]*/.exec(text)?.[0] ?? '';
  // Blanks enough would put its encoding where nobody looks.
  if (declaration.length > DECLARATION_LENGTH_MAX)
    throw new Refusal('unsafe-svg', `The XML declaration has ${declaration.length} characters.`);
  const encoding = /\sencoding\s*=\s*["']([^"']*)["']/.exec(declaration)?.[1];
  if (encoding !== undefined && !/^(?:utf-?8|us-ascii|ascii|iso-8859-1|latin-?1)$/i.test(encoding))
    throw new Refusal('unsafe-svg', `The SVG is in the encoding ${printable(encoding)}, not in UTF-8.`);
  if (text.includes('<!ENTITY')) throw new Refusal('unsafe-svg', 'The SVG declares entities.');
  const tags = countOf(text, '<');
  if (tags > TAGS_MAX)
    throw new Refusal('unsafe-svg', `The SVG has ${tags} tags; ${TAGS_MAX} are drawn at most.`);
  // A document type that only names the standard is common and harmless: nothing is fetched for it.
  const type = /<!DOCTYPE[^>[]*(\[)?/i.exec(text);
  if (type?.[1] !== undefined)
    throw new Refusal('unsafe-svg', 'The SVG has a document type with declarations of its own.');
}

function countOf(text: string, char: string): number {
  let count = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) count += 1;
  return count;
}

function printable(text: string): string {
  return text.replace(/[^\w.-]/g, '?').slice(0, 40);
}
