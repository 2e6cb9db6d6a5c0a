import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { Fields } from '../http/fields.ts';
import { type AccessFacts, formatAccessLine, formatDroppedLine, maskQuery } from './access-line.ts';

const facts = (more: Partial<AccessFacts> = {}): AccessFacts => ({
  timeMs: 0,
  client: '::1',
  method: 'GET',
  host: 'h',
  target: '/a',
  status: 200,
  outcomeIndex: 0,
  route: 'r',
  sentBytes: 1,
  durationMs: 1,
  originMs: -1,
  whole: true,
  detail: '',
  cause: '',
  fields: new Fields(),
  ...more,
});

describe('an access line', () => {
  test('is one line of JSON and free of control characters, whatever clients send', () => {
    const random = seededRandom(5);
    const anyText = (): string =>
      String.fromCharCode(
        ...Array.from(
          { length: random.u32() % 40 },
          () => random.u32() % (random.next() < 0.8 ? 256 : 65_536),
        ),
      );
    for (let i = 0; i < 3_000; i += 1) {
      const texts = {
        client: anyText(),
        method: anyText(),
        host: anyText(),
        route: anyText(),
        detail: anyText(),
      };
      const target = `/${anyText()}`;
      const line = formatAccessLine(
        facts({ ...texts, target, fields: new Fields(['user-agent', anyText(), 'referer', anyText()]) }),
        1,
      );
      expect(line.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
      expect(line).toEndWith('}\n');
      const parsed = JSON.parse(line);
      expect(parsed.method).toBe(texts.method);
      expect(parsed.host).toBe(texts.host);
      expect(parsed.detail ?? '').toBe(texts.detail);
      expect(parsed.path).toBe(maskQuery(target));
    }
  });

  test('bounds what it takes over', () => {
    const long = 'x'.repeat(100_000);
    const line = formatAccessLine(
      facts({
        target: `/${long}?q=${long}`,
        host: long,
        fields: new Fields(['user-agent', long, 'referer', long]),
      }),
      1,
    );
    expect(line.length).toBeLessThan(3_500);
    expect(JSON.parse(line).userAgent).toHaveLength(259);
  });

  test('has the time in ISO 8601, as Date says it', () => {
    const random = seededRandom(6);
    for (let i = 0; i < 500; i += 1) {
      const timeMs = Math.floor(random.next() * 4e12) - (i % 7 === 0 ? 1e12 : 0);
      expect(JSON.parse(formatAccessLine(facts({ timeMs }), 1)).time).toBe(new Date(timeMs).toISOString());
    }
    expect(
      JSON.parse(formatAccessLine(facts({ timeMs: Number.NaN, durationMs: Number.NaN }), 1)).durationMs,
    ).toBe(0);
    expect(JSON.parse(formatDroppedLine(1_500, 3))).toEqual({
      time: '1970-01-01T00:00:01.500Z',
      event: 'access-log-dropped',
      dropped: 3,
    });
  });

  test('leaves out the query of the referer', () => {
    expect(
      formatAccessLine(
        facts({ fields: new Fields(['referer', 'https://shop.example/cart?session=SECRET#x']) }),
        1,
      ),
    ).toContain('"referer":"https://shop.example/cart"');
  });
});

describe('the masked query', () => {
  test.each([
    ['/a.jpg', '/a.jpg'],
    ['/a.jpg?', '/a.jpg?'],
    ['/a.jpg?w=1200&fmt=webp', '/a.jpg?w=1200&fmt=webp'],
    ['/a.jpg?w=1&sig=abc', '/a.jpg?w=1&sig=~'],
    ['/a.jpg?X-Amz-Signature=0123&w=2', '/a.jpg?X-Amz-Signature=~&w=2'],
    ['/a.jpg?v=0123456789abcdef', '/a.jpg?v=0123456789abcdef'],
    ['/a.jpg?v=0123456789abcdef0', '/a.jpg?v=~'],
    ['/a.jpg?0123456789abcdef0123456789', '/a.jpg?~'],
    ['/a.jpg?Token=x=y', '/a.jpg?Token=~'],
  ])('%s becomes %s', (target, masked) => {
    expect(maskQuery(target)).toBe(masked);
  });
});
