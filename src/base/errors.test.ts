import { expect, test } from 'bun:test';
import { ORIGIN_FAILURES } from '../origin/origin.ts';
import type { ErrorEntry } from './error-entry.ts';
import { ERROR_CODES, ERRORS, errorBody } from './errors.ts';

const entries = ERROR_CODES.map((code): [string, ErrorEntry] => [code, ERRORS[code]]);

test.each(entries)('%s is complete and gives nothing away', (code, entry) => {
  expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  expect(entry.status).toBeWithin(400, 600);
  for (const text of [entry.publicText, entry.meaning, entry.remedy]) {
    expect(text).toMatch(/^[A-Z][\x20-\x7b\x7d\x7e]+\.$/);
  }
  // Clients learn nothing of the inside: no option, no file, no address.
  expect(entry.publicText).not.toMatch(/origin|timeout|config|\/|localhost|[0-9]/i);
});

test('every way in which an origin can fail has an error, and no other is named like one', () => {
  const named = ERROR_CODES.filter((code) => code.startsWith('origin-')).map((code) =>
    code.slice('origin-'.length),
  );
  expect(named.toSorted()).toEqual([...ORIGIN_FAILURES].toSorted());
});

test('time-outs are 504, what is not asked for 503, its other failures 502 (RFC 9110 sections 15.6.3 to 15.6.5)', () => {
  for (const [code, entry] of entries) {
    if (code.startsWith('origin-'))
      expect([code, entry.status]).toEqual([
        code,
        code === 'origin-request-body'
          ? 400
          : /-(queue-full|queue-timeout|circuit-open)$/.test(code)
            ? 503
            : /-(timeout|deadline)$/.test(code)
              ? 504
              : 502,
      ]);
  }
});

test('the body is one line of ASCII with the code', () => {
  expect(errorBody('route-not-found')).toBe('404 Nothing is served under this address. (route-not-found)\n');
  for (const code of ERROR_CODES) expect(errorBody(code)).toMatch(/^[\x20-\x7e]+\n$/);
});
