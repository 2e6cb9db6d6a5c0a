/** What the environment has; handed in, so that this stays pure. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface Substitution {
  readonly text: string;
  /** Whether anything came from the environment. */
  readonly used: boolean;
  readonly problems: readonly { readonly reason: string; readonly remedy: string }[];
}

/**
 * Replaces `${NAME}` and `${NAME:-fallback}` (used when NAME is unset or empty, as in a shell); `$${` stands for a
 * literal `${`. Values never appear in problems: they may be secrets.
 */
export function substitute(text: string, env: Environment): Substitution {
  const problems: { reason: string; remedy: string }[] = [];
  let used = false;
  const result = text.replace(
    /\$(\$?)\{([^}]*)(\}?)/g,
    (whole, escaped: string, inside: string, closed: string) => {
      if (escaped !== '') return whole.slice(1);
      const match = /^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$/s.exec(inside);
      if (match === null || closed === '') {
        problems.push({
          reason: 'this is not the name of an environment variable',
          remedy: `write \${NAME} or \${NAME:-fallback}; $\${ stands for the characters themselves`,
        });
        return '';
      }
      const [, name, , fallback] = match;
      const value = Object.hasOwn(env, name!) ? env[name!] : undefined;
      used = true;
      if (value !== undefined && value !== '') return value;
      if (fallback !== undefined) return fallback;
      const state = value === undefined ? 'not set' : 'empty';
      problems.push({
        reason: `the environment variable ${name} is ${state}`,
        remedy: `set ${name} before the start, or write \${${name}:-fallback}`,
      });
      return '';
    },
  );
  return { text: result, used, problems };
}
