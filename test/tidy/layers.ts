import { type Finding, folderOf, type Source, type Tree } from './tree.ts';

/**
 * Imports only go to the left, and folders of one rank do not see each other. Type-only imports count too. Tests may
 * look anywhere: some compare what two layers say.
 */
export const LAYERS: readonly (readonly string[])[] = [
  ['base'],
  ['policy', 'http'],
  ['image'],
  ['config'],
  ['cache'],
  ['traffic'],
  ['store', 'origin', 'transform', 'monitor'],
  ['serve', 'simulate'],
  ['rollout', 'detect', 'audit'],
  ['server'],
  ['dashboard', 'cli'],
  ['main'],
];

/** Who may import the numbered steps as values, and why: these are the files that know their order. */
export const KNOWS_THE_ORDER: Readonly<Record<string, string>> = {
  'src/serve/request.ts': 'the request path itself: the order of steps 1, 2, 3 and 7',
  'src/serve/flights.ts': 'the second half of it: steps 4 to 6 for what is not in the store',
  'src/serve/landing.ts': 'the part of it that begins with the head of a response: steps 5 and 6',
  'src/serve/passage.ts': 'one request that waits for the second half, and is answered by step 7',
  'src/serve/stored.ts': 'step 7 for what is stored, whole or in part',
  'src/serve/variants/ask.ts': 'names variants as step 2 names their originals',
  'src/serve/variants/variants.ts': 'names overlays as step 2 names what clients ask for',
  'src/serve/selected.ts': 'the conditional and partial form of step 7',
  'src/serve/purge.ts': 'names what to forget as steps 1 and 2 name what to keep',
  'src/serve/unsafe.ts': 'names what to forget after a change, as steps 1 and 2 name what to keep',
  'src/serve/explain.ts': 'follows a request through steps 1 to 3 without serving it, and says what they say',
  'src/server/live.ts': 'builds the routes of step 1 from the configuration, for request.ts',
  'src/serve/edge.ts': 'the first half of request.ts again, for hits that a worker answers by itself',
  'src/cli/traffic/config-namer.ts':
    'gives the requests of a log the routes and keys that steps 1 and 2 would',
  'src/server/workers/edge-node.ts': 'builds the routes of step 1 in a worker, for edge.ts',
};

const STEP = /^src\/(serve|rollout)\/\d+-/;

/** What each file may see of the others. */
export function layers(tree: Tree): Finding[] {
  const tests = new Set(tree.sources.filter(({ isTest }) => isTest).map(({ path }) => path));
  const product = tree.sources.filter(({ path, isTest }) => path.startsWith('src/') && !isTest);
  return product.flatMap((source) => importsOut(source, tests));
}

function importsOut(source: Source, tests: ReadonlySet<string>): Finding[] {
  const found: Finding[] = [];
  const from = folderOf(source.path);
  if (from === undefined)
    return [`${source.path}: lies directly in src/; put it into the folder of its layer`];
  if (rankOf(from) < 0)
    return [`${source.path}: no layer has a folder "${from}"; add it to LAYERS, at its rank`];
  for (const { target, line } of source.imports) {
    if (target === undefined) continue;
    const to = folderOf(target);
    const at = `${source.path}:${line}`;
    if (tests.has(target)) {
      found.push(
        `${at}: imports ${target}, which is part of the tests; move what the product needs out of it`,
      );
    } else if (to === undefined) {
      if (from !== 'main') found.push(`${at}: imports ${target}; the product knows only src/`);
    } else if (to !== from && rankOf(to) >= rankOf(from)) {
      const why =
        rankOf(to) === rankOf(from) ? `${to} has the same rank as ${from}` : `${to} is above ${from}`;
      found.push(`${at}: imports ${target}, but ${why}; move what is shared to the left, or hand it in`);
    }
  }
  return found;
}

function rankOf(folder: string): number {
  return LAYERS.findIndex((rank) => rank.includes(folder));
}

/** Numbered step files do their step and know no other: only {@link KNOWS_THE_ORDER} imports them as values. */
export function steps(tree: Tree): Finding[] {
  const found: Finding[] = [];
  const users = new Set<string>();
  for (const source of tree.sources) {
    if (source.isTest) continue;
    for (const { target, typeOnly, line } of source.imports) {
      if (target === undefined || !STEP.test(target) || typeOnly) continue;
      users.add(source.path);
      if (Object.hasOwn(KNOWS_THE_ORDER, source.path)) continue;
      found.push(
        `${source.path}:${line}: imports the step ${target}; only its types may be imported here, the order is known ` +
          'to the files in KNOWS_THE_ORDER',
      );
    }
  }
  for (const path of Object.keys(KNOWS_THE_ORDER)) {
    if (!users.has(path)) found.push(`${path}: imports no step any more; take it off KNOWS_THE_ORDER`);
  }
  return found;
}
