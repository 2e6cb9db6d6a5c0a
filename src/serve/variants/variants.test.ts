import { describe, expect, test } from 'bun:test';
import { Harness, type HarnessOptions, noise } from '../../../test/support/harness.ts';
import type { Reader } from '../../../test/support/reader.ts';
import { ScriptedTransformer } from '../../../test/support/scripted-transformer.ts';

/** Variants on the request path: which bytes, from where, for how long, and what happens when they cannot be made. */

const IMAGES = 'images: { onFailure: error }';
const FRESH = { 'cache-control': 'max-age=60', 'content-type': 'image/jpeg', etag: '"v1"' };

class Studio extends Harness {
  readonly transformer: ScriptedTransformer;

  constructor(options: HarnessOptions = {}) {
    const transformer = new ScriptedTransformer();
    super({ route: IMAGES, ...options, transformer });
    this.transformer = transformer;
  }

  /** Lets what was put off happen. */
  settle(): void {
    this.clock.advance(1);
  }

  /** Asks for a variant, and lets the origin answer if it is asked. */
  want(target: string, fields: Record<string, string> = {}): Reader {
    const reader = this.ask(target, { fields });
    this.settle();
    return reader;
  }

  /** Stores an original. */
  original(target = '/a.jpg', body = 'original', fields: Record<string, string> = FRESH): void {
    this.fill(target, { fields }, body);
  }

  override finish(): void {
    super.finish();
    this.settle();
    expect(this.transformer.held).toBe(0);
  }
}

describe('a variant', () => {
  test('is made of one fetch of its original, stored, and a hit from then on', () => {
    const h = new Studio();
    const first = h.want('/a.jpg?w=100&auto=format', { accept: 'image/webp,*/*' });
    expect(h.last.request.target).toBe('/a.jpg');
    h.last.answer({ fields: FRESH }, Buffer.from('original'));
    h.settle();
    expect(h.transformer.last.job.variant).toMatchObject({ width: 100, output: 'auto-webp' });
    expect(Buffer.from(h.transformer.last.job.original).toString()).toBe('original');
    h.transformer.last.make('webp!');
    expect(first.status).toBe(200);
    expect(first.body.toString()).toBe('webp!');
    expect(first.fields.get('content-type')).toBe('image/webp');
    expect(first.fields.get('cache-control')).toBe('max-age=60');
    expect(first.fields.get('vary')).toBe('Accept');
    expect(first.fields.get('etag')).toMatch(/^"[\w-]{22}"$/);
    expect(first.fields.get('holdfast-image')).toBe('width=4, height=3, original-bytes=8');
    const again = h.want('/a.jpg?w=100&auto=format', { accept: 'image/webp;q=0.9,image/png' });
    expect(again.body.toString()).toBe('webp!');
    expect(again.cacheStatus).toContain('hit');
    expect(h.origin.calls.length).toBe(1);
    expect(h.transformer.calls.length).toBe(1);
    h.finish();
  });

  test('costs no second fetch, whatever the number of variants asked for at once', () => {
    const h = new Studio();
    const readers = [10, 20, 30, 40, 50].map((w) => h.want(`/a.jpg?w=${w}`));
    const plain = h.ask('/a.jpg');
    const same = h.want('/a.jpg?w=10');
    expect(h.origin.calls.length).toBe(1);
    h.last.answer({ fields: FRESH }, Buffer.from('original'));
    h.settle();
    expect(h.transformer.calls.length).toBe(5);
    for (const call of h.transformer.calls) call.make(`w${call.job.variant.width}`);
    expect(readers.map((reader) => reader.body.toString())).toEqual(['w10', 'w20', 'w30', 'w40', 'w50']);
    expect(plain.body.toString()).toBe('original');
    expect(same.body.toString()).toBe('w10');
    h.finish();
  });

  test('says when it is larger than its original, or the original itself', () => {
    const h = new Studio();
    h.original('/a.jpg', 'tiny');
    const larger = h.want('/a.jpg?w=100');
    h.transformer.last.make('not so tiny');
    expect(larger.fields.get('holdfast-image')).toContain('larger');
    const kept = h.want('/a.jpg?fm=jpeg');
    h.transformer.last.make('tiny', { isOriginal: true, contentType: 'image/jpeg' });
    expect(kept.fields.get('holdfast-image')).toContain('original');
    h.finish();
  });

  test('answers conditions, ranges and HEAD like anything stored', () => {
    const h = new Studio();
    h.original();
    const head = h.ask('/a.jpg?w=10', { method: 'HEAD' });
    h.settle();
    h.transformer.last.make('0123456789');
    expect([head.status, head.body.toString()]).toEqual([200, '']);
    const etag = head.fields.get('etag')!;
    expect(h.want('/a.jpg?w=10', { 'if-none-match': etag }).status).toBe(304);
    const part = h.want('/a.jpg?w=10', { range: 'bytes=2-4' });
    expect([part.status, part.body.toString()]).toEqual([206, '234']);
    h.finish();
  });

  test('is the same for those who send credentials: the origin does not see them', () => {
    const h = new Studio();
    const reader = h.want('/a.jpg?w=10', { authorization: 'Bearer secret' });
    expect(h.last.request.fields.get('authorization')).toBeUndefined();
    h.last.answer({ fields: FRESH }, Buffer.from('original'));
    h.settle();
    h.transformer.last.make('small');
    expect(reader.body.toString()).toBe('small');
    expect(h.want('/a.jpg?w=10').cacheStatus).toContain('hit');
    h.finish();
  });

  test('of a missing original is missing, for as long as that is', () => {
    const h = new Studio();
    const reader = h.want('/gone.jpg?w=10');
    h.last.answer({ status: 404, fields: { 'cache-control': 'max-age=9' } }, Buffer.from('no'));
    h.settle();
    expect([reader.status, reader.body.toString()]).toEqual([404, 'no']);
    expect(h.want('/gone.jpg?w=10').cacheStatus).toContain('hit');
    expect(h.transformer.calls).toEqual([]);
    h.finish();
  });

  test('of an original that nobody may transform is that original', () => {
    const h = new Studio();
    const reader = h.want('/a.jpg?w=10&auto=format');
    h.last.answer(
      { fields: { ...FRESH, 'cache-control': 'max-age=60, no-transform' } },
      Buffer.from('original'),
    );
    h.settle();
    expect([reader.status, reader.body.toString()]).toEqual([200, 'original']);
    expect(reader.fields.get('content-type')).toBe('image/jpeg');
    expect(h.want('/a.jpg?w=10&auto=format').cacheStatus).toContain('hit');
    expect(h.transformer.calls).toEqual([]);
    h.finish();
  });

  test('of an original that no cache may keep is not kept', () => {
    const h = new Studio();
    const reader = h.want('/a.jpg?w=10');
    h.last.answer({ fields: { ...FRESH, 'cache-control': 'no-store' } }, Buffer.from('original'));
    h.settle();
    h.transformer.last.make('small');
    expect(reader.body.toString()).toBe('small');
    h.want('/a.jpg?w=10');
    expect(h.origin.calls.length).toBe(2);
    h.finish();
  });

  test('of an address that is refused says why', () => {
    const h = new Studio();
    const reader = h.ask('/a.jpg?w=abc');
    expect(reader.status).toBe(400);
    expect(reader.body.toString()).toMatch(/^400 The image options .*\(image-options\)\nw is not a number/);
    h.finish();
  });
});

