import { describe, expect, test } from 'bun:test';
import { demoImage } from './images.fixture.ts';
import { type Asked, mixOf, wishOf, workingSetBytes } from './mix.ts';

const ORIGINAL = demoImage('originals/000-lake.jpg', 1_200, 800);
const READY = demoImage('photos/001-alps.webp', 300, 200);

describe('what the demo asks for', () => {
  test('of an original: variants in sizes and formats; of everything else: the image, byte for byte', () => {
    const [original, ready] = mixOf([ORIGINAL, READY]) as [Asked, Asked];
    const targets = new Set(original.wishes.map(({ target }) => target));
    expect(targets.size).toBeGreaterThan(3);
    for (const target of targets)
      expect(target).toMatch(/^\/images\/originals\/000-lake\.jpg\?w=\d+&.*auto=format$/);
    expect(new Set(original.wishes.map(({ accept }) => accept)).size).toBe(3);
    expect(original.wishes.every(({ sizeBytes }) => sizeBytes === undefined)).toBeTrue();
    expect(ready.wishes).toEqual([
      { target: '/images/photos/001-alps.webp', accept: 'image/*', sizeBytes: READY.sizeBytes, share: 1 },
    ]);
  });

  test('thumbnails, webcams, drawings and what moves are asked for as they are', () => {
    const images = [
      demoImage('thumbs/1.jpg', 1_200, 800),
      demoImage('webcams/1.jpg', 1_200, 800),
      { ...demoImage('a/1.svg', 1_200, 800), type: 'image/svg+xml' },
      { ...demoImage('a/1.gif', 1_200, 800), type: 'image/gif' },
    ];
    for (const { wishes } of mixOf(images)) expect(wishes).toMatchObject([{ share: 1 }]);
  });

  test('is as likely as its share says', () => {
    const [original] = mixOf([ORIGINAL]) as [Asked];
    expect(original.wishes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    const steps = 10_000;
    const counts = new Map<unknown, number>();
    for (let i = 0; i < steps; i += 1) {
      const wish = wishOf(original, i / steps);
      counts.set(wish, (counts.get(wish) ?? 0) + 1);
    }
    for (const wish of original.wishes)
      expect(Math.abs(counts.get(wish)! / steps - wish.share)).toBeLessThan(2 / steps);
  });

  test('is never more than a machine can make: of many large photographs, only some have variants made', () => {
    const photographs = Array.from({ length: 100 }, (_, i) => demoImage(`a/${i}.jpg`, 6_000, 4_000));
    const made = mixOf(photographs).filter(({ wishes }) => wishes.length > 1).length;
    expect(made).toBeWithin(1, 5);
  });

  test('takes the room of the images and of their variants', () => {
    expect(workingSetBytes([READY])).toBeWithin(READY.sizeBytes, READY.sizeBytes + 2_000);
    expect(workingSetBytes([ORIGINAL])).toBeGreaterThan(ORIGINAL.sizeBytes + 100_000);
  });
});
