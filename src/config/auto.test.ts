import { expect, test } from 'bun:test';
import { startingPolicy } from './complete.ts';
import { DEFAULT_POLICY } from './options.ts';
import { validateConfig } from './validate.ts';

function validated(memory: string, traffic = '{}'): ReturnType<typeof validateConfig> {
  const text = `version: 1
cache: { memory: ${memory} }
traffic: ${traffic}
origins: { a: { type: files, root: /x } }
routes: [{ name: a, origin: a }]
`;
  return validateConfig(text, { file: 'auto.yaml', env: {} });
}

test('auto begins with the default policy, and others are what they say', () => {
  for (const [memory, policy] of [
    ['{ policy: auto }', DEFAULT_POLICY],
    ['{}', DEFAULT_POLICY],
    ['{ policy: lru }', 'lru'],
  ] as const) {
    const result = validated(memory);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(startingPolicy(result.config.cache.memory)).toBe(policy);
  }
});

test('auto without recorded requests is refused, and says what to do', () => {
  const result = validated('{ policy: auto }', '{ record: false }');
  if (result.ok) throw new Error('accepted');
  expect(
    result.problems.map(({ severity, path, reason, remedy }) => [severity, path, reason, remedy]),
  ).toEqual([
    [
      'error',
      'cache.memory.policy',
      'auto compares the policies on recorded requests, and traffic.record is false',
      'set traffic.record to true, or name a policy',
    ],
  ]);
  expect(validated('{ policy: lru }', '{ record: false }').ok).toBe(true);
});
