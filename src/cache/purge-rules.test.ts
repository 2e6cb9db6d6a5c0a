import { describe, expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import { PURGE_RULES_MAX, type PurgePattern, PurgeRules, tagsOf } from './purge-rules.ts';

interface Response {
  readonly route: string;
  readonly host: string | undefined;
  readonly resource: string;
  readonly variant: string;
  readonly tags: readonly string[];
  readonly storedS: number;
}

const pick = <T>(random: Random, list: readonly T[]): T => list[random.u32() % list.length]!;
const ROUTES = ['photos', 'icons'];
const HOSTS = [undefined, 'a.test', 'b.test'];
const RESOURCES = ['/', '/a', '/a/b.jpg', '/a/b.jpg?w=1', '/a/c/d.png', '/b', '/b/b.jpg', '/ab'];
const TAGS = ['sale', 'news', 'x'];

function response(random: Random): Response {
  return {
    route: pick(random, ROUTES),
    host: pick(random, HOSTS),
    resource: pick(random, RESOURCES),
    variant: pick(random, ['', ' accept:image/webp']),
    tags: TAGS.filter(() => random.next() < 0.3),
    storedS: 100 + (random.u32() % 20),
  };
}

const primaryOf = ({ route, host, resource }: Response): string =>
  `${route} ${host === undefined ? '' : `${host} `}${resource}`;
const headOf = ({ tags }: Response): string =>
  `Content-Type: image/png\r\nSurrogate-Key: ${tags.slice(0, 1).join(' ')}\r\ncache-tag: ${tags.slice(1).join(', ')}\r\n\r\n`;

function pattern(random: Random): PurgePattern {
  const kind = pick(random, ['url', 'prefix', 'route', 'tag', 'all'] as const);
  switch (kind) {
    case 'url':
      return { kind, key: primaryOf(response(random)) };
    case 'prefix':
      return {
        kind,
        routes: ROUTES.filter(() => random.next() < 0.7),
        host: pick(random, HOSTS),
        path: pick(random, RESOURCES),
      };
    case 'route':
      return { kind, route: pick(random, ROUTES) };
    case 'tag':
      return { kind, tag: pick(random, TAGS) };
    case 'all':
      return { kind };
  }
}

/** What a pattern means, written down once more. */
function isMeant(pattern: PurgePattern, one: Response): boolean {
  switch (pattern.kind) {
    case 'url':
      return primaryOf(one) === pattern.key;
    case 'prefix':
      return (
        pattern.routes.includes(one.route) &&
        one.resource.startsWith(pattern.path) &&
        (pattern.host === undefined || one.host === undefined || one.host === pattern.host)
      );
    case 'route':
      return one.route === pattern.route;
    case 'tag':
      return one.tags.includes(pattern.tag);
    case 'all':
      return true;
  }
}

describe('purge rules', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'seed %i: equal to going through the list of all purges, also after a restart',
    (seed) => {
      const random = seededRandom(seed);
      let rules = new PurgeRules();
      let list: { soft: boolean; atS: number; pattern: PurgePattern }[] = [];
      for (let step = 0; step < 300; step += 1) {
        const roll = random.next();
        if (roll < 0.1) {
          const rule = {
            soft: random.next() < 0.5,
            atS: 100 + Math.floor(step / 15),
            pattern: pattern(random),
          };
          rules.add(rule.pattern, rule.soft, rule.atS);
          list.push(rule);
        } else if (roll < 0.12) {
          const oldestS = 90 + Math.floor(step / 15);
          rules.retire(oldestS);
          list = list.filter(({ atS }) => atS >= oldestS);
        } else if (roll < 0.14) {
          const restored = PurgeRules.restore(`${rules.serialise()}{"v":1,"id":9`);
          expect(restored.unreadable).toBe(1);
          rules = restored.rules;
        }
        const one = response(random);
        const meant = list.filter((rule) => one.storedS <= rule.atS && isMeant(rule.pattern, one));
        const found = rules.matches(primaryOf(one) + one.variant, () => headOf(one), one.storedS);
        const expected = meant.length === 0 ? undefined : meant.every(({ soft }) => soft) ? 'soft' : 'hard';
        expect(found === undefined ? undefined : found.soft ? 'soft' : 'hard').toBe(expected as never);
      }
      expect(rules.all().length).toBe(rules.size);
    },
  );

  test('what was stored in the second of the purge counts as older, what came in the next does not', () => {
    const rules = new PurgeRules();
    rules.add({ kind: 'all' }, false, 50);
    expect(rules.matches('r /a', () => '', 50)).toBeDefined();
    expect(rules.matches('r /a', () => '', 51)).toBeUndefined();
  });

  test.each(['url', 'tag', 'mixed'])(
    'with too many of kind %s they become broader, and none is lost',
    (kind) => {
      const rules = new PurgeRules();
      const urls = (n: number): string => `r /${n % 7}/${n % 50}/${n}.jpg`;
      const count = PURGE_RULES_MAX * 2.5;
      for (let n = 0; n < count; n += 1) {
        const byTag = kind === 'tag' || (kind === 'mixed' && n % 10 === 0);
        rules.add(byTag ? { kind: 'tag', tag: `t${n}` } : { kind: 'url', key: urls(n) }, n % 3 === 0, n);
        if (n % 1000 === 0) expect(rules.patterns).toBeLessThanOrEqual(PURGE_RULES_MAX);
      }
      for (let n = 0; n < count; n += 97) {
        const byTag = kind === 'tag' || (kind === 'mixed' && n % 10 === 0);
        const head = (): string => (byTag ? `Cache-Tag: t${n}\r\n` : '');
        const found = rules.matches(byTag ? 'r /none' : urls(n), head, n);
        expect(found).toBeDefined();
        if (n % 3 !== 0) expect(found!.soft).toBe(false);
      }
      // What is younger than all of them is nobody's.
      expect(rules.matches(urls(1), () => 'Cache-Tag: t1\r\n', count + 1)).toBeUndefined();
      // Few URLs of one folder do not cost those of another route.
      if (kind === 'url') expect(rules.matches('other /0/0/0.jpg', () => '', 0)).toBeUndefined();
    },
  );

  test('a file of another version, or of something else, is passed over', () => {
    const text = '{"v":2,"id":1,"atS":1,"soft":false,"pattern":{"kind":"all"}}\nnull\n{"v":1}\n\n';
    expect(PurgeRules.restore(text)).toMatchObject({ unreadable: 3 });
  });

  test('tags are read from both fields, in any case, parted by blanks and commas', () => {
    expect(tagsOf('ETag: "a"\r\nSURROGATE-KEY: a  b,c\r\nCache-Tag:d\r\nX-Cache-Tag: e\r\n\r\n')).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });
});
