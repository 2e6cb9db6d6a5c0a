import { expect, test } from 'bun:test';
import { escapeHtml } from './html.ts';

test('what could end a text or an attribute is written as a reference', () => {
  expect(escapeHtml(`<a href="x" title='y'>&`)).toBe('&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;');
  expect(escapeHtml('plain, ünïcode 😀\n\t')).toBe('plain, ünïcode 😀\n\t');
});

test('what no document can hold is replaced', () => {
  expect(escapeHtml('a\x00b\x1bc\ud800d\uffff')).toBe('a\ufffdb\ufffdc\ufffdd\ufffd');
});
