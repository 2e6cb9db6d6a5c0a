import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where a node that listens for operators on `port` leaves its token for commands on the same machine:
 * `admin-<port>.token` in `$HOLDFAST_STATE`, else `$XDG_STATE_HOME/holdfast`, else `~/.local/state/holdfast`.
 * Undefined when the environment names no home either.
 */
export function adminTokenFile(env: Env, port: number): string | undefined {
  const name = `admin-${port}.token`;
  if (env['HOLDFAST_STATE']) return join(env['HOLDFAST_STATE'], name);
  if (env['XDG_STATE_HOME']) return join(env['XDG_STATE_HOME'], 'holdfast', name);
  return env['HOME'] ? join(env['HOME'], '.local', 'state', 'holdfast', name) : undefined;
}

/** A token nobody guesses: 256 random bits, 43 characters. */
export function newAdminToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Writes the token for its owner's eyes only (file 0600, new folders 0700), replacing what was there in one step.
 *
 * @throws the system's error.
 */
export function writeAdminToken(path: string, token: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(draft, 0o600); // a umask only takes away: this says that nothing was added
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Removes the file at shutdown; one that is already gone is fine. */
export function removeAdminToken(path: string): void {
  rmSync(path, { force: true });
}
