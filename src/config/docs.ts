import { ERROR_CODES, ERRORS } from '../base/errors.ts';
import { type Described, describe } from './describe.ts';

/** The reference pages that are generated from tables: configuration and errors. Markdown, ending in a line break. */

const INTRO = `# Configuration

Generated from the option table (\`src/config/options.ts\`) by \`holdfast config docs\`; do not edit.

One YAML 1.2 file. \`holdfast init <origin>\` writes one to start from, \`holdfast config check <file>\` says everything
that is wrong with one, each mistake with its place and what to do. Everything has a default except what identifies:
\`version\`, the origins and the routes.

- **Sizes** carry a unit: \`512MiB\`, \`2GiB\` (powers of 1024) or \`500MB\` (powers of 1000). A bare number is an error.
- **Durations** carry a unit: \`250ms\`, \`90s\`, \`15m\`, \`12h\`, \`30d\`, \`1h30m\`. A bare number is an error.
- **Environment**: \`\${NAME}\` in a value is replaced, \`\${NAME:-fallback}\` when NAME is unset or empty; a missing variable
  is an error. \`$\${\` stands for the characters themselves. Inside of \`{ }\` and \`[ ]\`, put it in quotes.
- **Unknown keys** are errors, with the key that was probably meant.
- **Takes effect**: *live* options change while the node runs, when it reads the file again: SIGHUP or
  [POST /api/reload](admin.md#post-apireload). *restart* options take effect with the next start; a reload names those that wait for it.
- **Relative paths** start at the directory of the configuration file.

Editors complete and check the file when its first line is
\`# yaml-language-server: $schema=holdfast.schema.json\`; \`holdfast config schema\` prints that schema.

`;

/** Writes the reference of every option: one table per group, in the order of the option table. */
export function configurationDocs(): string {
  const rows = describe();
  let page = INTRO;
  page += tableOf(rows.filter((row) => row.depth === 0 && !isSection(row)));
  // Groups that several types of origin share are described once.
  const sections = new Map(rows.filter(isSection).map((row) => [row.path, row]));
  for (const row of sections.values()) page += sectionOf(row, rows);
  return `${page.trimEnd()}\n`;
}

const isSection = (row: Described): boolean =>
  row.meta.kind === 'group' || row.path === 'origins' || row.path === 'routes';

function sectionOf(section: Described, rows: readonly Described[]): string {
  const prefix =
    section.path === 'origins'
      ? 'origins.<name>.'
      : section.path === 'routes'
        ? 'routes[].'
        : `${section.path}.`;
  const inside = rows.filter(
    (row) => row.path.startsWith(prefix) && /^[^.]+(\[\]\.[^.]+)?$/.test(row.path.slice(prefix.length)),
  );
  let text = `## ${title(section)}\n\n${section.meta.about}\n\n`;
  if (section.path !== 'origins') return text + tableOf(inside.filter((row) => !isSection(row)));
  for (const variant of ['http', 'files', 's3']) {
    text += `### Origins of type ${variant}\n\n`;
    text += tableOf(inside.filter((row) => row.variant === variant && !isSection(row)));
  }
  return text;
}

const title = (row: Described): string => `\`${row.path}\``;

function tableOf(rows: readonly Described[]): string {
  if (rows.length === 0) return '';
  const lines = new Set<string>();
  for (const row of rows) {
    const cells = [
      `\`${row.path}\``,
      row.meta.expects,
      defaultOf(row),
      row.meta.effect ?? '',
      row.meta.about,
    ];
    lines.add(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
  }
  const head = '| Option | Expects | Default | Takes effect | |\n|---|---|---|---|---|';
  return `${head}\n${[...lines].join('\n')}\n\n`;
}

function defaultOf(row: Described): string {
  if (row.meta.defaultNote !== undefined) return row.meta.defaultNote;
  if (row.required) return '**required**';
  if (row.fallback === undefined) return 'none';
  if (Array.isArray(row.fallback)) return `\`[${row.fallback.map((item) => `'${item}'`).join(', ')}]\``;
  return `\`${typeof row.fallback === 'object' ? JSON.stringify(row.fallback) : String(row.fallback)}\``;
}

/** Writes the reference of every error that clients can meet from the node. */
export function errorDocs(): string {
  const lines = [
    '# Errors',
    '',
    'Generated from the catalogue (`src/base/errors.ts`) by `holdfast config docs errors`; do not edit.',
    '',
    'What a client can meet from the node itself. The body is one line of plain text. For requests that are acceptable',
    'HTTP it ends with the code, which is also in the log; for others it is a sentence that says what is malformed.',
    'An error of the origin that is passed on (its 404, its 403) is not among them.',
    '',
    '| Code | Status | The client reads | What happened | What to do |',
    '|---|---|---|---|---|',
  ];
  for (const code of ERROR_CODES) {
    const { status, publicText, meaning, remedy } = ERRORS[code];
    lines.push(`| \`${code}\` | ${status} | ${publicText} | ${meaning} | ${remedy} |`);
  }
  return `${lines.join('\n')}\n`;
}
