import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from 'bun';

/** A real S3 server on 127.0.0.1, in a process of its own, with one bucket. */
export interface S3Server {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly bucket: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  put(key: string, body: Uint8Array | string, type?: string): Promise<void>;
  addKeys(id: string, secret: string): Promise<void>;
  revokeKeys(id: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one. It takes about half a second. */
export async function startS3Server(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-s3-'));
  const bucket = 'images';
  const script = join(import.meta.dir, 's3-process.ts');
  const child = Bun.spawn([process.execPath, script, directory, bucket], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const lines = linesOf(child.stdout);
  const endpoint = `http://127.0.0.1:${await lines()}`;
  const keys = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
  const client = new S3Client({ ...keys, bucket, endpoint });
  const tell = async (line: string): Promise<void> => {
    child.stdin.write(`${line}\n`);
    await child.stdin.flush();
    await lines();
  };
  return {
    endpoint,
    bucket,
    keys,
    put: async (key, body, type = 'image/jpeg') => {
      await client.write(key, body, { type });
    },
    addKeys: (id, secret) => tell(`add ${id} ${secret}`),
    revokeKeys: (id) => tell(`revoke ${id}`),
    stop: async () => {
      await child.stdin.end();
      await child.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Gives the next line at each call. */
function linesOf(stream: ReadableStream<Uint8Array>): () => Promise<string> {
  const reader = stream.getReader();
  let text = '';
  return async () => {
    while (!text.includes('\n')) {
      const { value, done } = await reader.read();
      if (done) throw new Error('the S3 server ended');
      text += Buffer.from(value).toString();
    }
    const [line, ...rest] = text.split('\n');
    text = rest.join('\n');
    return line!;
  };
}
