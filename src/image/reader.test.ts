import { describe, expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import { Fields } from '../http/fields.ts';
import { normalisePath } from '../http/target.ts';
import { createReader, optionsMistake } from './reader.ts';
import { ACCEPT, RULES, read, refusalOf, specAt, variantOf } from './rules.fixture.ts';
import { GRAMMARS, type ImageRules } from './rules.ts';
import { sign } from './signature.ts';
import { parseSpec, specOf } from './spec.ts';

describe('what the route allows', () => {
  test('operations, also of presets', () => {
    const rules: Partial<ImageRules> = { operations: ['resize', 'crop'], presets: { p: 'w=1&blur=9' } };
    expect(specAt('/a.jpg?w=9&h=9&fit=crop&fm=webp', { rules })).toBe('~w=9,h=9,fit=cover,up,f=webp');
    for (const query of ['blur=5', 'q=5', 'lossless=1', 'rot=90', 'flip=h', 'trim=auto', 'sharp=5', 'grey=1'])
      expect(refusalOf(`/a.jpg?${query}`, { rules })).toMatch(
        /^image-options: Options for \w+ are not allowed here\.$/,
      );
    for (const query of ['bg=fff', 'metadata=copyright', 'fm=lqip', 'fm=thumbhash', 'fm=json', 'preset=p'])
      expect(refusalOf(`/a.jpg?${query}`, { rules })).toContain('are not allowed here.');
    expect(refusalOf('/a.jpg?w=9', { rules: { operations: [] } })).toContain('Options for resize');
    expect(refusalOf('/a.jpg?rect=0,0,5,5', { rules: { operations: ['resize'] } })).toContain(
      'Options for crop',
    );
  });

  test('formats', () => {
    const rules: Partial<ImageRules> = { formats: ['webp', 'jpeg'] };
    expect(specAt('/a.jpg?fm=webp', { rules })).toBe('~f=webp');
    expect(refusalOf('/a.jpg?fm=avif', { rules })).toBe(
      'image-options: The format avif is not allowed here; allowed are: webp, jpeg.',
    );
    expect(refusalOf('/a.jpg?auto=format&fm=png', { rules })).toContain('The format png is not allowed here');
    const auto = (formats: ImageRules['formats'], accept: string) =>
      specAt('/a.jpg?auto=format', { rules: { formats }, fields: { accept } });
    expect(auto(['avif', 'webp', 'jpeg'], ACCEPT.avif)).toBe('~f=auto-avif');
    expect(auto(['webp', 'jpeg'], ACCEPT.avif)).toBe('~f=auto-webp');
    expect(auto(['avif', 'jpeg'], ACCEPT.avif)).toBe('~f=avif');
    expect(auto(['avif', 'jpeg'], ACCEPT.webp)).toBe('~f=auto');
    // Who takes the one and not the other is not worth a class.
    expect(auto(['avif', 'webp', 'jpeg'], 'image/avif')).toBe('~f=auto');
    expect(read('/a.jpg?auto=format', { rules: { formats: ['jpeg'] } })).toMatchObject({ vary: [] });
  });

  test('quality', () => {
    const rules: Partial<ImageRules> = { quality: 70, qualityMin: 40, qualityMax: 80 };
    expect(variantOf('/a.jpg?w=1', { rules }).quality).toBe(70);
    expect(variantOf('/a.jpg?w=1&q=auto', { rules }).quality).toBe('auto');
    expect(variantOf('/a.jpg?w=1&q=80', { rules }).quality).toBe(80);
    expect(refusalOf('/a.jpg?w=1&q=81', { rules })).toBe(
      'image-options: The quality is 81; it goes from 40 to 80 here.',
    );
  });
});

describe('widths', () => {
  const rules: Partial<ImageRules> = { widths: [320, 640, 1280] };
  const sizeAt = (query: string, more: Partial<ImageRules> = {}) => {
    const { width, height } = variantOf(`/a.jpg?${query}`, { rules: { ...rules, ...more } });
    return [width, height];
  };

  test('another one becomes the next larger one, and the largest at most', () => {
    expect(sizeAt('w=1')).toEqual([320, undefined]);
    expect(sizeAt('w=320')).toEqual([320, undefined]);
    expect(sizeAt('w=321')).toEqual([640, undefined]);
    expect(sizeAt('w=9000')).toEqual([1280, undefined]);
    expect(sizeAt('w=320&dpr=2')).toEqual([640, undefined]);
    expect(sizeAt('w=300&dpr=3')).toEqual([1280, undefined]);
    expect(sizeAt('h=400')).toEqual([undefined, 640]);
  });

  test('in the same shape to within a pixel', () => {
    expect(sizeAt('w=400&h=300&fit=crop')).toEqual([640, 480]);
    expect(sizeAt('w=640&h=1&fit=crop')).toEqual([640, 1]);
    expect(sizeAt('w=1280&h=4000&fit=crop')).toEqual([1280, 4000]);
    const random = seededRandom(5);
    for (let i = 0; i < 2000; i += 1) {
      const [w, h] = [1 + (random.u32() % 3000), 1 + (random.u32() % 3000)];
      const dpr = [1, 1.5, 2, 3][random.u32() % 4]!;
      for (const widths of [[], [320, 640, 1280]]) {
        const [width, height] = sizeAt(`w=${w}&h=${h}&fit=crop&dpr=${dpr}`, { widths }) as [number, number];
        expect(width).toBeWithin(1, 4097);
        expect(height).toBeWithin(1, 4097);
        // The smallest width that there is may be too wide for the shape: then it is cut.
        if (height < 4096) expect(Math.abs(height - (width * h) / w)).toBeLessThanOrEqual(Math.max(1, h / w));
      }
    }
  });

  test('a shape that would become too long takes a smaller width', () => {
    expect(sizeAt('w=500&h=2500&fit=crop')).toEqual([640, 3200]);
    expect(sizeAt('w=700&h=7000&fit=crop')).toEqual([320, 3200]);
    expect(sizeAt('w=100&h=7000&fit=crop')).toEqual([320, 4096]);
  });

  test('or is refused, with those that there are', () => {
    const strict = { rules: { ...rules, otherWidths: 'refuse' as const } };
    expect(specAt('/a.jpg?w=320&dpr=2', strict)).toBe('~w=640');
    expect(refusalOf('/a.jpg?w=400', strict)).toBe(
      'image-options: The width is 400; allowed are: 320, 640, 1280.',
    );
    expect(refusalOf('/a.jpg?h=400', strict)).toContain('The width is 400');
    // Nothing is refused for what a browser says of itself.
    const hinted = { ...strict, rules: { ...strict.rules, hints: ['dpr'] as const }, fields: { dpr: '1.5' } };
    expect(specAt('/a.jpg?w=320', hinted)).toBe('~w=640');
  });

  test('a largest ratio of its own', () => {
    expect(sizeAt('w=100&dpr=3.5', { widths: [], dprMax: 4 })).toEqual([400, undefined]);
    expect(sizeAt('w=100&dpr=1.2', { widths: [], dprMax: 1 })).toEqual([100, undefined]);
    expect(sizeAt('w=100&dpr=0.5', { widths: [], dprMax: 5 })).toEqual([100, undefined]);
  });
});

describe('hints', () => {
  const asked = (query: string, hints: ImageRules['hints'], fields: Record<string, string>, more = {}) => {
    const reading = read(`/a.jpg?${query}`, { rules: { ...more, hints }, fields });
    return reading.kind === 'variant' ? [reading.spec, reading.vary.join(' ')] : reading.kind;
  };

  test('have no say where they are not switched on', () => {
    const fields = { dpr: '2', width: '500', 'save-data': 'on' };
    expect(asked('w=100', [], fields)).toEqual(['~w=100', '']);
    expect(asked('w=100', ['width', 'save-data'], { dpr: '2' })).toEqual(['~w=100', 'Save-Data']);
  });

  test('the ratio of the screen, unless the address has one', () => {
    const vary = 'Sec-CH-DPR DPR';
    expect(asked('w=100', ['dpr'], { dpr: '2' })).toEqual(['~w=200', vary]);
    expect(asked('w=100', ['dpr'], { dpr: '1', 'sec-ch-dpr': '2.625' })).toEqual(['~w=300', vary]);
    expect(asked('w=100', ['dpr'], { dpr: '7' })).toEqual(['~w=300', vary]);
    for (const odd of ['', 'x', '-1', '0', '1e9', '2, 2', '999'])
      expect(asked('w=100', ['dpr'], { dpr: odd })).toEqual(['~w=100', vary]);
    expect(asked('w=100', ['dpr'], {})).toEqual(['~w=100', vary]);
    expect(asked('w=100&dpr=1', ['dpr'], { dpr: '2' })).toEqual(['~w=100', '']);
    expect(asked('blur=100', ['dpr'], { dpr: '2' })).toEqual(['~blur=5', '']);
    expect(asked('w=4000', ['dpr'], { dpr: '2' })).toEqual(['~w=4096', vary]);
  });

  test('the width that is laid out, where the address has none', () => {
    const vary = 'Sec-CH-Width Width';
    expect(asked('fm=webp', ['width'], { width: '500' })).toEqual(['~w=640,f=webp', vary]);
    expect(asked('fm=webp', ['width'], { 'sec-ch-width': '161' })).toEqual(['~w=320,f=webp', vary]);
    expect(asked('fm=webp', ['width'], { width: '500' }, { widths: [600, 900] })).toEqual([
      '~w=900,f=webp',
      vary,
    ]);
    expect(asked('fm=webp', ['width'], { width: '99999' })).toEqual(['~w=4096,f=webp', vary]);
    expect(asked('fm=webp', ['width'], { width: 'x' })).toEqual(['~f=webp', vary]);
    expect(asked('fm=webp', ['width'], {})).toEqual(['~f=webp', vary]);
    expect(asked('fm=webp&fit=clip', ['width'], { width: '100' })).toEqual(['~w=160,f=webp', vary]);
    expect(asked('h=50', ['width'], { width: '500' })).toEqual(['~h=50', '']);
    expect(asked('fm=json', ['width'], { width: '500' })).toEqual(['~f=json', '']);
  });

  test('saving data: less quality, unless the address names one', () => {
    expect(asked('w=100', ['save-data'], { 'save-data': 'on' })).toEqual(['~w=100,q=50', 'Save-Data']);
    expect(asked('w=100', ['save-data'], { 'save-data': 'on' }, { quality: 80 })).toEqual([
      '~w=100,q=56',
      'Save-Data',
    ]);
    expect(asked('w=100', ['save-data'], { 'save-data': 'on' }, { quality: 80, qualityMin: 60 })).toEqual([
      '~w=100,q=60',
      'Save-Data',
    ]);
    expect(asked('w=100', ['save-data'], { 'save-data': 'off' })).toEqual(['~w=100', 'Save-Data']);
    expect(asked('w=100&q=70', ['save-data'], { 'save-data': 'on' })).toEqual(['~w=100,q=70', '']);
    expect(asked('w=100', ['save-data', 'dpr'], { 'save-data': 'on', dpr: '3' })).toEqual([
      '~w=100,q=50',
      'Sec-CH-DPR DPR Save-Data',
    ]);
  });

  test('a field that is not in Vary changes nothing', () => {
    const random = seededRandom(23);
    const one = <T>(values: readonly T[]): T => values[random.u32() % values.length]!;
    const fields = (): [string, string][] => [
      ['accept', one([ACCEPT.avif, ACCEPT.webp, ACCEPT.none])],
      ['dpr', one(['1', '2', '3'])],
      ['sec-ch-dpr', one(['1', '2', '3'])],
      ['width', one(['100', '900'])],
      ['sec-ch-width', one(['100', '900'])],
      ['save-data', one(['on', 'off'])],
    ];
    for (let i = 0; i < 2000; i += 1) {
      const rules = { hints: one([[], ['dpr'], ['width'], ['dpr', 'width', 'save-data']] as const) };
      const query = one([
        'w=9',
        'w=9&auto=format',
        'fm=webp',
        'q=5',
        'fm=json',
        'w=9&dpr=2',
        'auto=format&q=3',
        'h=8',
      ]);
      const [a, b] = [new Map(fields()), new Map(fields())];
      const before = read(`/a.jpg?${query}`, { rules, fields: Object.fromEntries(a) });
      if (before.kind !== 'variant') throw new Error('refused');
      for (const name of before.vary) b.set(name.toLowerCase(), a.get(name.toLowerCase())!);
      expect(read(`/a.jpg?${query}`, { rules, fields: Object.fromEntries(b) })).toEqual(before);
    }
  });
});

describe('memory', () => {
  test('an address that was read before gives the same, and still ends', () => {
    const rules = { ...RULES, signing: { required: true, keys: [{ key: 'k'.repeat(16), salt: undefined }] } };
    const reader = createReader(rules);
    const target = normalisePath(sign(rules, { path: '/a.jpg', query: 'w=1&auto=format' }, 100)!)!;
    const fields = new Fields(['accept', ACCEPT.avif]);
    const first = reader.read(target, fields, 50);
    expect(first).toMatchObject({ kind: 'variant', spec: '~w=1,f=auto-avif', expiresS: 100 });
    expect(reader.read(target, fields, 99)).toBe(first);
    expect(reader.read(target, new Fields(), 99)).toMatchObject({ spec: '~w=1,f=auto' });
    expect(reader.read(target, fields, 100)).toMatchObject({ kind: 'refused', code: 'image-expired' });
    expect(reader.read(target, fields, 99)).toBe(first);
  });

  test('is bounded, and what is asked for again and again stays', () => {
    const reader = createReader(RULES);
    const common = { path: '/common.jpg', query: 'w=7' };
    const fields = new Fields();
    const first = reader.read(common, fields, 0);
    for (let i = 0; i < 30_000; i += 1) {
      reader.read({ path: `/${i}.jpg`, query: 'w=7' }, fields, 0);
      if (i % 1000 === 0) expect(reader.read(common, fields, 0)).toBe(first);
    }
    const one = { path: '/1.jpg', query: 'w=7' };
    const again = reader.read(one, fields, 0);
    expect(reader.read(one, fields, 0)).toBe(again);
    const long = { path: `/${'x'.repeat(2000)}.jpg`, query: 'w=7' };
    expect(reader.read(long, fields, 0)).not.toBe(reader.read(long, fields, 0));
  });
});

describe('whatever is sent', () => {
  const BASES: Readonly<Record<string, readonly string[]>> = {
    imgix: [
      '/a.jpg?w=400&h=300&fit=crop&crop=top,left&auto=format&q=70&dpr=2',
      '/a.jpg?rect=0.1,0.2,0.3,0.4&rot=90&flip=hv&bg=fff&blur=20&sharp=3&trim=auto&preset=p',
      '/a.jpg?mark=/logos/x.png&mark-align=top&mark-scale=20&mark-alpha=50&fm=png&expires=99999999999',
    ],
    cloudflare: [
      '/cdn-cgi/image/width=400,height=300,fit=cover,gravity=0.5x0.2,format=auto/photos/a.jpg?v=1',
      '/x/cdn-cgi/image/quality=high,background=%23fff,blur=3,rotate=90/a.jpg',
    ],
    imgproxy: [
      '/unsafe/rs:fill:400:300:1:1/g:fp:0.1:0.2/c:0.5:0.5/pr:p/q:80/plain/photos/a.jpg@webp',
      '/unsafe/bg:1:2:3/wm:0.5:soea:1:1:0.1/exp:9999999999/cGhvdG9zL2EuanBn.png',
    ],
    next: ['/_next/image?url=%2Fphotos%2Fa.jpg&w=640&q=75'],
  };
  const BITS = [
    '%',
    '%2F',
    '%2e%2e',
    '/',
    '//',
    '..',
    ':',
    ',',
    '=',
    '&',
    '?',
    '\\',
    '@',
    '-',
    '.',
    '0',
    '99999',
    '1e9',
  ];
  const WORDS = [
    'http://',
    'local://',
    'plain',
    's=',
    'NaN',
    'constructor',
    '__proto__',
    '%00',
    '%C3%A9',
    '\xe9',
    '+',
  ];

  test.each(GRAMMARS)('never throws, and reads the same again: %s', (grammar) => {
    const random = seededRandom(77);
    const overlays = ['/logos/*', '/mark.png'];
    const rules: ImageRules = {
      ...RULES,
      grammar,
      overlays,
      presets: { p: 'w=5&q=9' },
      hints: ['dpr', 'width'],
    };
    const plain = createReader(rules);
    const guarded = createReader({
      ...rules,
      signing: { required: true, keys: [{ key: 'ab'.repeat(16), salt: undefined }] },
    });
    const fields = new Fields(['accept', ACCEPT.webp, 'dpr', '2']);
    const kinds = new Map<string, number>();
    for (let i = 0; i < 20_000; i += 1) {
      const target = normalisePath(mutated(random, BASES[grammar]!));
      if (target === undefined) continue;
      const reading = plain.read(target, fields, 0);
      kinds.set(reading.kind, (kinds.get(reading.kind) ?? 0) + 1);
      expect(plain.read(target, fields, 0)).toEqual(reading);
      expect(guarded.read(target, fields, 0)).toMatchObject({ kind: 'refused' });
      if (reading.kind === 'refused') {
        expect(reading.why).toMatch(/^[A-Za-z][\x20-\x7e]*\.$/);
        continue;
      }
      const { path, query } = reading.original;
      expect(normalisePath(query === '' ? path : `${path}?${query}`)).toEqual({ path, query });
      expect(query).toBe('');
      if (reading.kind !== 'variant') continue;
      expect(specOf(parseSpec(reading.spec))).toBe(reading.spec);
      expect(parseSpec(reading.spec)).toEqual(reading.variant);
      const { width = 1, height = 1, overlay } = reading.variant;
      expect(width >= 1 && width <= 4096 && height >= 1 && height <= 4096).toBe(true);
      if (overlay !== undefined) expect(overlay.path).toMatch(/^\/logos\/|^\/mark\.png$/);
    }
    expect(kinds.get('refused')).toBeGreaterThan(100);
    expect(kinds.get('variant')).toBeGreaterThan(100);
  });

  function mutated(random: Random, bases: readonly string[]): string {
    let text = bases[random.u32() % bases.length]!;
    for (let edits = random.u32() % 4; edits > 0; edits -= 1) {
      const at = random.u32() % (text.length + 1);
      const cut = random.u32() % 3 === 0 ? random.u32() % 6 : 0;
      const all = [...BITS, ...WORDS];
      const bit = random.u32() % 4 === 0 ? '' : all[random.u32() % all.length]!;
      text = text.slice(0, at) + bit + text.slice(at + cut);
    }
    return text;
  }

  test('the longest addresses take no time to speak of', () => {
    const long = 8000;
    for (const [grammar, text] of [
      ['imgproxy', `/_/${'='.repeat(long)}x`],
      ['imgproxy', `/_/${'%3D'.repeat(long)}x`],
      ['imgproxy', `/_/${'w:1/'.repeat(long)}plain/a.jpg`],
      ['imgproxy', `/_/pr${':p'.repeat(long)}/plain/a.jpg`],
      ['imgix', `/a.jpg?${'w'.repeat(long)}&bg=rgb(${'+'.repeat(long)}`],
      ['imgix', `/a.jpg?${'&s'.repeat(long)}`],
      ['imgix', `/a.jpg?crop=${'top,'.repeat(long)}top&w=1`],
      ['cloudflare', `/cdn-cgi/image/${'onerror=redirect,'.repeat(long)}w=1/a.jpg`],
      ['next', `/_next/image?url=${'%2F'.repeat(long)}&w=1&q=1`],
    ] as const) {
      const reader = createReader({ ...RULES, grammar, presets: { p: 'w=1' } });
      const target = normalisePath(text)!;
      // Were any of them quadratic, this would be minutes.
      for (let i = 0; i < 20; i += 1) reader.read(target, new Fields(), i);
    }
  });

  test('addresses that mean the same have the same text, in any grammar', () => {
    const same = [
      specAt('/a.jpg?w=400&h=300&fit=min&crop=top&q=80&fm=webp'),
      specAt('/a.jpg?fm=webp&q=80&h=300&crop=top&fit=min&w=400'),
      specAt(
        '/a.jpg?w=%34%300&h=150&h&fit=min'
          .replace('&h&', '&')
          .replace('h=150', 'h=300&crop=top&q=80&fm=webp'),
      ),
      specAt('/a.jpg?w=200&h=150&dpr=2&fit=min&crop=top&q=80&fm=webp&rot=0&flop'),
      specAt('/cdn-cgi/image/w=400,h=300,fit=crop,g=top,q=80,f=webp/a.jpg', {
        rules: { grammar: 'cloudflare' },
      }),
      specAt('/_/rs:fill:400:300/g:no/q:80/f:webp/plain/a.jpg', { rules: { grammar: 'imgproxy' } }),
      specAt('/_/g:no/q:80/w:400/h:300/rt:fill/YS5qcGc.webp', { rules: { grammar: 'imgproxy' } }),
    ];
    expect(new Set(same)).toEqual(new Set(['~w=400,h=300,fit=cover,at=north,q=80,f=webp']));
  });
});

test('a text of options is judged as in an address', () => {
  expect(optionsMistake('w=400&fit=crop', RULES)).toBeUndefined();
  expect(optionsMistake('ar=16:9&fit=crop', RULES)).toBeUndefined();
  expect(optionsMistake('w=wide', RULES)).toBe('w is not a number; it goes from 0.5 to 65535.');
  expect(optionsMistake('wdth=4', RULES)).toBe(
    'There is a name in it that is no option of the grammar imgix.',
  );
  expect(optionsMistake('preset=a', RULES)).toBe('preset belongs into addresses only.');
  expect(optionsMistake('fm=avif', { ...RULES, formats: ['jpeg'] })).toContain('The format avif');
  expect(optionsMistake('blur=9', { ...RULES, operations: [] })).toContain('Options for blur');
});
