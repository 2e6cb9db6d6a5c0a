import { describe, expect, test } from 'bun:test';
import { Fields } from '../http/fields.ts';
import { judge, type S3Place } from './s3-verdict.ts';

const place: S3Place = { bucket: 'images', region: 'us-east-1', accessDenied: 'error' };
const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const xml = (code: string, more = ''): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>not for logs</Message>${more}<RequestId>4</RequestId></Error>`;
const verdict = (status: number, body = '', fields: string[] = [], at = place) =>
  judge(at, { status, body, fields: new Fields(fields) }, nowMs);

describe('what errors of S3 mean', () => {
  test.each([
    [404, xml('NoSuchKey')],
    [404, ''],
    [404, '<html>not S3</html>'],
    [412, xml('PreconditionFailed')],
    [416, xml('InvalidRange')],
    [429, ''],
    [500, xml('InternalError')],
    [503, xml('SlowDown')],
  ])('%d is passed on by its status', (status, body) => {
    expect(verdict(status, body)).toEqual({ status });
  });

  test.each([
    [403, 'InvalidAccessKeyId', true],
    [403, 'SignatureDoesNotMatch', true],
    [400, 'ExpiredToken', true],
    [400, 'TokenRefreshRequired', true],
    [400, 'InvalidToken', true],
    [400, 'AuthorizationHeaderMalformed', true],
    [403, 'RequestTimeTooSkewed', false],
  ])('%d %s: it is our keys or our clock', (status, code, keysRefused) => {
    const found = verdict(status, xml(code));
    expect(found).toMatchObject({ cause: 'credentials', keysRefused });
    expect((found as { detail: string }).detail).toContain(code);
    expect((found as { detail: string }).detail).not.toContain('not for logs');
  });

  test('clocks that differ are both told', () => {
    const bySelf = verdict(403, xml('RequestTimeTooSkewed', '<ServerTime>2026-01-02T04:00:00Z</ServerTime>'));
    expect(bySelf).toMatchObject({
      detail: expect.stringContaining(
        'here it is Fri, 02 Jan 2026 03:04:05 GMT, there Fri, 02 Jan 2026 04:00:00 GMT',
      ),
    });
    const byDate = verdict(403, xml('RequestTimeTooSkewed'), ['date', 'Fri, 02 Jan 2026 05:00:00 GMT']);
    expect(byDate).toMatchObject({ detail: expect.stringContaining('there Fri, 02 Jan 2026 05:00:00 GMT') });
  });

  test.each([
    [
      301,
      xml('PermanentRedirect', '<Endpoint>images.s3.eu-west-1.amazonaws.com</Endpoint>'),
      [],
      'it names the endpoint images.s3.eu-west-1.amazonaws.com',
    ],
    [301, '', ['x-amz-bucket-region', 'eu-west-1'], 'set region: eu-west-1'],
    [307, xml('TemporaryRedirect'), [], 'correct the region or the endpoint'],
    [400, xml('AuthorizationHeaderMalformed', '<Region>eu-west-1</Region>'), [], 'set region: eu-west-1'],
    [404, xml('NoSuchBucket'), [], 'there is no bucket "images"'],
  ])('%d: the bucket is elsewhere, or nowhere', (status, body, fields, said) => {
    expect(verdict(status, body, fields)).toMatchObject({
      cause: 'bucket',
      detail: expect.stringContaining(said),
    });
  });

  test('AccessDenied is a failure, unless it is to mean that there is no such key', () => {
    expect(verdict(403, xml('AccessDenied'))).toMatchObject({
      cause: 'denied',
      detail: expect.stringContaining('s3:ListBucket'),
    });
    const lenient = { ...place, accessDenied: 'not-found' } as const;
    expect(verdict(403, xml('AccessDenied'), [], lenient)).toEqual({ status: 404 });
    expect(verdict(403, xml('InvalidObjectState'), [], lenient)).toMatchObject({ cause: 'denied' });
    expect(verdict(403, '', [], lenient)).toMatchObject({ cause: 'denied' });
    expect(verdict(403, xml('SignatureDoesNotMatch'), [], lenient)).toMatchObject({ cause: 'credentials' });
  });

  test('nothing of the answer gets into the log but what looks like a code', () => {
    for (const code of ['evil\ncode', 'a b', 'x'.repeat(200)]) {
      expect(verdict(403, xml(code))).toMatchObject({
        detail: expect.stringContaining('403 without an error code'),
      });
    }
  });
});
