import type { Refusal } from './table.ts';

/** Readers of the texts that are neither sizes nor durations: addresses, patterns, names. Pure; they never throw. */

/** An address to listen on. */
export interface Listen {
  /** An IPv4 address, an IPv6 address without brackets, or `localhost`. */
  readonly host: string;
  /** 0 to 65535; 0 takes any free port. */
  readonly port: number;
}

/** Where an http origin is. */
export interface OriginUrl {
  readonly scheme: 'http' | 'https';
  /** Lower-case name or address; IPv6 in brackets. */
  readonly hostname: string;
  /** The scheme's default filled in. */
  readonly port: number;
  /** What is put before every path: empty, or starting with `/` and not ending in one. */
  readonly basePath: string;
  /** `host[:port]` for the Host field: the port only when it is not the scheme's default. */
  readonly authority: string;
}

const refuse = (reason: string, remedy: string): Refusal => ({ reason, remedy });

/** Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. */
export function readListen(text: string): Listen | Refusal {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s[\]]*):([0-9]{1,5})$/.exec(text);
  if (match === null) {
    if (/^[0-9]{1,5}$/.test(text))
      return refuse('the address is missing, this is only a port', `write 127.0.0.1:${text}`);
    return refuse(
      'this is not an address with a port',
      'write it like 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080',
    );
  }
  const host = match[1]!.replace(/^\[|\]$/g, '').toLowerCase();
  const port = Number(match[2]);
  if (port > 65535)
    return refuse(`there is no port ${port}`, 'ports go from 1 to 65535; 0 takes any free one');
  if (host === '' || host === '*') {
    return refuse(
      'the address is missing',
      `write 0.0.0.0:${port} for every IPv4 interface, or 127.0.0.1:${port}`,
    );
  }
  if (host === 'localhost' || isIpv4(host) || (host.includes(':') && isIpv6(host))) return { host, port };
  return refuse(
    `"${host}" is not an IP address`,
    'name the address of an interface, such as 127.0.0.1 or 0.0.0.0',
  );
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host === '::1' || host === '[::1]' || (isIpv4(host) && host.startsWith('127.'))
  );
}

/** True for the addresses that stand for every interface. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (isIpv6(host) && /^[0:]+$/.test(host));
}

function isIpv4(host: string): boolean {
  const parts = host.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
  );
}

function isIpv6(host: string): boolean {
  return host.includes(':') && URL.canParse(`http://[${host}]/`);
}

/** Reads the address of an http origin. A path becomes the base path; a query or a credential is refused. */
export function readOriginUrl(text: string): OriginUrl | Refusal {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return refuse('this is not an address with a scheme', 'write it like https://images.example.com');
  }
  if (!URL.canParse(text))
    return refuse('this is not a valid address', 'write it like https://images.example.com/path');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return refuse(`the scheme ${url.protocol.slice(0, -1)} is not served`, 'use http:// or https://');
  }
  if (url.username !== '' || url.password !== '') {
    return refuse(
      'a credential in an address ends up in logs',
      'put it into headers, taken from the environment',
    );
  }
  if (text.includes('?') || text.includes('#')) {
    return refuse('an origin has no query and no fragment', 'leave out what follows ? or #');
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
  if (port === 0) return refuse('there is no port 0', 'name the port on which the origin listens');
  const basePath = url.pathname.replace(/\/+$/, '');
  return { scheme, hostname: url.hostname, port, basePath, authority: url.host };
}

/** Reads `*`, `images.example.com` or `*.example.com`: lower-case, without port. */
export function readHostPattern(text: string): string | Refusal {
  if (/^[a-z]+:\/\//i.test(text))
    return refuse('a host has no scheme', `write only the name, without ${text.split('//')[0]}//`);
  if (text.includes('/'))
    return refuse('a host has no path', 'write only the name; paths go into match.paths');
  if (/^[^[\]]*:[0-9]*$/.test(text) || /\]:[0-9]*$/.test(text)) {
    return refuse('the port plays no part in matching', 'write only the name');
  }
  const host = text.toLowerCase();
  if (host === '*' || /^\[[0-9a-f:.]+\]$/.test(host)) return host;
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (name.includes('*'))
    return refuse('* stands for every host, or for what is before the first dot', 'write * or *.example.com');
  if (/^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name)) return host;
  return refuse('this is not a host name', 'write it like images.example.com, *.example.com or *');
}

