import { normalisePath, selectQuery, type Target } from '../http/target.ts';
import { Unreadable } from './draft.ts';
import type { ImageRules } from './rules.ts';

/**
 * The path of an original, or of an overlay, that is named inside of an address: on this node, and nowhere else. A scheme, a
 * host, or what another program could take for one is refused: nothing that a client writes chooses where the node connects to.
 *
 * @param name of the option, for the message.
 * @param text one character per byte, decoded as the grammar says; a path, with or without the slash at its start, or
 *   `local:///path`; with a query, where it has one.
 */
export function readSource(name: string, text: string, rules: ImageRules): Target {
  const local = /^local:\/\/(?=\/)/i.exec(text);
  const rest = local === null ? text : text.slice(local[0].length);
  if (rest === '') throw new Unreadable(`${name} is empty; it is a path on this server.`);
  if (/^[a-z][a-z0-9+.-]*:/i.test(rest) || /^[/\\]{2}/.test(rest))
    throw new Unreadable(`${name} names another server; it has to be a path on this one.`);
  if (/[\\\x00-\x1f\x7f]/.test(rest))
    throw new Unreadable(`${name} has a backslash or a control character in it.`);
  const raw = rest.startsWith('/') ? rest : `/${rest}`;
  // What was decoded may be such as a target has no room for.
  const encoded = raw
    .replace(/%(?![0-9A-Fa-f]{2})/g, '%25')
    .replace(/ /g, '%20')
    .replace(/#/g, '%23');
  const target = normalisePath(encoded);
  if (target === undefined || target.path.startsWith('//'))
    throw new Unreadable(`${name} is not a path that can be served.`);
  return { path: target.path, query: selectQuery(target.query, rules.originalQuery) };
}

/** Whether the route allows that path for overlays: its list is as `match.paths` of a route. */
function isOverlay(path: string, rules: ImageRules): boolean {
  return rules.overlays.some((allowed) =>
    allowed.endsWith('*') ? path.startsWith(allowed.slice(0, -1)) : path === allowed,
  );
}

/** The path of an overlay: one of those that the route allows. Without a query, so that one image is not many. */
export function readOverlayPath(name: string, text: string, rules: ImageRules): string {
  const { path } = readSource(name, text, rules);
  if (isOverlay(path, rules)) return path;
  if (rules.overlays.length === 0)
    throw new Unreadable(`${name} is not offered here: there are no overlays.`);
  throw new Unreadable(`${name} is not among the paths that overlays may come from.`);
}
