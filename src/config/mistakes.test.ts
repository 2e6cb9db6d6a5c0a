import { describe, expect, test } from 'bun:test';
import { validateConfig } from './validate.ts';

/** A valid file, into which each case puts one mistake. */
const GOOD = `version: 1
server:
  listen: 127.0.0.1:8080
admin:
  listen: 127.0.0.1:9090
cache:
  memory:
    size: 512MiB
origins:
  images:
    type: http
    url: https://images.example.com
    timeouts: { connect: 2s }
  local:
    type: files
    root: ./images
routes:
  - name: local
    match: { hosts: ['*'], paths: ['/local/*'] }
    origin: local
    stripPrefix: /local
  - name: images
    match:
      paths: ['/images/*']
    origin: images
log:
  level: info
`;

interface Case {
  readonly what: string;
  readonly find: string;
  readonly replace: string;
  readonly line: number;
  readonly path: string;
  readonly reason: string;
  readonly remedy: string;
}

/** One case per line: what | this of the good file | becomes this | line and path | of the reason | of the remedy. */
function table(text: string): Case[] {
  return text.split('\n').flatMap((row) => {
    if (row === '') return [];
    const cells = row.split(' | ').map((cell) => cell.replaceAll('⏎', '\n').replaceAll('⇥', '\t'));
    const [what = '', find = '', replace = '', at = '', reason = '', remedy = ''] = cells;
    const [line, path = ''] = at.split(/ (.*)/s);
    return [{ what, find, replace, line: Number(line), path, reason, remedy }];
  });
}

