import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/**
 * The process behind `s3-server.ts`: the S3 server of a public package, which verifies signatures, on a free port of 127.0.0.1.
 * Says its port on standard output, takes commands on standard input (each answered by a line), and ends with it.
 */
interface Account {
  createKeyPair(id: string, secret: string): void;
  revokeAccessKey(id: string): void;
}

interface Context {
  readonly status: number;
  get(name: string): string;
  set(name: string, value: string): void;
}
interface Server {
  readonly middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[];
  run(): Promise<{ port: number }>;
}

const require = createRequire(import.meta.url);
const S3rver = require('@20minutes/s3rver') as new (options: object) => Server;
const { DUMMY_ACCOUNT } = require('@20minutes/s3rver/lib/models/account.js') as { DUMMY_ACCOUNT: Account };

const [directory, bucket] = process.argv.slice(2);
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory,
  configureBuckets: [{ name: bucket }],
});
// S3 names the entity tag in a 304, as RFC 9110 section 15.4.5 demands.
server.middleware.unshift(async (context, next) => {
  await next();
  const tag = context.get('if-none-match');
  if (context.status === 304 && tag !== '') context.set('etag', tag);
});
const { port } = await server.run();
process.stdout.write(`${port}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, id, secret] = line.split(' ');
  if (command === 'add') DUMMY_ACCOUNT.createKeyPair(id!, secret!);
  else DUMMY_ACCOUNT.revokeAccessKey(id!);
  process.stdout.write('done\n');
}
process.exit(0);
