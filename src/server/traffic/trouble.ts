const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EISDIR: 'there is a directory where a file should be',
  ENOTDIR: 'a part of the path is a file',
  ELOOP: 'there is a symbolic link where a file should be',
  ENOENT: 'it is not there any more',
  EIO: 'the disk fails',
  EMFILE: 'the node has too many files open',
  ENFILE: 'the machine has too many files open',
};

/** Why something could not be read or written, in plain words, with the system's code behind them. */
export function troubleText(error: unknown): string {
  const { code, message, cause } = error as NodeJS.ErrnoException;
  const known = [code, (cause as NodeJS.ErrnoException | undefined)?.code].find(
    (one) => one !== undefined && Object.hasOwn(WORDS, one),
  );
  if (known === undefined) return message;
  const said = `${WORDS[known]} (${known})`;
  return code === known ? said : `${message.replace(`: ${known}`, '')}: ${said}`;
}