const ERRORS = table(`
size without unit | size: 512MiB | size: 512 | 8 cache.memory.size | no unit | write 512MiB
size in quotes without unit | size: 512MiB | size: '512' | 8 cache.memory.size | no unit | 512MiB
size with half a unit | size: 512MiB | size: 512M | 8 cache.memory.size | not a size | powers of 1024
size below bounds | size: 512MiB | size: 1MiB | 8 cache.memory.size | below the least allowed, 4MiB | from 4MiB to 16TiB
size above bounds | size: 512MiB | size: 17TiB | 8 cache.memory.size | above the most allowed | from 4MiB to 16TiB
size as a list | size: 512MiB | size: [512MiB] | 8 cache.memory.size | found a list | a size from
no value | size: 512MiB | size: | 8 cache.memory.size | no value | remove the key
duration without unit | connect: 2s | connect: 2 | 13 origins.images.timeouts.connect | no unit | 2s, 2m or 2h
zero without unit | connect: 2s | connect: 0 | 13 origins.images.timeouts.connect | no unit | write 0s
duration below bounds | connect: 2s | connect: 1ms | 13 origins.images.timeouts.connect | below | from 10ms to 1m
year | origin: images | origin: images⏎    ttl: { default: 1y } | 26 routes[1].ttl.default | not a duration | 365d
fraction of a second | origin: images | origin: images⏎    ttl: { default: 1500ms } | 26 routes[1].ttl.default | whole number of seconds | whole seconds
errors for an hour | origin: images | origin: images⏎    ttl: { negative: 1h } | 26 routes[1].ttl.negative | above the most allowed, 10m | from 0s to 10m
key that nothing resembles | version: 1 | version: 1⏎x: 1 | 2 x | no option "x" at the top | remove it; here are known
ghosts |   memory: |   ghosts: -1⏎  memory: | 7 cache.ghosts | below the least allowed, 0 | from 0 to 16777216
ghosts with a unit |   memory: |   ghosts: 1MiB⏎  memory: | 7 cache.ghosts | expected a whole number | whole number from 0
ghosts not whole |   memory: |   ghosts: 1.5⏎  memory: | 7 cache.ghosts | found the number 1.5 | whole number
changes to a directory | origin: local | origin: local⏎    unsafeMethods: forward | 21 routes[0].unsafeMethods | takes no other methods | refuse
no name | origin: images | origin: images⏎    bypass: { fields: ['X Y'] } | 26 routes[1].bypass.fields[0] | not a name | hyphens
misspelt key | size: 512MiB | sise: 512MiB | 8 cache.memory.sise | no option "sise" in cache.memory | did you mean "size"?
key in other spelling | size: 512MiB | max_object: 1MiB | 8 cache.memory.max_object | no option | did you mean "maxObject"?
swapped letters | server: | sevrer: | 2 sevrer | no option | did you mean "server"?
key of another place | size: 512MiB | stripPrefix: /x | 8 cache.memory.stripPrefix | no option | belongs elsewhere: routes[].stripPrefix
key of another type | root: ./images | root: ./images⏎    connections: 5 | 17 origins.local.connections | origins of type files have no option | change the type
duplicate key | size: 512MiB | size: 512MiB⏎    size: 1GiB | 9 cache.memory.size | here twice; first in line 8 | keep one
missing version | version: 1⏎ |  | 1 version | "version" is missing | add "version: 1"
unknown version | version: 1 | version: 2 | 1 version | expected the number 1 | the number 1
missing origin |     origin: local⏎ |  | 18 routes[0].origin | "origin" is missing in routes[0] | add "origin:"
missing url |     url: https://images.example.com⏎ |  | 10 origins.images.url | "url" is missing | add "url:"
missing type |     type: files⏎ |  | 14 origins.local.type | "type" is missing | type: files
unknown type | type: files | type: file | 15 origins.local.type | no type of origin called "file" | did you mean "files"?
unknown kind | type: files | type: ftp | 15 origins.local.type | no type of origin | "http" with a url
merge key | size: 512MiB | <<: {} | 8 cache.memory["<<"] | merge keys | use an alias
prototype | size: 512MiB | __proto__: {} | 8 cache.memory.__proto__ | not allowed | another name
unknown policy | size: 512MiB | policy: s4-fifo | 8 cache.memory.policy | expected greedy-dual, s3-fifo, w-tinylfu, sieve, gdsf, lru, fifo or auto | did you mean "s3-fifo"?
unknown side | size: 512MiB | size: 512MiB⏎    favour: byte | 9 cache.memory.favour | expected requests, balanced or bytes | did you mean "bytes"?
unknown level | level: info | level: warning | 27 log.level | found "warning" | did you mean "warn"?
yes | origin: images | origin: images⏎    cache: yes | 26 routes[1].cache | expected true or false, found "yes" | write true
off for false | origin: images | origin: images⏎    cache: off | 26 routes[1].cache | expected true or false | write false
on for a place | level: info | access: { to: on } | 27 log.access.to | does not say where | write stdout
shouted word | level: info | access: { to: STDOUT } | 27 log.access.to | not known | write stdout
localhost clashes | listen: 127.0.0.1:9090 | listen: localhost:8080 | 5 admin.listen | are the same (8080) | another port
false for off | level: info | access: { to: false } | 27 log.access.to | found the value false | off, stdout
only a port | listen: 127.0.0.1:8080 | listen: 8080 | 3 server.listen | address is missing | write 127.0.0.1:8080
every interface by accident | listen: 127.0.0.1:8080 | listen: ':8080' | 3 server.listen | address is missing | 0.0.0.0:8080
no port | listen: 127.0.0.1:8080 | listen: 127.0.0.1 | 3 server.listen | not an address with a port | 127.0.0.1:8080
port too high | listen: 127.0.0.1:8080 | listen: 127.0.0.1:80800 | 3 server.listen | no port 80800 | 65535
a name to listen on | listen: 127.0.0.1:8080 | listen: example.com:80 | 3 server.listen | not an IP address | 127.0.0.1
admin open | listen: 127.0.0.1:9090 | listen: 0.0.0.0:9090 | 5 admin.listen | reachable from other machines | allowRemote: true and set a token
admin open without token | listen: 127.0.0.1:9090 | listen: 0.0.0.0:9090⏎  allowRemote: true | 6 admin.allowRemote | no token | HOLDFAST_ADMIN_TOKEN
weak token | listen: 127.0.0.1:9090 | token: hunter2 | 5 admin.token | too easy to guess | openssl rand
ports clash | listen: 127.0.0.1:9090 | listen: 127.0.0.1:8080 | 5 admin.listen | are the same (8080) | another port
ports clash on every interface | listen: 127.0.0.1:8080 | listen: 0.0.0.0:9090 | 5 admin.listen | are the same (9090) | another port
origin without scheme | https://images.example.com | images.example.com | 12 origins.images.url | with a scheme | https://images.example.com
origin with another scheme | https://images.example.com | ftp://images.example.com | 12 origins.images.url | scheme ftp | https://
credential in the url | https://images | https://user:hunter22@images | 12 origins.images.url | ends up in logs | into headers
query in the url | https://images.example.com | https://images.example.com/?a=1 | 12 origins.images.url | no query | leave out
origin is the node | https://images.example.com | http://localhost:8080 | 12 origins.images.url | node's own public port | port of the origin
field of the node | type: http | type: http⏎    headers: { Host: a.example } | 12 origins.images.headers.Host | set by the node itself | option host
line break in a field | type: http | type: http⏎    headers: { X-Token: "a\\r\\nb" } | 12 origins.images.headers.X-Token | one line | remove line breaks
unknown origin | origin: images | origin: imagse | 25 routes[1].origin | no origin "imagse" | did you mean "images"?
duplicate name | name: images | name: local | 22 routes[1].name | taken by routes[0] | name of its own
not a name | name: images | name: My Images | 22 routes[1].name | not a name | lower-case
shadowed | ['/images/*'] | ['/local/a*'] | 24 routes[1].match | no request ever gets here | more specific route first
prefix that does not fit | stripPrefix: /local | stripPrefix: /images | 21 routes[0].stripPrefix | do not all start with | match /images/*
prefix that cuts a name | ['/images/*'] | ['/images/*']⏎    stripPrefix: /ima | 25 routes[1].stripPrefix | do not all start with | /ima/*
prefix as a pattern | stripPrefix: /local | stripPrefix: /local/* | 21 routes[0].stripPrefix | not a pattern | write /local
path without slash | '/images/*' | 'images/*' | 24 routes[1].match.paths[0] | starts with / | write /images/*
star in the middle | '/images/*' | '/*.jpg' | 24 routes[1].match.paths[0] | only at the end | everything that starts
path with query | '/images/*' | '/i?x=1' | 24 routes[1].match.paths[0] | no query | key.query
path with dots | '/images/*' | '/a/../b' | 24 routes[1].match.paths[0] | resolved before matching | lead to
path not a list | paths: ['/images/*'] | paths: /images/* | 24 routes[1].match.paths | found "/images/*" | ['/images/*']
no paths | paths: ['/images/*'] | paths: [] | 24 routes[1].match.paths | list is empty | at least one
host with scheme | ['*'] | ['https://a.example'] | 19 routes[0].match.hosts[0] | no scheme | only the name
host with port | ['*'] | ['a.example:80'] | 19 routes[0].match.hosts[0] | port plays no part | only the name
star within a host | ['*'] | ['img*.example'] | 19 routes[0].match.hosts[0] | before the first dot | *.example.com
min and override | origin: images | origin: images⏎    ttl: { min: 2h, override: 1h } | 26 routes[1].ttl.min | min has no say | keep one
default and override | origin: images | origin: images⏎    ttl: { default: 2h, override: 1h } | 26 routes[1].ttl.default | default has no say | keep one
min above default | origin: images | origin: images⏎    ttl: { default: 1h, min: 2h } | 26 routes[1].ttl.min | min (2h) is above default (1h) | lower min
object of half the cache | size: 512MiB | size: 512MiB⏎    maxObject: 300MiB | 9 cache.memory.maxObject | more than half | at most 256MiB
share that leaves originals too little | size: 512MiB | size: 512MiB⏎    maxObject: 100MiB⏎    variantsShare: 90 | 10 cache.memory.variantsShare | originals are guaranteed 51.2 MiB | lower variantsShare
object above the tier | origin: images | origin: images⏎    maxObject: 64MiB | 26 routes[1].maxObject | above 32MiB are not stored | cache.memory.maxObject
query name twice | origin: images | origin: images⏎    key: { query: [w, w] } | 26 routes[1].key.query[1] | listed twice | keep one
query of another form | origin: images | origin: images⏎    key: { query: some } | 26 routes[1].key.query | found "some" | all, none or a list
field that is never sent | origin: images | origin: images⏎    requestFields: [Cookie] | 26 routes[1].requestFields[0] | never sent | cache: false
field of the node's own | origin: images | origin: images⏎    requestFields: [Range] | 26 routes[1].requestFields[0] | set by the node | leave it out
field that is read in two ways | origin: images | origin: images⏎    requestFields: [X_Tenant] | 26 routes[1].requestFields[0] | reads this name alike | hyphens
type that is none | origin: images | origin: images⏎    storeTypes: [jpeg] | 26 routes[1].storeTypes[0] | not a content type | image/*
type with parameters | origin: images | origin: images⏎    storeTypes: ['image/png;q=1'] | 26 routes[1].storeTypes[0] | without parameters | image/png
missing variable | size: 512MiB | size: \${SIZE} | 8 cache.memory.size | variable SIZE is not set | set SIZE
empty variable | size: 512MiB | size: \${EMPTY} | 8 cache.memory.size | variable EMPTY is empty | :-fallback
not a variable | size: 512MiB | size: \${a b} | 8 cache.memory.size | not the name of an environment variable | \${NAME
variable in a key | size: 512MiB | \${SIZE}: 1 | 8 cache.memory["\${SIZE}"] | not into keys | the key itself
wrong in the environment | size: 512MiB | size: \${WRONG} | 8 cache.memory.size | what \${WRONG} stands for is not a size | set the variable
variable in braces | connect: 2s | connect: \${T} | 13 |  | in quotes inside of { }
tab |     size: 512MiB | ⇥size: 512MiB | 8 | tab | spaces
unclosed quote | ['*'] | ['*] | 19 |  | close the quote
wrong indent |     size: 512MiB |     size: 512MiB⏎   policy: lru | 9 |  | indentation
two documents | log: | ---⏎log: | 26 |  | remove the line with ---
unknown alias | size: 512MiB | size: *big | 8 cache.memory.size | no &big before | quotes
tag | size: 512MiB | size: !big 512MiB | 8 |  | remove the tag
`);

