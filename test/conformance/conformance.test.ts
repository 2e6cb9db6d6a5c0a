import { afterAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CASES, conformanceDoc } from './report.ts';
import { Conformance } from './run.ts';

const conformance = new Conformance();
afterAll(() => conformance.stop());

test.each(CASES.map((one) => [one.id, one.says, one] as const))('%s: %s', async (_id, _says, one) => {
  for (const type of one.types ?? ['text/plain', 'image/png']) {
    expect(await conformance.run(one, type)).toEqual([]);
  }
  expect(conformance.faults).toEqual([]);
});

test('each case has a name of its own', () => {
  expect(new Set(CASES.map((one) => one.id)).size).toBe(CASES.length);
});

test('a case that is not held is told', async () => {
  const steps = [{ asks: false, status: 404, body: 'x', fields: { 'x-a': '1' }, asked: { via: null } }];
  const wrong = await conformance.run({ id: 'wrong', rfc: '9111 1', says: '', steps }, 'text/plain');
  expect(wrong.length).toBe(5);
});

test('docs/conformance.md is what the cases say (npm run docs writes it)', () => {
  expect(readFileSync(join(import.meta.dir, '../../docs/conformance.md'), 'utf8')).toBe(conformanceDoc());
});