describe('an original that changes', () => {
  test('is validated, and its variants with it: nothing is made anew', () => {
    const h = new Studio();
    h.original();
    h.want('/a.jpg?w=10');
    h.transformer.last.make('small');
    h.clock.advance(61_000);
    const reader = h.want('/a.jpg?w=10');
    expect(h.last.request.fields.get('if-none-match')).toBe('"v1"');
    h.last.answer({ status: 304, fields: { 'cache-control': 'max-age=90', etag: '"v1"' } });
    h.settle();
    expect(reader.body.toString()).toBe('small');
    expect(reader.fields.get('cache-control')).toBe('max-age=90');
    expect(h.transformer.calls.length).toBe(1);
    expect(h.want('/a.jpg?w=10').cacheStatus).toContain('hit');
    h.finish();
  });

  test('gives new variants', () => {
    const h = new Studio();
    h.original();
    const before = h.want('/a.jpg?w=10');
    h.transformer.last.make('small');
    h.clock.advance(61_000);
    const reader = h.want('/a.jpg?w=10');
    h.last.answer({ fields: { ...FRESH, etag: '"v2"' } }, Buffer.from('another'));
    h.settle();
    h.transformer.last.make('new');
    expect(reader.body.toString()).toBe('new');
    expect(reader.fields.get('etag')).not.toBe(before.fields.get('etag'));
    h.finish();
  });

  test('without validators is told by its bytes', () => {
    const h = new Studio();
    const { etag: _, ...fields } = FRESH;
    h.original('/a.jpg', 'original', fields);
    h.want('/a.jpg?w=10');
    h.transformer.last.make('small');
    h.clock.advance(61_000);
    const reader = h.want('/a.jpg?w=10');
    h.last.answer({ fields }, Buffer.from('original'));
    h.settle();
    expect(reader.body.toString()).toBe('small');
    expect(h.transformer.calls.length).toBe(1);
    h.finish();
  });

  test('takes its variants along when it is purged, by whatever', () => {
    for (const target of [{ url: '/a.jpg' }, { prefix: '/a' }, { tag: 'sale' }, { url: '/a.jpg?w=10' }]) {
      const h = new Studio();
      h.original('/a.jpg', 'original', { ...FRESH, 'surrogate-key': 'sale' });
      h.want('/a.jpg?w=10');
      h.transformer.last.make('small');
      expect(h.purge(target)).toBe(2);
      h.want('/a.jpg?w=10');
      expect(h.origin.calls.length).toBe(2);
      h.finish();
    }
  });

  test('takes its variants along when it is written', () => {
    const h = new Studio();
    h.original();
    h.want('/a.jpg?w=10');
    h.transformer.last.make('small');
    h.ask('/a.jpg', { method: 'DELETE' });
    h.last.answer({ status: 204 });
    h.want('/a.jpg?w=10');
    expect(h.last.request.method).toBe('GET');
    h.finish();
  });
});