const WARNINGS = table(`
unused origin | origin: local | origin: images | 14 origins.local | no route leads to | remove it
short keep-alive | server: | server:⏎  idleTimeout: 10s | 3 server.idleTimeout | load balancers | 75s
certificate not checked | type: http | type: http⏎    tls: { verify: false } | 12 origins.images.tls.verify | replace images | tls.ca
tls without tls | url: https://images.example.com | url: http://images.example.com⏎    tls: { serverName: a.example } | 13 origins.images.tls | no effect | https://
total before stage | connect: 2s | connect: 2s, total: 5s | 13 origins.images.timeouts.total | always ends an exchange before firstByte | make total longer
redirects nowhere | type: http | type: http⏎    redirects: { crossHost: true } | 12 origins.images.redirects.crossHost | no redirect is followed | set follow
remote without remote | listen: 127.0.0.1:9090 | allowRemote: true | 5 admin.allowRemote | no effect | remove it
signature in the key | origin: images | origin: images⏎    key: { query: [w, X-Amz-Signature] } | 26 routes[1].key.query[1] | stored anew | leave it out
rules without cache | origin: images | origin: images⏎    cache: false⏎    ttl: { default: 1h } | 27 routes[1].ttl | no effect | cache: true
pinned without cache | origin: images | origin: images⏎    cache: false⏎    pinned: true | 27 routes[1].pinned | no effect | cache: true
a choice that the policy does not have | size: 512MiB | size: 512MiB⏎    policy: sieve⏎    favour: bytes | 10 cache.memory.favour | the policy sieve has no choice | greedy-dual
share of nothing | size: 512MiB | size: 512MiB⏎    pinnedShare: 20 | 9 cache.memory.pinnedShare | no route is pinned | pinned: true
no image among the types | origin: images | origin: images⏎    storeTypes: [text/*] | 26 routes[1].storeTypes | no image is stored | add image/*
shadowed path | ['/images/*'] | ['/images/*', '/local/a.png'] | 24 routes[1].match.paths[1] | never gets here | remove the path
`);

