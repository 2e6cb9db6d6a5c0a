/** What was wrong with a command's arguments, out of what util.parseArgs throws: without its advice about odd file names. */
export function argumentMistake(error: unknown): string {
  const { message } = error as Error;
  const unknown = /^Unknown option '([^']*)'/.exec(message);
  if (unknown !== null) return `there is no option ${shown(unknown[1]!)}`;
  const [, option, rest = ''] = /^Option '(?:-\w, )?(--?[\w-]+)(?: <value>)?' (.*)$/s.exec(message) ?? [];
  if (rest.startsWith('does not take')) return `${option} takes no value`;
  if (rest.includes('ambiguous'))
    return `${option} needs a value; one that begins with - is written ${option}=VALUE`;
  if (rest.includes('missing')) return `${option} needs a value`;
  const [, extra] = /^Unexpected argument '([^']*)'/.exec(message) ?? [];
  if (extra !== undefined) return `${shown(extra)} is one argument too many`;
  return shown(message.replace(/\. (?:To specify|This command).*$/s, ''));
}

/** Text from outside, such as the name of a file, in a message: control characters, which a terminal would obey, become `?`. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** The same of several lines. */
export function shownLines(text: string): string {
  return text.split('\n').map(shown).join('\n');
}

/** Why the system refused something, in words and without its codes; what it says itself where there are no words for it. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (
    REASONS[String(code)] ??
    shown(code === undefined ? message : message.replace(/^[A-Z]+: ([^,]*).*$/s, '$1'))
  );
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not (permission denied)',
  EPERM: 'this user may not (permission denied)',
  EEXIST: 'it exists',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
};
