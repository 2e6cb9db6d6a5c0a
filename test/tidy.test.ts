import { describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { bans, EDGES, pure } from './tidy/bans.ts';
import { KNOWS_THE_ORDER, layers, steps } from './tidy/layers.ts';
import { changelog, commands, generated, links, machinePaths, namedFiles } from './tidy/papers.ts';
import { deadFiles, unusedExports } from './tidy/reach.ts';
import { scan } from './tidy/scan.ts';
import { docs, FILE_LINES_MAX, leftovers, sizes } from './tidy/shape.ts';
import { type Finding, IGNORED, readTree, type Tree, treeOf } from './tidy/tree.ts';

/**
 * The rules of the house, held against the repository. Each rule is tried on a small tree first, so that a rule that
 * finds nothing is known to be able to find something.
 */

const ROOT = join(import.meta.dir, '..');
const repository = readTree(ROOT);

function tidy(rule: (tree: Tree) => readonly Finding[]): void {
  expect(rule(repository).join('\n')).toBe('');
}

describe('layers: imports only go to the left', () => {
  const found = layers(
    treeOf({
      'src/base/a.ts': "import type { B } from '../http/b.ts';\nimport { fake } from './fake.fixture.ts';",
      'src/base/fake.fixture.ts': '',
      'src/base/a.test.ts': "import { M } from '../server/m.ts';",
      'src/http/b.ts': "import {\n  x,\n  y,\n} from '../policy/p.ts';\nimport { a } from '../base/a.ts';",
      'src/http/wire/c.ts': "import { b } from '../b.ts';\nexport { p } from '../../config/p.ts';",
      'src/cli/d.ts':
        "import { helper } from '../../test/support/helper.ts';\nconst x = import('../dashboard/x.ts');",
      'src/main.ts':
        "import manifest from '../package.json' with { type: 'json' };\nimport '../src/cli/d.ts';",
      'src/extra/e.ts': '',
      'src/f.ts': '',
      'test/g.ts': "import { d } from '../src/cli/d.ts';",
    }),
  );
  test('finds those that do not', () => {
    expect(found.map((line) => line.replace(/;.*/, ''))).toEqual([
      'src/base/a.ts:1: imports src/http/b.ts, but http is above base',
      'src/base/a.ts:2: imports src/base/fake.fixture.ts, which is part of the tests',
      'src/http/b.ts:1: imports src/policy/p.ts, but policy has the same rank as http',
      'src/http/wire/c.ts:2: imports src/config/p.ts, but config is above http',
      'src/cli/d.ts:1: imports test/support/helper.ts',
      'src/cli/d.ts:2: imports src/dashboard/x.ts, but dashboard has the same rank as cli',
      'src/extra/e.ts: no layer has a folder "extra"',
      'src/f.ts: lies directly in src/',
    ]);
  });
  test('the repository', () => tidy(layers));
});

describe('steps: only the files that know the order import them as values', () => {
  const order = Object.fromEntries(
    Object.keys(KNOWS_THE_ORDER).map((path) => [
      path,
      `import { s } from './${relative(dirname(path), 'src/serve/2-b.ts')}';`,
    ]),
  );
  test('finds a step that calls another', () => {
    const found = steps(
      treeOf({
        ...order,
        'src/serve/1-a.ts': "import type { B } from './2-b.ts';\nimport { type B, type C } from './2-b.ts';",
        'src/serve/2-b.ts': "import { a, type A } from './1-a.ts';",
        'src/serve/other.ts': "export { b } from './2-b.ts';",
        'src/serve/b.test.ts': "import { b } from './2-b.ts';",
      }),
    );
    expect(found.map((line) => line.replace(/;.*/, ''))).toEqual([
      'src/serve/2-b.ts:1: imports the step src/serve/1-a.ts',
      'src/serve/other.ts:1: imports the step src/serve/2-b.ts',
    ]);
  });
  test('finds a file that is listed and has no need to be', () => {
    const [first, ...rest] = Object.entries(order);
    expect(steps(treeOf(Object.fromEntries(rest)))).toEqual([
      `${first![0]}: imports no step any more; take it off KNOWS_THE_ORDER`,
    ]);
  });
  test('the repository', () => tidy(steps));
});

describe('bans: clock, randomness, disk, network, process and console only at the edges', () => {
  test('finds each of them, and nothing in strings, comments or names', () => {
    const found = bans(
      treeOf({
        'src/serve/a.ts': [
          "import { readFile } from 'node:fs/promises';",
          "import { join } from 'node:path';",
          "import { serve } from 'bun';",
          "import { db } from 'bun:sqlite';",
          'const now = Date.now() + new Date().getTime();',
          'const t = performance.now();',
          'setTimeout(fn, 1);',
          'const r = Math.random() + randomBytes(4);',
          'const p = process.pid; const q = snapshot.process.rss;',
          'console.log(`at $' + '{Bun.version} // not`);',
          'await fetch(url); origin.fetch(url); const o = { fetch(request) {} };',
          'const s = "Date.now()"; // Math.random()',
          'const d = new Date(ms); const re = /process.exit/;',
        ].join('\n'),
        'src/serve/a.test.ts': 'Date.now();',
        'bench/b.ts': 'Date.now();',
      }),
      [],
    );
    expect(found.map((line) => line.replace(/ is for edges.*/, '')).sort()).toEqual([
      'src/serve/a.ts:10: Bun',
      'src/serve/a.ts:10: console',
      'src/serve/a.ts:11: fetch',
      'src/serve/a.ts:1: node:fs/promises',
      'src/serve/a.ts:3: bun',
      'src/serve/a.ts:4: bun:sqlite',
      'src/serve/a.ts:5: Date.now',
      'src/serve/a.ts:5: Date.now',
      'src/serve/a.ts:6: performance',
      'src/serve/a.ts:7: a timer',
      'src/serve/a.ts:8: Math.random',
      'src/serve/a.ts:8: system randomness',
      'src/serve/a.ts:9: process',
    ]);
    expect(found.find((line) => line.includes('Date.now'))).toContain('use clock.nowMs()');
  });
  test('an edge may touch what it lists, and lists nothing else', () => {
    const tree = treeOf({ 'src/origin/files.ts': "import { open } from 'node:fs/promises';\nDate.now();" });
    const edge = { path: 'src/origin/files.ts', effects: ['disk', 'net'], why: 'the disk' } as const;
    expect(bans(tree, [edge]).map((line) => line.replace(/;.*/, ''))).toEqual([
      'src/origin/files.ts:2: Date.now is for edges only',
      'src/origin/files.ts: does not need "net" any more',
    ]);
  });
  test('every edge says why it is one', () => {
    expect(EDGES.filter(({ why }) => why.length < 10)).toEqual([]);
  });
  test('the repository', () => tidy(bans));
});

describe('pure folders import nothing that could have an effect', () => {
  test('finds a module of the runtime and a package', () => {
    const found = pure(
      treeOf({
        'src/policy/a.ts': "import { createHash } from 'node:crypto';\nimport { z } from 'zod';",
        'src/config/b.ts': "import { z } from 'zod';",
        'src/origin/c.ts': "import { isIP } from 'node:net';",
      }),
    );
    expect(found.map((line) => line.replace(/, but.*/, ''))).toEqual([
      'src/policy/a.ts:1: imports node:crypto',
      'src/policy/a.ts:2: imports zod',
    ]);
  });
  test('the repository', () => tidy(pure));
});

describe(`sizes: files of at most ${FILE_LINES_MAX} lines, functions of at most 70`, () => {
  test('finds a file that is too long, but not a test', () => {
    const long = 'x;\n'.repeat(FILE_LINES_MAX + 1);
    const fits = 'x;\n'.repeat(FILE_LINES_MAX);
    const found = sizes(treeOf({ 'src/a.ts': long, 'src/b.ts': fits, 'src/a.test.ts': long }));
    expect(found.map((line) => line.split(';')[0])).toEqual(['src/a.ts: has 401 lines, the limit is 400']);
  });
  test('biome refuses a function of 71 lines in the source', () => {
    const body = (lines: number): string => `export function f(): void {\n${'  f();\n'.repeat(lines)}}\n`;
    const said = lint({ 'src/long.ts': body(71), 'src/fits.ts': body(70), 'src/long.test.ts': body(71) });
    expect(said.match(/\S+ lint\/complexity\/noExcessiveLinesPerFunction/g)).toEqual([
      'src/long.ts:1:8 lint/complexity/noExcessiveLinesPerFunction',
    ]);
  });
  test('the repository', () => tidy(sizes));
});

describe('docs: every export is explained', () => {
  test('finds one that is not', () => {
    const found = docs(
      treeOf({
        'src/a.ts': [
          '/** The file. */',
          '',
          'export function bare(): void {}',
          '/** Explained. */',
          'export async function fine(): Promise<void> {}',
          'export interface Inside {\n  /** In milliseconds. */\n  delayMs: number;\n}',
          'export interface Hollow {\n  delayMs: number;\n}',
          '/** All. */',
          "export const NAMES = ['a'] as const;",
          'export type Name = (typeof NAMES)[number];',
          "const text = '\\nexport class NotThere {}';",
        ].join('\n'),
      }),
    );
    expect(found.map((line) => line.split(' has')[0])).toEqual(['src/a.ts:3: bare', 'src/a.ts:10: Hollow']);
  });
  test('the repository', () => tidy(docs));
});

describe('leftovers', () => {
  test('finds unfinished work and ways around the compiler', () => {
    const found = leftovers(
      treeOf({
        'src/a.ts': [
          '// TODO later',
          'const x = y as any;',
          '/* @ts-ignore */',
          "const text = 'as any TODO';",
          'test.only(name);',
          'test.skip(name); test.skipIf(reason);',
        ].join('\n'),
      }),
    );
    expect(found.map((line) => line.split(';')[0])).toEqual([
      'src/a.ts:1: work left undone',
      'src/a.ts:3: a silenced compiler',
      'src/a.ts:2: any',
      'src/a.ts:5: a test run that leaves out the others',
      'src/a.ts:6: a test that does not run',
    ]);
  });
  test('the repository', () => tidy(leftovers));
});

describe('nothing is dead', () => {
  const tree = treeOf({
    'src/main.ts': "import { a } from './cli/a.ts';",
    'src/cli/a.ts':
      "export const a = new Worker(new URL('./worker.ts', import.meta.url));\nexport const own = 1;",
    'src/cli/worker.ts': '',
    'src/cli/dead.ts':
      "import { a } from './a.ts';\nexport interface Options {}\nexport type Unused = 1;\nf<Options>();",
    'src/cli/tested.ts': '',
    'src/cli/tested.test.ts': "import './tested.ts';",
  });
  test('finds a file that nothing imports', () => {
    expect(deadFiles(tree)).toEqual(['src/cli/dead.ts: nothing imports it; delete it, or use it']);
  });
  test('finds an export that no other file uses', () => {
    expect(unusedExports(tree).map((line) => line.split(';')[0])).toEqual([
      'src/cli/a.ts: nobody else uses own',
      'src/cli/dead.ts: nobody else uses Unused',
    ]);
  });
  test('the repository has no dead file', () => tidy(deadFiles));
  test('the repository has no unused export', () => tidy(unusedExports));
});

describe('the papers', () => {
  const tree = treeOf({
    'README.md':
      'Run it:\n\n    npm ci && npm run demo\n\n[a](docs/a.md#x) [b](docs/none.md) [c](https://example.com) `src/gone.ts`',
    '.ci/run': '#!/usr/bin/env bash\nnpm test\n',
    'docs/a.md': '[up](../README.md) [code](../src/)\n\n```md\n[not](a-link)\n```\n',
    'docs/reference/fresh.md': '',
    'docs/reference/old.md': '',
    'src/cli/a.test.ts': "read('docs/reference/fresh.md')",
    'package.json': '{ "version": "0.2.0" }',
    'CHANGELOG.md': '## [0.1.0]\n',
    'bench/a.ts': `const at = '${['', 'home', 'me', 'holdfast'].join('/')}';\nconst api = 'https://a.example/work/b';`,
  });
  test('commands: finds what the README or .ci/run does not say', () => {
    expect(commands(tree).map((line) => line.split(';')[0])).toEqual([
      'README.md: has no line "npm ci && npm test"',
      '.ci/run: does not run "npm ci && npm test"',
    ]);
    expect(commands(treeOf({}))).toHaveLength(1);
  });
  test('changelog: finds a version without an entry', () => {
    expect(changelog(tree)).toEqual([
      'CHANGELOG.md: has no entry "## [0.2.0]"; say what this version brings',
    ]);
  });
  test('links: finds one that leads nowhere', () => {
    expect(links(tree)).toEqual([
      'README.md: the link docs/a.md#x leads to no heading of docs/a.md; mend it',
      'README.md: the link docs/none.md leads to no file; mend it',
    ]);
  });
  test('named files: finds one that is not there', () => {
    expect(namedFiles(tree)).toEqual(['README.md: names src/gone.ts, which is not there; mend it']);
  });
  test('generated pages: finds one that no test keeps fresh', () => {
    expect(generated(tree).map((line) => line.split(';')[0])).toEqual([
      'docs/reference/old.md: no test keeps it fresh',
    ]);
  });
  test('machine paths: finds one', () => {
    expect(machinePaths(tree).map((line) => line.split(' is')[0])).toEqual([
      `bench/a.ts:1: ${['', 'home', 'me', 'holdfast'].join('/')}`,
    ]);
  });
  test('the README and .ci/run have the command lines', () => tidy(commands));
  test('.ci/run can be executed', () => {
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).toBe(0o111);
  });
  test('the CHANGELOG has an entry for this version', () => tidy(changelog));
  test('links lead to files', () => tidy(links));
  test('files that are named exist', () => tidy(namedFiles));
  test('generated pages are kept fresh', () => tidy(generated));
  test('no path of one machine', () => tidy(machinePaths));
});