/** Reads an exact path (`/logo.png`) or a prefix (`/images/*`), in the normalised form in which requests are matched. */
export function readPathPattern(text: string): string | Refusal {
  if (/^[a-z]+:\/\//i.test(text))
    return refuse('a path has no scheme and host', 'write only the path, such as /images/*');
  if (!text.startsWith('/')) return refuse('a path starts with /', `write /${text}`);
  if (/[?#]/.test(text))
    return refuse(
      'a path has no query and no fragment',
      'queries are ruled by key.query; leave out what follows',
    );
  const star = text.indexOf('*');
  if (star !== -1 && star !== text.length - 1) {
    return refuse(
      '* stands only at the end',
      `write ${text.slice(0, star + 1)} for everything that starts like this`,
    );
  }
  return checkPath(text);
}

/** Reads the part of the path that is removed before the origin is asked: `/images`. */
export function readStripPrefix(text: string): string | Refusal {
  if (text === '') return text;
  if (!text.startsWith('/')) return refuse('a path starts with /', `write /${text}`);
  if (text.includes('*'))
    return refuse('this is a prefix, not a pattern', `write ${text.replace(/\/?\*.*$/, '') || '/images'}`);
  const path = checkPath(text);
  return typeof path === 'string' ? path.replace(/\/+$/, '') : path;
}

function checkPath(text: string): string | Refusal {
  if (!/^[\x21-\x7e]*$/.test(text)) {
    return refuse(
      'a path has only visible ASCII characters',
      'percent-encode the others in UTF-8: é is %C3%A9',
    );
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(text))
    return refuse('a % is not followed by two hexadecimal digits', 'write %25 for a percent sign');
  if (/\/\.{1,2}(\/|$)/.test(text))
    return refuse('. and .. are resolved before matching', 'write the path that they lead to');
  return text.replace(/%[0-9A-Fa-f]{2}|[^\w\-.~!$&'()*+,;=:@/%]/g, canonical);
}

/** One spelling per character, as requests are normalised before matching (RFC 3986 section 6.2.2). */
function canonical(found: string): string {
  if (found.length === 1) return `%${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  const decoded = String.fromCharCode(Number.parseInt(found.slice(1), 16));
  return /^[\w\-.~]$/.test(decoded) ? decoded : found.toUpperCase();
}

/** Field names that the node itself is in charge of (RFC 9110 sections 7.6.1 and 8.6). */
const RESERVED_FIELDS =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|range|if-.*)$/i;

/** Reads the name of a field that is sent to an origin; lower-case. */
export function readFieldName(text: string): string | Refusal {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(text)) {
    return refuse('this is not a header field name', 'use letters, digits and -, such as X-Origin-Token');
  }
  if (RESERVED_FIELDS.test(text)) {
    const remedy = text.toLowerCase() === 'host' ? 'use the option host of the origin' : 'leave it out';
    return refuse(`the field ${text} is set by the node itself`, remedy);
  }
  return text.toLowerCase();
}

/** Reads the value of a field (RFC 9110 section 5.5): visible latin1, so that no line break can be smuggled in. */
export function readFieldValue(text: string): string | Refusal {
  if (/^[\t\x20-\x7e\x80-\xff]{1,4096}$/.test(text)) return text.trim();
  if (text === '') return refuse('a header field needs a value', 'give it one, or leave the field out');
  return refuse(
    'a header field has one line of at most 4,096 plain characters',
    'remove line breaks and control characters',
  );
}

/** Reads a TLS server name or a Host override: a name with an optional port. */
export function readAuthority(text: string): string | Refusal {
  const valid = /^[A-Za-z0-9_.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$/.test(text);
  return valid
    ? text.toLowerCase()
    : refuse('this is not a host name', 'write only the name, such as images.example.com');
}

/** Reads a path of a file or directory. */
export function readFilePath(text: string): string | Refusal {
  if (text === '') return refuse('the path is empty', 'name a file or directory, such as ./images');
  if (text.includes('\0')) return refuse('a path has no NUL character', 'remove it');
  if (text.startsWith('~'))
    return refuse('~ is only known to shells', `write the whole path, or \${HOME}/...`);
  return text;
}

/** Reads where the access log goes: `off`, `stdout`, `stderr` or a path. Near misses are not taken for names of files. */
export function readLogTarget(text: string): string | Refusal {
  const word = text.toLowerCase();
  if (word !== text && ['off', 'stdout', 'stderr'].includes(word))
    return refuse(`"${text}" is not known`, `write ${word}`);
  if (/^(no|none|false|disabled|null)$/.test(word)) return refuse(`"${text}" is not known`, 'write off');
  if (/^(yes|on|true|enabled|-)$/.test(word))
    return refuse(`"${text}" does not say where to`, 'write stdout, or the path of a file');
  return readFilePath(text);
}

/** Reads the name of a request field that an origin selects by; lower-case. */
export function readSelectingField(text: string): string | Refusal {
  const name = readFieldName(text);
  if (typeof name !== 'string') return name;
  if (!/^[a-z0-9-]+$/.test(name)) {
    return refuse('not every server reads this name alike', 'use letters, digits and hyphens');
  }
  if (/^(authorization|cookie|cache-control|pragma|via|content-.*)$/.test(name)) {
    const remedy = 'leave it out; for answers that are meant for one client, say cache: false';
    return refuse(`${name} is never sent for a response that may be stored`, remedy);
  }
  return name;
}

/** Reads `image/png` or `image/*`; lower-case. */
export function readStoreType(text: string): string | Refusal {
  const type = text.toLowerCase();
  if (/^[a-z]+\/(?:\*|[a-z0-9][a-z0-9.+-]*)$/.test(type)) return type;
  if (/[;,]/.test(type))
    return refuse('one type in each member, without parameters', 'write image/*, or image/png');
  return refuse('this is not a content type', 'write image/* for all images, or one such as image/png');
}
