import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dir, '../..');

/** A whole node in a process of its own. */
export interface ServeProcess {
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly url: string;
  readonly adminUrl: string;
}

/** A folder for the files of a node; not in the system's one for temporary files, which may be memory, and is refused then. */
export function serveFolder(name: string): string {
  mkdirSync(join(ROOT, '.holdfast'), { recursive: true });
  return mkdtempSync(join(ROOT, '.holdfast', `${name}-`));
}

/** Runs `holdfast serve` with the `holdfast.yaml` of a folder. @param until what it has said when it is there, beside its addresses. */
export async function startServe(folder: string, until = ''): Promise<ServeProcess> {
  const started = Bun.spawn(
    [process.execPath, join(ROOT, 'src/main.ts'), 'serve', '-c', join(folder, 'holdfast.yaml')],
    { cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  );
  let said = '';
  const decoder = new TextDecoder();
  for await (const chunk of started.stdout) {
    said += decoder.decode(chunk);
    const [, url] = /^images +(\S+)/m.exec(said) ?? [];
    const [, adminUrl] = /^admin +(\S+)/m.exec(said) ?? [];
    if (url !== undefined && adminUrl !== undefined && said.includes(until))
      return { process: started, url, adminUrl };
  }
  throw new Error(`the node did not start: ${said}${await new Response(started.stderr).text()}`);
}

/** Sends a signal, and waits for the end. */
export async function endServe(node: ServeProcess | undefined, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  node?.process.kill(signal);
  await node?.process.exited;
}