describe('what the rules stand on', () => {
  test('the scanner keeps code, blanks strings, and knows a division from a regular expression', () => {
    const { code, comments } = scan(
      [
        'a = b / c; // one',
        "r = /[/'\"]\\/x/g; s = 'it\\'s // no';",
        't = `x $' + '{f({ a: `y` })} z`;',
      ].join('\n'),
    );
    expect(code.split('\n')).toEqual([
      'a = b / c;       ',
      "r = /        /g; s = '           ';",
      't = `  $' + '{f({ a: ` ` })}  `;',
    ]);
    expect(comments.trim()).toBe('// one');
  });
  test('the tree leaves out what version control leaves out', () => {
    const listed = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n');
    const folders = listed
      .map((line) => line.replaceAll('/', ''))
      .filter((name) => name !== '' && !name.includes('*'));
    expect(folders.filter((name) => !IGNORED.has(name))).toEqual([]);
  });
});

/** What biome says of these files, by this repository's settings. */
function lint(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tidy-'));
  try {
    mkdirSync(join(folder, 'src'));
    copyFileSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    const biome = join(ROOT, 'node_modules/.bin/biome');
    const run = spawnSync(biome, ['lint', '--colors=off'], { cwd: folder, encoding: 'utf8' });
    return run.stdout + run.stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