describe('a variant that cannot be made', () => {
  test('is an error with a code, and is not tried again at once', () => {
    const h = new Studio();
    h.original();
    const reader = h.want('/a.jpg?w=10');
    h.transformer.last.fail('truncated');
    expect(reader.status).toBe(422);
    expect(reader.body.toString()).toContain('(image-truncated)');
    expect(reader.cacheStatus).toContain('image-truncated');
    expect(h.want('/a.jpg?w=10').status).toBe(422);
    expect(h.transformer.calls.length).toBe(1);
    h.clock.advance(31_000);
    h.want('/a.jpg?w=10');
    h.transformer.last.make('well');
    expect(h.transformer.calls.length).toBe(2);
    h.finish();
  });

  test('is tried again at once after a purge', () => {
    const h = new Studio();
    h.original();
    h.want('/a.jpg?w=10');
    h.transformer.last.fail('corrupt');
    h.purge({ url: '/a.jpg' });
    const reader = h.want('/a.jpg?w=10');
    h.last.answer({ fields: FRESH }, Buffer.from('mended'));
    h.settle();
    h.transformer.last.make('well');
    expect(reader.body.toString()).toBe('well');
    h.finish();
  });

  test('for want of a turn says so, and may be asked for at once', () => {
    const h = new Studio();
    h.original();
    h.transformer.full = { cause: 'queue-full', detail: '500 wait' };
    const reader = h.want('/a.jpg?w=10');
    expect([reader.status, reader.fields.get('retry-after')]).toEqual([503, '1']);
    h.transformer.full = undefined;
    const next = h.want('/a.jpg?w=10');
    h.transformer.last.make('well');
    expect(next.body.toString()).toBe('well');
    h.finish();
  });

  test('is answered for by the stale one, where there is one', () => {
    const h = new Studio({ route: 'images: { onFailure: original }' });
    h.original();
    h.want('/a.jpg?w=10');
    h.transformer.last.make('small');
    h.clock.advance(61_000);
    const reader = h.want('/a.jpg?w=10');
    h.last.answer({ fields: { ...FRESH, etag: '"v2"' } }, Buffer.from('broken'));
    h.settle();
    h.transformer.last.fail('corrupt');
    expect(reader.body.toString()).toBe('small');
    expect(reader.cacheStatus).toContain('image-corrupt');
    h.finish();
  });

  test('is answered for by the stale one when the origin is dead', () => {
    const h = new Studio();
    h.original();
    h.want('/a.jpg?w=10');
    h.transformer.last.make('small');
    h.purge({ url: '/a.jpg' }, true);
    h.clock.advance(61_000);
    const reader = h.want('/a.jpg?w=10');
    h.last.fail('refused');
    h.settle();
    expect(reader.body.toString()).toBe('small');
    expect(reader.cacheStatus).toContain('stale-if-error origin-refused');
    h.finish();
  });

  test('is answered for by its original where the route says so: marked, short-lived, and not stored', () => {
    const h = new Studio({ route: 'images: { onFailure: original, fallbackLifetime: 7s }' });
    h.original();
    const reader = h.want('/a.jpg?w=10');
    h.transformer.last.fail('timeout');
    expect([reader.status, reader.body.toString()]).toEqual([200, 'original']);
    expect(reader.fields.get('cache-control')).toBe('public, max-age=7');
    expect(reader.fields.get('holdfast-image')).toBe('fallback=image-timeout');
    expect(reader.fields.get('etag')).toBeUndefined();
    expect(h.bookingOf(reader).served.cause).toBe('image-timeout');
    const next = h.want('/a.jpg?w=10');
    expect(next.body.toString()).toBe('original');
    expect(next.cacheStatus).not.toContain('hit');
    expect(h.transformer.calls.length).toBe(1);
    h.clock.advance(31_000);
    const later = h.want('/a.jpg?w=10');
    h.transformer.last.make('well');
    expect(later.body.toString()).toBe('well');
    h.finish();
  });

  test('is answered for by its original to a slow client as well, with little room for what is on its way', () => {
    for (const size of [900_000, 3_000_000]) {
      const h = new Studio({ route: 'images: { onFailure: original }', spoolBytes: 100_000 });
      const reader = h.ask('/a.jpg?w=10', { pace: 'held' });
      h.settle();
      const body = noise(1, size);
      h.last.answer({ fields: { ...FRESH, 'content-type': 'image/png' } }, body);
      h.settle();
      // The larger one is above what may be transformed.
      if (size < 2 ** 20) h.transformer.last.fail('truncated');
      while (reader.state === 'waiting' || reader.state === 'reading') {
        const before = reader.state === 'reading' ? reader.body.length : -1;
        for (let i = 0; i < 20; i += 1) {
          reader.pump(1);
          h.settle();
        }
        if (reader.state === 'reading') expect(reader.body.length).toBeGreaterThan(before);
      }
      expect(reader.body.equals(body)).toBe(true);
      h.finish();
    }
  });

  test('of what is no image is no image: a login page stands in for nothing', () => {
    const h = new Studio({ route: 'images: { onFailure: original }' });
    const reader = h.want('/a.jpg?w=10');
    h.last.answer({ fields: { 'content-type': 'text/html' } }, Buffer.from('<html>'));
    h.settle();
    h.transformer.last.fail('not-image');
    expect(reader.status).toBe(502);
    h.finish();
  });

  test('because the origin failed is booked as that', () => {
    const h = new Studio();
    const reader = h.want('/a.jpg?w=10');
    h.last.fail('tls');
    h.settle();
    expect(reader.status).toBe(502);
    expect(h.bookingOf(reader).served.cause).toBe('origin-tls');
    h.finish();
  });

  test('of an original that breaks off, or is too large, gives back what it holds', () => {
    const h = new Studio();
    const broken = h.want('/a.jpg?w=10');
    h.last.head({ fields: FRESH, bodyBytes: 100 }).data(Buffer.from('half')).fail('truncated');
    h.settle();
    expect(broken.body.toString()).toContain('origin-truncated');
    const large = h.want('/b.jpg?w=10');
    h.last.head({ fields: FRESH, bodyBytes: 2 ** 21 });
    h.settle();
    expect(large.body.toString()).toContain('image-too-many-bytes');
    h.finish();
  });

  test('because its client has gone is made all the same, for the next one', () => {
    const h = new Studio();
    h.original();
    const gone = h.want('/a.jpg?w=10');
    gone.leave();
    h.transformer.last.make('small');
    expect(h.want('/a.jpg?w=10').body.toString()).toBe('small');
    expect(h.transformer.calls.length).toBe(1);
    h.finish();
  });
});

