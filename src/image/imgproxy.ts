import type { Target } from '../http/target.ts';
import { type Found, type Setting, Unreadable } from './draft.ts';
import { applyOption, finish, type ImgproxyState } from './imgproxy-options.ts';
import { verifyImgproxy } from './signature.ts';
import { readSource } from './source.ts';
import { decodePath, decodeText } from './values.ts';

/**
 * The grammar `imgproxy`: `/signature/rs:fit:400/q:80/plain/photos/a.jpg@webp`, or the source in base64url and a format behind a dot
 * (imgproxy, "Processing an image"). Sources are paths on this node, with or without `local://` before them. The query says nothing.
 */

/** Reads an address. Throws {@link Unreadable}. */
export function readImgproxy({ path }: Target, setting: Setting): Found {
  const { rules, prefix } = setting;
  const own = path.startsWith(prefix) ? path.slice(prefix.length) : '';
  const match = /^\/([A-Za-z0-9_-]+)(\/.+)$/.exec(own);
  if (match === null) throw new Unreadable('This is not /signature/options/source.');
  const rest = match[2]!;
  verifyImgproxy(match[1]!, rest, rules.signing);
  const segments = rest.slice(1).split('/');
  const plain = segments.indexOf('plain');
  const count = segments.findIndex((segment, index) => index === plain || !segment.includes(':'));
  const draft = setting.start();
  const state: ImgproxyState = { draft, setting, zoomX: 1, zoomY: 1, alpha: 1 };
  for (const segment of segments.slice(0, count < 0 ? segments.length : count)) applyOption(segment, state);
  const source = segments.slice(count);
  if (count < 0 || source.length === 0) throw new Unreadable('There is no source behind the options.');
  if (source[0] === 'enc') throw new Unreadable('Encrypted sources are not offered.');
  const { text, extension } = count === plain ? plainSource(source.slice(1)) : encodedSource(source);
  if (extension !== undefined) applyOption(`f:${extension}`, { ...state, isExtension: true });
  finish(state);
  const original = readSource('The source', text, rules);
  return { original, draft: isRaw(state) ? undefined : draft, expiresS: state.expiresS };
}

/** The original as it is, if that is all that is asked for. */
function isRaw({ isRaw: raw, setting }: ImgproxyState): boolean {
  if (raw !== true) return false;
  if (setting.rules.presetsOnly) throw new Unreadable('raw is not allowed here: only presets are.');
  return true;
}

interface Source {
  readonly text: string;
  readonly extension: string | undefined;
}

/** `photos/a.jpg@webp`, percent-encoded: an `@` of the name itself is written `%40`. */
function plainSource(segments: readonly string[]): Source {
  const raw = segments.join('/');
  const at = raw.lastIndexOf('@');
  const text = decode(at < 0 ? raw : raw.slice(0, at));
  const extension = at < 0 || at === raw.length - 1 ? undefined : raw.slice(at + 1);
  return { text, extension };
}

/** A plus sign is itself here: this is a path. */
function decode(raw: string): string {
  const text = decodeText(raw.replaceAll('+', '%2B'));
  if (text === undefined) throw new Unreadable('The source has a percent sign without two digits behind it.');
  return text;
}

/** Base64url, with or without padding, cut into segments as one likes. */
function encodedSource(segments: readonly string[]): Source {
  const joined = segments.join('');
  const dot = joined.indexOf('.');
  const extension = dot < 0 ? undefined : joined.slice(dot + 1);
  const text = decodePath('The source', dot < 0 ? joined : joined.slice(0, dot));
  return { text, extension };
}
