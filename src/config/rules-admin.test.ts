import { expect, test } from 'bun:test';
import { validateConfig } from './validate.ts';

const T1 = 'a-token-of-one-person';
const T2 = 'a-token-of-another-one';

function told(admin: string): string[] {
  const text = `version: 1\nadmin: ${admin}\norigins: { a: { type: files, root: /x } }\nroutes: [{ name: a, origin: a }]\n`;
  const result = validateConfig(text, { file: 'f', env: {} });
  const problems = result.ok ? result.warnings : result.problems;
  for (const { reason, remedy } of problems)
    for (const token of [T1, T2]) expect(reason + remedy).not.toContain(token);
  return problems.map(({ severity, path, reason }) => `${severity} ${path}: ${reason}`);
}

test.each([
  [`{ tokens: [{ name: a, token: ${T1}, role: read }, { name: b, token: ${T2}, role: operate }] }`, []],
  [
    `{ tokens: [{ name: a, token: ${T1}, role: read }, { name: a, token: ${T2}, role: read }] }`,
    ['error admin.tokens[1].name: the name "a" is given twice'],
  ],
  [
    `{ tokens: [{ name: a, token: ${T1}, role: read }, { name: b, token: ${T1}, role: read }] }`,
    ['error admin.tokens[1].token: this token is used twice'],
  ],
  [
    `{ token: ${T1}, tokens: [{ name: b, token: ${T1}, role: read }] }`,
    ['error admin.tokens[0].token: this token is used twice'],
  ],
  [
    '{ tokens: [{ name: a, token: short, role: read }] }',
    ['error admin.tokens[0].token: the token is too easy'],
  ],
  [`{ tokens: [{ name: a, token: ${T1}, role: root }] }`, ['error admin.tokens[0].role: ']],
  ['{ tls: { cert: a.pem } }', ['error admin.tls: key is missing']],
  ['{ tls: { key: a.pem } }', ['error admin.tls: cert is missing']],
  [
    `{ listen: "0.0.0.0:9090", allowRemote: true, token: ${T1} }`,
    ['warning admin.allowRemote: tokens cross the network in the clear'],
  ],
  [`{ listen: "0.0.0.0:9090", allowRemote: true, token: ${T1}, tls: { cert: a, key: b } }`, []],
  // A token that may only read is none to operate with from elsewhere.
  [
    `{ listen: "0.0.0.0:9090", allowRemote: true, tls: { cert: a, key: b }, tokens: [{ name: a, token: ${T1}, role: read }] }`,
    ['error admin.allowRemote: the admin port is open to other machines, but no token is set'],
  ],
])('%s', (admin, expected) => {
  const found = told(admin);
  expect(found).toHaveLength(expected.length);
  expected.forEach((start, index) => {
    expect(found[index]).toStartWith(start);
  });
});