describe('a provisional variant', () => {
  const route = 'images: { onFailure: error, provisional: [avif], provisionalLifetime: 30s }';
  const AVIF = { accept: 'image/avif,image/webp' };

  test('is served at once, for a short time, and replaced in the background', () => {
    const h = new Studio({ route });
    h.original();
    const first = h.want('/a.jpg?auto=format', AVIF);
    expect(h.transformer.last.job).toMatchObject({ provisional: true, background: false });
    h.transformer.last.make('webp', { provisional: true });
    expect(first.fields.get('cache-control')).toBe('public, max-age=30');
    expect(first.fields.get('holdfast-image')).toContain('provisional');
    h.settle();
    h.settle();
    expect(h.transformer.last.job).toMatchObject({ provisional: false, background: true });
    expect(h.want('/a.jpg?auto=format', AVIF).body.toString()).toBe('webp');
    h.transformer.last.make('avif', { contentType: 'image/avif' });
    const second = h.want('/a.jpg?auto=format', AVIF);
    expect(second.body.toString()).toBe('avif');
    expect(second.fields.get('cache-control')).toBe('max-age=60');
    expect(h.transformer.calls.length).toBe(2);
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });

  test('of an old original is young itself, and improved at once as well', () => {
    const h = new Studio({ route });
    h.original();
    h.clock.advance(50_000);
    const first = h.want('/a.jpg?auto=format', AVIF);
    h.transformer.last.make('webp', { provisional: true });
    expect(first.fields.get('cache-control')).toBe('public, max-age=10');
    // Who counts from Date would else find it stale.
    expect(Date.parse(first.fields.get('date')!)).toBe(h.nowS * 1000);
    h.settle();
    h.settle();
    expect(h.transformer.last.job).toMatchObject({ background: true });
    h.transformer.last.make('avif');
    h.finish();
  });

  test('stays when the better one cannot be made, and is tried again when it is stale', () => {
    const h = new Studio({ route });
    h.original();
    h.want('/a.jpg?auto=format', AVIF);
    h.transformer.last.make('webp', { provisional: true });
    h.settle();
    h.settle();
    h.transformer.last.fail('timeout');
    h.clock.advance(31_000);
    expect(h.want('/a.jpg?auto=format', AVIF).body.toString()).toBe('webp');
    h.settle();
    expect(h.transformer.calls.length).toBe(3);
    h.transformer.last.make('avif');
    expect(h.want('/a.jpg?auto=format', AVIF).body.toString()).toBe('avif');
    h.finish();
  });
});

