import { describe, expect, test } from 'bun:test';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { until } from './origin.fixture.ts';
import { environmentCredentials, fileCredentials, readCredentials } from './s3-credentials.ts';

const INI = `# comment
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key=se/cret+1=
region = eu-central-1

[profile temporary]
  AWS_ACCESS_KEY_ID = ASIA1
  aws_secret_access_key = two\r
  aws_session_token = tok=en==
[half]
aws_access_key_id = AKHALF
[broken]
aws_access_key_id = AK BROKEN
aws_secret_access_key = hidden-value
`;

describe('a credentials file', () => {
  test('has profiles with keys', () => {
    expect(readCredentials(INI, 'default')).toEqual({
      accessKeyId: 'AKDEFAULT',
      secretAccessKey: 'se/cret+1=',
    });
    expect(readCredentials(INI, 'temporary')).toEqual({
      accessKeyId: 'ASIA1',
      secretAccessKey: 'two',
      sessionToken: 'tok=en==',
    });
  });

  test('may be lines of variables', () => {
    const text = 'AWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=s=\nAWS_SESSION_TOKEN=t\n[other]\nregion = x\n';
    expect(readCredentials(text, 'default')).toEqual({
      accessKeyId: 'AK',
      secretAccessKey: 's=',
      sessionToken: 't',
    });
  });

  test.each([
    [INI, 'other', 'there is no profile "other" in it, but "default", "temporary", "half", "broken"'],
    ['', 'default', 'there is no profile "default" in it and no other'],
    ['aws_access_key_id = only', 'default', 'aws_secret_access_key of profile "default" is missing'],
    ['aws_access_key_id = outside', 'other', 'there is no profile "other" in it, but "default"'],
    [INI, 'half', 'aws_secret_access_key of profile "half" is missing'],
    [INI, 'broken', 'aws_access_key_id of profile "broken" has a space'],
  ])('what is wrong with one is said without its secrets', (text, profile, said) => {
    const found = readCredentials(text, profile);
    expect(found).toBeString();
    expect(found as string).toStartWith(said);
    expect(found as string).not.toContain('hidden-value');
  });
});

describe('keys from the environment', () => {
  test('with and without a session token', () => {
    const env = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    expect(environmentCredentials(env).keys).toEqual({ accessKeyId: 'a', secretAccessKey: 'b' });
    expect(environmentCredentials({ ...env, AWS_SESSION_TOKEN: 'c' }).keys?.sessionToken).toBe('c');
  });

  test('variables that are missing or wrong are named', () => {
    expect(() => environmentCredentials({})).toThrow(
      'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set',
    );
    expect(() => environmentCredentials({ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: '' })).toThrow(
      'AWS_SECRET_ACCESS_KEY is not set',
    );
    expect(() => environmentCredentials({ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b\nc' })).toThrow(
      /^AWS_SECRET_ACCESS_KEY has a space/,
    );
  });
});

/** A file whose text the test changes; undefined when it is gone. */
function file() {
  const clock = virtualClock(0);
  const state = { text: undefined as string | undefined, reads: 0, hangs: false };
  const news: string[] = [];
  const credentials = fileCredentials(
    { path: '/keys', profile: 'default' },
    {
      clock,
      readFile: (path) => {
        state.reads += 1;
        expect(path).toBe('/keys');
        if (state.hangs) return new Promise(() => undefined);
        if (state.text !== undefined) return Promise.resolve(state.text);
        return Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' }));
      },
      onNews: (kind, message) => news.push(`${kind}: ${message}`),
    },
  );
  const write = (id: string): void => {
    state.text = `[default]\naws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
  };
  return { clock, state, news, credentials, write, id: () => credentials.keys?.accessKeyId };
}

describe('keys from a file', () => {
  test('are read once for all who wait, and not again within 10 s', async () => {
    const { clock, state, credentials, write, id } = file();
    write('one');
    await Promise.all([credentials.ready(), credentials.ready()]);
    expect(id()).toBe('one');
    clock.advance(9_999);
    expect(credentials.ready()).toBeUndefined();
    expect(state.reads).toBe(1);
  });

  test('are read again in the background, and the change is told', async () => {
    const { clock, state, news, credentials, write, id } = file();
    write('one');
    await credentials.ready();
    write('two');
    clock.advance(10_000);
    expect(credentials.ready()).toBeUndefined();
    expect(id()).toBe('one');
    await until(() => id() === 'two');
    expect(state.reads).toBe(2);
    expect(news).toEqual(['changed: /keys has other keys, used from now on']);
  });

  test('are looked for when the server refuses them, once a second at most', async () => {
    const { clock, state, credentials, write, id } = file();
    write('one');
    await credentials.ready();
    const refused = credentials.keys;
    expect(await credentials.renew(refused)).toBeFalse();
    expect(state.reads).toBe(1);
    clock.advance(1_000);
    expect(await credentials.renew(refused)).toBeFalse();
    expect(state.reads).toBe(2);
    write('two');
    clock.advance(1_000);
    expect(await Promise.all([credentials.renew(refused), credentials.renew(refused)])).toEqual([true, true]);
    expect(state.reads).toBe(3);
    expect(id()).toBe('two');
    // Whoever was refused with the old keys a moment later tries again with those that are there by now.
    expect(await credentials.renew(refused)).toBeTrue();
    expect(state.reads).toBe(3);
  });

  test('stay in use while the file cannot be read; that is told once', async () => {
    const { clock, state, news, credentials, write, id } = file();
    write('one');
    await credentials.ready();
    for (let round = 2; round < 5; round += 1) {
      state.text = round === 3 ? '[default]\n' : undefined;
      clock.advance(10_000);
      expect(credentials.ready()).toBeUndefined();
      await until(() => state.reads === round && clock.pending === 0);
    }
    expect(id()).toBe('one');
    expect(credentials.trouble).toBeUndefined();
    expect(news).toEqual(['unreadable: /keys cannot be read (ENOENT); going on with the keys read before']);
  });

  test('that are not there are looked for again a second later', async () => {
    const { clock, state, credentials, write, id } = file();
    await credentials.ready();
    expect(credentials.trouble).toContain('/keys cannot be read (ENOENT)');
    expect(credentials.ready()).toBeUndefined();
    expect(state.reads).toBe(1);
    write('one');
    clock.advance(1_000);
    await credentials.ready();
    expect(id()).toBe('one');
    expect(credentials.trouble).toBeUndefined();
  });

  test('on a disk that hangs are a trouble after 5 s', async () => {
    const { clock, state, credentials } = file();
    state.hangs = true;
    const ready = credentials.ready();
    clock.advance(5_000);
    await ready;
    expect(credentials.trouble).toContain('nothing within 5000 ms');
  });
});
