import { expect, test } from 'bun:test';
import { replaceSection, table } from './markdown.ts';

test('a table is padded, its figures aligned to the right', () => {
  expect(
    table(
      ['server', 'us'],
      [
        ['nginx', '11.7'],
        ['h', '8'],
      ],
    ),
  ).toBe('| server |   us |\n| ------ | ---: |\n| nginx  | 11.7 |\n| h      |    8 |');
});

test('a section is appended once and then replaced, and the rest stays', () => {
  const first = replaceSection('# Results\n\nintro\n', 'a', 'one');
  const both = replaceSection(first, 'b', 'two');
  expect(both).toBe(
    '# Results\n\nintro\n\n<!-- a:begin -->\n\none\n\n<!-- a:end -->\n\n<!-- b:begin -->\n\ntwo\n\n<!-- b:end -->\n',
  );
  const changed = replaceSection(both, 'a', 'uno\n');
  expect(changed).toBe(both.replace('one', 'uno'));
  expect(replaceSection(changed, 'a', 'uno')).toBe(changed);
});

test('half a pair of markers is refused', () => {
  expect(() => replaceSection('<!-- a:begin -->\n', 'a', 'x')).toThrow('not a pair');
  expect(() => replaceSection('<!-- a:end --><!-- a:begin -->', 'a', 'x')).toThrow('not a pair');
});