test('an overlay is an image of this node, and part of what tells variants apart', () => {
  const h = new Studio({ route: 'images: { onFailure: error, overlays: [/logos/*] }' });
  h.original();
  h.fill('/logos/a.png', { fields: { 'cache-control': 'max-age=60' } }, 'logo');
  const reader = h.want('/a.jpg?w=10&mark=/logos/a.png');
  expect(Buffer.from(h.transformer.last.job.overlay!).toString()).toBe('logo');
  // Room is taken for both, and at once.
  expect(h.transformer.rooms).toEqual(['originallogo'.length]);
  h.transformer.last.make('marked');
  expect(reader.body.toString()).toBe('marked');
  const missing = h.want('/a.jpg?w=10&mark=/logos/b.png');
  h.last.answer({ status: 404 });
  h.settle();
  expect(missing.body.toString()).toContain('image-overlay');
  h.finish();
});

test('an SVG original is never a document that runs', () => {
  const h = new Studio();
  h.original('/a.svg', '<svg/>', { ...FRESH, 'content-type': 'image/svg+xml' });
  const reader = h.ask('/a.svg');
  expect(reader.fields.get('content-security-policy')).toContain('sandbox');
  h.finish();
});

test('a node that makes no variants says so', () => {
  const h = new Harness({ route: IMAGES });
  const reader = h.ask('/a.jpg?w=10');
  h.clock.advance(1);
  h.last.answer({ fields: FRESH }, Buffer.from('original'));
  h.clock.advance(1);
  expect(reader.body.toString()).toContain('image-unavailable');
  h.finish();
});

test('of too many variants, one that was asked for again stays', () => {
  const h = new Studio({ route: 'images: { onFailure: error, variants: { max: 2 } }' });
  h.original();
  h.transformer.onCall = (call) => void h.clock.after(0, () => call.make(`w${call.job.variant.width}`));
  for (const width of [10, 20, 10, 30, 40, 50]) {
    h.want(`/a.jpg?w=${width}`);
    h.settle();
    h.want('/a.jpg?w=10');
  }
  expect(h.want('/a.jpg?w=10').cacheStatus).toContain('hit');
  expect(h.want('/a.jpg?w=50').cacheStatus).toContain('hit');
  expect(h.transformer.calls.length).toBe(5);
  h.finish();
});

test('an original has no more variants than its budget; the one stored first leaves', () => {
  const h = new Studio({ route: 'images: { onFailure: error, variants: { max: 2 } }' });
  h.original();
  h.transformer.onCall = (call) => void h.clock.after(0, () => call.make(`w${call.job.variant.width}`));
  for (const width of [10, 20, 30]) {
    h.want(`/a.jpg?w=${width}`);
    h.settle();
  }
  expect(h.want('/a.jpg?w=30').cacheStatus).toContain('hit');
  expect(h.want('/a.jpg?w=20').cacheStatus).toContain('hit');
  expect(h.want('/a.jpg').cacheStatus).toContain('hit');
  h.want('/a.jpg?w=10');
  h.settle();
  expect(h.transformer.calls.length).toBe(4);
  expect(h.tier.cache.account.removals.crowded).toBe(2);
  h.finish();
});
