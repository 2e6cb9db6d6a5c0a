/** What was wrong with a command's arguments, out of what util.parseArgs throws: without its advice about odd file names. */
export function argumentMistake(error: unknown): string {
  const { message } = error as Error;
  const unknown = /^Unknown option '([^']*)'/.exec(message);
  if (unknown !== null) return `there is no option ${unknown[1]}`;
  return message.replace(/\. (?:To specify|This command).*$/s, '');
}
