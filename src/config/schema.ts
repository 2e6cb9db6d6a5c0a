import { z } from 'zod';
import { OPTIONS } from './options.ts';
import { META, type Meta, unwrap } from './table.ts';

/**
 * The option table as JSON Schema (draft 2020-12), for editors: completion, descriptions, units and bounds while
 * typing. It is less strict than validation, which also sees how options go together.
 */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(OPTIONS, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema: node, path }) => {
      const { core, fallback } = unwrap(zodSchema);
      const meta = META.get(core);
      if (meta === undefined) return;
      node.description = description(meta, fallback);
      // ${NAME} may stand wherever a value may; what it stands for is checked at the start.
      const isKey = path.at(-1) === 'propertyNames';
      if (meta.pattern !== undefined) node.pattern = isKey ? meta.pattern : `${meta.pattern}|\\$\\{`;
      // Called for an option and again for its default around it: the alternatives are made once.
      const isFixed = node.const !== undefined || node.anyOf !== undefined;
      if (!isFixed && ['integer', 'boolean', 'choice'].includes(meta.kind))
        Object.assign(node, orReference(node));
      // A word or a number: one more alternative, once.
      if (meta.kind === 'integer' && node.anyOf?.length === 2 && node.anyOf.every((one) => !isReference(one)))
        node.anyOf.push(REFERENCE);
      if (meta.secret === true && meta.kind === 'text') node.format = 'password';
      if (meta.kind === 'group') delete node.default;
    },
  }) as Record<string, unknown>;
  const { $schema, ...rest } = schema;
  return { $schema, title: 'Holdfast configuration', ...rest };
}

/** As the formatter lays out the rest of the repository. */
const LINE_WIDTH = 110;

/** The committed file: two spaces, short lists in one line, ends in a line break. */
export function jsonSchemaText(): string {
  const text = JSON.stringify(jsonSchema(), undefined, 2);
  const list = /^(.*)\[\n\s+([^[\]{}\n]+(?:,\n\s+[^[\]{}\n]+)*)\n\s+\](,?)/gm;
  const lists = text.replace(list, (broken, before: string, items: string, after: string) => {
    const line = `${before}[${items.replace(/\n\s+/g, ' ')}]${after}`;
    return line.length > LINE_WIDTH ? broken : line;
  });
  return `${lists}\n`;
}

function description(meta: Meta, fallback: unknown): string {
  const parts = [meta.about];
  if (meta.kind !== 'group' && meta.kind !== 'map' && meta.kind !== 'choice')
    parts.push(`Expects ${meta.expects}.`);
  if (meta.defaultNote !== undefined) parts.push(`Default: ${meta.defaultNote}.`);
  else if (fallback !== undefined && meta.kind !== 'group')
    parts.push(`Default: ${JSON.stringify(fallback)}.`);
  return parts.join(' ');
}

/** Moves what a node demands into one of two alternatives, the other being a reference to the environment. */
function orReference(node: Record<string, unknown>): Record<string, unknown> {
  const demands: Record<string, unknown> = {};
  for (const key of ['type', 'enum', 'minimum', 'maximum']) {
    if (node[key] === undefined) continue;
    demands[key] = node[key];
    delete node[key];
  }
  return { anyOf: [demands, REFERENCE] };
}

/** A value out of the environment. */
const REFERENCE = { type: 'string', pattern: '^\\$\\{.*\\}$' } as const;

function isReference(node: object): boolean {
  return 'pattern' in node && node.pattern === REFERENCE.pattern;
}
