import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { Fields } from './fields.ts';
import { canonicalRequestFields, parseVary, selectingKey } from './vary.ts';

const key = (names: string[], fields: Record<string, string>): string =>
  selectingKey(names, new Fields(Object.entries(fields).flat()));

describe('parseVary', () => {
  test.each<[string | undefined, string[] | '*']>([
    [undefined, []],
    ['', []],
    [' , ', []],
    ['Accept', ['accept']],
    ['Width, accept,  ACCEPT ,dpr', ['accept', 'dpr', 'width']],
    ['*', '*'],
    ['accept, *', '*'],
    [', *', '*'],
    ['accept encoding', '*'],
    ['accept; q=1', '*'],
  ])('%p', (value, names) => {
    expect(parseVary(value)).toEqual(names);
  });
});

describe('selectingKey', () => {
  test('absent, empty and a value are three things', () => {
    const keys = [{}, { 'x-a': '' }, { 'x-a': '-' }].map((fields) => key(['x-a'], fields));
    expect(new Set(keys).size).toBe(3);
  });

  test('white space does not count, everything else does', () => {
    expect(key(['accept-language'], { 'accept-language': 'de ,en;q=0.5' })).toBe(
      key(['accept-language'], { 'accept-language': 'de,  en;q=0.5' }),
    );
    expect(key(['accept-language'], { 'accept-language': 'en, de' })).not.toBe(
      key(['accept-language'], { 'accept-language': 'de, en' }),
    );
    expect(key(['user-agent'], { 'user-agent': 'A  b' })).toBe(key(['user-agent'], { 'user-agent': 'A b' }));
    expect(key(['user-agent'], { 'user-agent': 'a' })).not.toBe(key(['user-agent'], { 'user-agent': 'A' }));
    expect(key(['x-a'], { 'x-a': '"a  b"' })).not.toBe(key(['x-a'], { 'x-a': '"a b"' }));
  });

  test('several lines and one joined line are the same', () => {
    expect(selectingKey(['x-a'], new Fields(['x-a', '1', 'x-b', '0', 'x-a', '2']))).toBe(
      selectingKey(['x-a'], new Fields(['x-a', '1, 2'])),
    );
  });

  test('no value can imitate another combination', () => {
    const random = seededRandom(3);
    const alphabet = ['a', '-', ';', '=', ':', '1', 'x-b=1:a;', '%'];
    const seen = new Map<string, string>();
    for (let i = 0; i < 5000; i++) {
      const fields: Record<string, string> = {};
      for (const name of ['x-a', 'x-b']) {
        if (random.next() < 0.2) continue;
        let value = '';
        for (let n = random.u32() % 4; n > 0; n--) value += alphabet[random.u32() % alphabet.length]!;
        fields[name] = value;
      }
      const made = key(['x-a', 'x-b'], fields);
      const identity = JSON.stringify([fields['x-a'] ?? null, fields['x-b'] ?? null]);
      expect(seen.get(made) ?? identity).toBe(identity);
      seen.set(made, identity);
    }
    expect(seen.size).toBeGreaterThan(1000);
  });

  test.each([
    ['dpr', '2', '2.0'],
    ['dpr', '1.50', '01.5'],
    ['sec-ch-dpr', '3', '3.000'],
    ['width', '0640', '640'],
    ['viewport-width', '1024', '1024.'],
    ['save-data', 'on', 'ON'],
  ])('%s: %s is %s', (name, a, b) => {
    expect(key([name], { [name]: a })).toBe(key([name], { [name]: b }));
  });

  test.each([
    ['dpr', '1', '10'],
    ['dpr', '1.05', '1.5'],
    ['dpr', '0', ''],
    ['width', '64', '640'],
    ['width', 'wide', 'Wide'],
    ['save-data', 'on', 'off'],
  ])('%s: %p is not %p', (name, a, b) => {
    expect(key([name], { [name]: a })).not.toBe(key([name], { [name]: b }));
  });
});

describe('canonicalRequestFields', () => {
  test('writes the class that the key stands for, and leaves the rest alone', () => {
    const fields = new Fields([
      'accept',
      'image/WEBP, */*',
      'x-a',
      ' 1',
      'dpr',
      '2.0',
      'accept',
      'image/avif',
    ]);
    const canonical = canonicalRequestFields(fields);
    expect(canonical.get('accept')).toBe('image/avif, image/webp, */*;q=0.8');
    expect(canonical.count('accept')).toBe(1);
    expect(canonical.get('accept-encoding')).toBe('identity');
    expect(canonical.get('dpr')).toBe('2');
    expect(canonical.get('x-a')).toBe(' 1');
    expect(canonical.has('width')).toBe(false);
    expect(fields.count('accept')).toBe(2);
  });

  test('the origin sees the same selection as the key, for any request; twice is once', () => {
    const random = seededRandom(4);
    const values: Record<string, string[]> = {
      accept: [
        '*/*',
        'image/webp',
        'image/avif;q=0',
        'image/jxl;q=0.5',
        'text/html',
        'image/*',
        '',
        '"a, b"',
        'a  b',
      ],
      'accept-encoding': ['gzip', 'br;q=0', 'zstd', '*', '*;q=0', 'identity;q=0', 'deflate', 'X-GZIP', ''],
      dpr: ['1', '1.0', 'x', '002', '2.50', ''],
      width: ['10', '10.0', 'auto'],
      'save-data': ['on', 'ON', ' on ', 'off'],
    };
    const names = Object.keys(values).sort();
    for (let i = 0; i < 3000; i++) {
      const fields = new Fields();
      for (const name of names) {
        for (let n = random.u32() % 4; n > 0; n--)
          fields.add(name, values[name]![random.u32() % values[name]!.length]!);
      }
      const canonical = canonicalRequestFields(fields);
      expect(selectingKey(names, canonical)).toBe(selectingKey(names, fields));
      expect(canonicalRequestFields(canonical).flat).toEqual(canonical.flat);
    }
  });
});
