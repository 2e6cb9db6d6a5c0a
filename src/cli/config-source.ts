import { createHash } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import { validateConfig } from '../config/validate.ts';
import type { ConfigSource, LoadedConfig } from '../server/reload.ts';
import { preflight } from './preflight.ts';
import type { World } from './world.ts';

/** The first digits of the SHA-256 of a file: enough to tell two versions apart, and nothing of a secret in it. */
function configHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/**
 * The file of a running node, to be read again.
 *
 * @param file as the user named it.
 * @param text what was in it at the start.
 */
export function configSource(
  file: string,
  text: string,
  world: Pick<World, 'cwd' | 'env' | 'readFile' | 'pathKind' | 'totalMemoryBytes'>,
): ConfigSource {
  const path = isAbsolute(file) ? file : resolve(world.cwd, file);
  const load = async (): Promise<LoadedConfig> => {
    let now: string;
    try {
      now = await world.readFile(path);
    } catch (error) {
      const reason = `the file cannot be read: ${(error as Error).message}`;
      return { ok: false, hash: undefined, problems: [whole(reason, 'put it back, or mend its rights')] };
    }
    const hash = configHash(now);
    const result = validateConfig(now, { file, env: world.env, baseDir: dirname(path) });
    if (!result.ok) return { ok: false, hash, problems: result.problems };
    const unmet = await preflight(result.config, world);
    if (unmet.length > 0) {
      const remedy = 'mend that on this machine, or name something else';
      return { ok: false, hash, problems: unmet.map((reason) => whole(reason, remedy)) };
    }
    return { ok: true, hash, config: result.config, warnings: result.warnings };
  };
  return { file, hash: configHash(text), load };
}

function whole(reason: string, remedy: string) {
  return { line: 0, column: 0, path: '', reason, remedy };
}
