import type { Case } from './case.ts';
import { STORING } from './cases-storing.ts';
import { USING } from './cases-using.ts';
import { DEPARTURES } from './departures.ts';

/** All cases. */
export const CASES: readonly Case[] = [...STORING, ...USING];

/** docs/conformance.md: what is held, by section, and what is not. The test runs every case and compares the page. */
export function conformanceDoc(): string {
  const sections = new Map<string, Case[]>();
  for (const one of [...CASES].sort((a, b) => order(a.rfc, b.rfc))) {
    const cases = sections.get(one.rfc);
    if (cases === undefined) sections.set(one.rfc, [one]);
    else cases.push(one);
  }
  const held = [...sections].map(([rfc, cases]) => {
    const rows = cases.map(
      (one) => `| \`${one.id}\` | ${one.says}${one.types ? ` (${one.types.join(', ')})` : ''} |`,
    );
    return `### ${heading(rfc)}\n\n| case | what is held |\n|---|---|\n${rows.join('\n')}\n`;
  });
  const departures = DEPARTURES.map((one) => `| ${heading(one.rfc)} | ${one.what} | ${one.why} |`);
  return `# Conformance

Generated from \`test/conformance/\` by \`npm run docs\`. Each of the ${CASES.length} cases is run by \`npm test\` over sockets, against a node with
the default configuration: with a text and with an image, unless it names a type.

## What is done otherwise, and why

| section | what | why |
|---|---|---|
${departures.join('\n')}

## What is held

${held.join('\n')}`;
}

function heading(rfc: string): string {
  const [number, section] = rfc.split(' ');
  return `[RFC ${number}, section ${section}](https://www.rfc-editor.org/rfc/rfc${number}#section-${section})`;
}

function order(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
