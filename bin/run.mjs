#!/usr/bin/env node
/** `node bin/run.mjs FILE [args]`: runs a TypeScript file of the project, named from its root. */
import { runInBun } from './bun.mjs';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: node bin/run.mjs FILE [arguments]\n');
  process.exit(2);
}
runInBun(file, args);