const ENV = { EMPTY: '', WRONG: 'leaked-value' };

function problemsOf(text: string) {
  const result = validateConfig(text, { file: 'holdfast.yaml', env: ENV });
  return { ok: result.ok, problems: result.ok ? result.warnings : result.problems };
}

function check({ find, replace, line, path, reason, remedy }: Case, severity: 'error' | 'warning'): void {
  expect(GOOD).toContain(find);
  const { ok, problems } = problemsOf(GOOD.replace(find, () => replace));
  expect(ok).toBe(severity === 'warning');
  const problem = problems.find((one) => one.path === path && one.line === line && one.severity === severity);
  expect({ line, path, among: problems }).toMatchObject({
    among: expect.arrayContaining([expect.objectContaining({ line, path, severity })]),
  });
  expect(problem!.reason).toContain(reason);
  expect(problem!.remedy).toContain(remedy);
  expect(problem!.column).toBeGreaterThan(0);
  // One mistake is one error: nothing is told that only follows from it.
  expect(problems.filter((one) => one.severity === 'error')).toHaveLength(severity === 'error' ? 1 : 0);
  expect(JSON.stringify(problems)).not.toMatch(/hunter2|leaked-value/);
}

test('the file without mistakes is valid', () => {
  expect(problemsOf(GOOD)).toEqual({ ok: true, problems: [] });
});

