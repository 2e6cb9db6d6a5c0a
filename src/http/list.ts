/**
 * Splits a comma-separated field value into its members (RFC 9110 section 5.6.1): surrounding white space removed,
 * empty members dropped, commas inside quoted strings left alone. A quote that is never closed is taken literally,
 * so that what follows it (perhaps `no-store`) is still seen. O(n).
 */
export function splitList(value: string): string[] {
  const members: string[] = [];
  let start = 0;
  for (let i = 0; i <= value.length; i++) {
    const c = value.charCodeAt(i);
    if (c === DQUOTE) {
      const end = quotedEnd(value, i);
      if (end > 0) i = end - 1;
    } else if (c === COMMA || i === value.length) {
      const member = trimOws(value.slice(start, i));
      if (member !== '') members.push(member);
      start = i + 1;
    }
  }
  return members;
}

/** Removes spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3); `String.trim` would remove more. */
export function trimOws(s: string): string {
  let from = 0;
  let to = s.length;
  while (from < to && isOws(s.charCodeAt(from))) from++;
  while (to > from && isOws(s.charCodeAt(to - 1))) to--;
  return from === 0 && to === s.length ? s : s.slice(from, to);
}

/** The index behind the closing quote of the quoted string that starts at `start`; -1 when it is never closed. */
export function quotedEnd(s: string, start: number): number {
  for (let i = start + 1; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === DQUOTE) return i + 1;
  }
  return -1;
}

/** The content of a quoted string without quotes and escapes (RFC 9110 section 5.6.4); other text as it is. */
export function unquote(s: string): string {
  if (s.length < 2 || s[0] !== '"' || s[s.length - 1] !== '"') return s;
  return s.slice(1, -1).replace(/\\([\s\S])/g, '$1');
}

/** True for a token (RFC 9110 section 5.6.2): at least one character, none of them a delimiter. */
export function isToken(s: string): boolean {
  return TOKEN.test(s);
}

/** True for one or more decimal digits and nothing else. */
export function isDigits(s: string): boolean {
  return DIGITS.test(s);
}

function isOws(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

const COMMA = 0x2c;
const DQUOTE = 0x22;
const BACKSLASH = 0x5c;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DIGITS = /^[0-9]+$/;
