import { expect, test } from 'bun:test';
import { normalisePath } from '../http/target.ts';
import { OWN } from './imgix-names.ts';
import { RULES, read } from './rules.fixture.ts';
import { OUTPUT_FORMATS } from './rules.ts';
import { sign } from './signature.ts';

const page = await Bun.file(new URL('../../docs/images.md', import.meta.url)).text();

test('the guide names every option and format of the grammar imgix', () => {
  const [, section = ''] = /^## imgix$([\s\S]*?)^## /m.exec(page) ?? [];
  for (const name of OWN) expect(section).toContain(`\`${name}`);
  for (const format of OUTPUT_FORMATS) expect(section).toContain(`\`${format === 'jpeg' ? 'jpg' : format}\``);
});

test('the code of the guide signs as the node does', async () => {
  const [, code = ''] = /^```js\n([\s\S]*?)^```/m.exec(page) ?? [];
  const sample = (await import(`data:text/javascript;base64,${btoa(code)}`)) as {
    signImage(address: string, key: string, expires?: number): string;
  };
  const key = 'a-key-of-sixteen-characters';
  const rules = { ...RULES, signing: { required: true, keys: [{ key, salt: undefined }] } };
  for (const address of ['/a.jpg', '/a.jpg?w=4', '/a%20b.jpg?w=4&v=%2F']) {
    for (const expires of [undefined, 1000]) {
      const signed = sample.signImage(address, key, expires);
      expect(signed).toBe(sign(rules, normalisePath(address)!, expires)!);
      expect(read(signed, { rules }).kind).not.toBe('refused');
    }
  }
});