describe('errors', () => {
  for (const one of ERRORS) test(one.what, () => check(one, 'error'));
});

describe('warnings', () => {
  for (const one of WARNINGS) test(one.what, () => check(one, 'warning'));
});

test('variants are guaranteed no more than what pinned routes leave', () => {
  const share = (memory: string): string =>
    GOOD.replace('size: 512MiB', `size: 512MiB\n    ${memory}`).replace(
      'origin: images',
      'origin: images\n    pinned: true',
    );
  const { ok, problems } = problemsOf(share('pinnedShare: 60\n    variantsShare: 50'));
  expect(ok).toBe(false);
  expect(problems).toMatchObject([{ path: 'cache.memory.variantsShare', line: 10 }]);
  expect(problems[0]!.remedy).toContain('at most 40');
  expect(problemsOf(share('pinnedShare: 60\n    variantsShare: 40')).ok).toBe(true);
  // Unless it is said, it follows.
  const result = validateConfig(share('pinnedShare: 60'), { file: 'f', env: {} });
  expect(result.ok && result.config.cache.memory.variantsShare).toBe(40);
  expect(problemsOf(share('pinnedShare: 60').replace('pinned: true', 'cache: true')).ok).toBe(true);
});

test('a pinned share that leaves less than the largest response is refused, unless all routes are pinned', () => {
  const memory = 'size: 16MiB\n    maxObject: 8MiB\n    pinnedShare: 60';
  const text = GOOD.replace('size: 512MiB', memory).replace(
    'origin: images',
    'origin: images\n    pinned: true',
  );
  const { ok, problems } = problemsOf(text);
  expect(ok).toBe(false);
  expect(problems).toMatchObject([{ path: 'cache.memory.pinnedShare', line: 10 }]);
  expect(problems[0]!.reason).toContain('only 6.4 MiB are left');
  expect(problemsOf(text.replace('pinnedShare: 60', 'pinnedShare: 50')).ok).toBe(true);
  expect(problemsOf(text.replace('origin: local', 'origin: local\n    pinned: true')).ok).toBe(true);
});
