#!/usr/bin/env node
import { runInBun } from './bun.mjs';

runInBun('src/main.ts', process.argv.slice(2));
