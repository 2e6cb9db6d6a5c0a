import { describe, expect, test } from 'bun:test';
import { Fields } from '../http/fields.ts';
import { S3Signer } from './s3-sign.ts';

const keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const atMs = Date.UTC(2013, 4, 24);
const request = {
  method: 'GET',
  host: 'examplebucket.s3.amazonaws.com',
  path: '/test.txt',
  fields: new Fields(['range', 'bytes=0-9', 'user-agent', 'not signed']),
};
const ofAuthorization = (lines: string): Record<string, string> =>
  Object.fromEntries([...lines.matchAll(/(\w+)=([^,\r]+)/g)].map((found) => [found[1]!, found[2]!]));

describe('Signature Version 4', () => {
  test('signs the example of the S3 documentation (GET Object) as it does', () => {
    const { lines, names } = new S3Signer('us-east-1').sign(request, keys, atMs);
    expect(lines).toBe(
      [
        'authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,' +
          'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,' +
          'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
        'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        'x-amz-date: 20130524T000000Z',
        '',
      ].join('\r\n'),
    );
    for (const name of lines.split('\r\n').slice(0, -1)) expect(names).toContain(name.split(':')[0]!);
  });

  test('a session token is sent and signed', () => {
    const signer = new S3Signer('us-east-1');
    const { lines } = signer.sign(request, { ...keys, sessionToken: 'token-1' }, atMs);
    expect(lines).toContain('\r\nx-amz-security-token: token-1\r\n');
    const { SignedHeaders, Signature } = ofAuthorization(lines);
    expect(SignedHeaders).toBe('host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token');
    const other = signer.sign(request, { ...keys, sessionToken: 'token-2' }, atMs);
    expect(ofAuthorization(other.lines)['Signature']).not.toBe(Signature);
  });

  test('one signer, many days and keys: as a new signer for each', () => {
    const signer = new S3Signer('eu-central-1');
    const days = [0, 1, 1, 0, 40].map((days) => atMs + days * 86_400_000 + 12_345);
    for (const dayMs of days) {
      for (const secretAccessKey of ['one', 'two', 'one']) {
        const mine = { accessKeyId: 'id', secretAccessKey };
        expect(signer.sign(request, mine, dayMs)).toEqual(
          new S3Signer('eu-central-1').sign(request, mine, dayMs),
        );
      }
    }
  });

  test('everything signed changes the signature, and nothing else', () => {
    const signer = new S3Signer('us-east-1');
    const signature = (change: object, secretAccessKey = 'secret', ms = atMs): string =>
      ofAuthorization(signer.sign({ ...request, ...change }, { ...keys, secretAccessKey }, ms).lines)[
        'Signature'
      ]!;
    const all = [
      signature({}),
      signature({ method: 'HEAD' }),
      signature({ path: '/test2.txt' }),
      signature({ host: 'other' }),
      signature({ fields: new Fields() }),
      signature({ fields: new Fields(['range', 'bytes=0-8']) }),
      signature({}, 'other'),
      signature({}, 'secret', atMs + 1000),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(signature({ fields: new Fields(['range', 'bytes=0-9', 'accept', '*/*']) })).toBe(all[0]!);
  });
});
