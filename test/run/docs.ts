import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationDocs, errorDocs } from '../../src/config/docs.ts';
import { jsonSchemaText } from '../../src/config/schema.ts';
import { metricsDoc } from '../../src/monitor/metrics-doc.ts';
import { ORIGIN_FAILURES } from '../../src/origin/origin.ts';

import { conformanceDoc } from '../conformance/report.ts';

/** `npm run docs`: writes what is generated from the tables of options, errors and metrics. Tests compare it with them. */
const ROOT = join(import.meta.dir, '../..');
const PAGES: Readonly<Record<string, string>> = {
  'docs/conformance.md': conformanceDoc(),
  'docs/reference/configuration.md': configurationDocs(),
  'docs/reference/errors.md': errorDocs(),
  'docs/reference/metrics.md': metricsDoc(ORIGIN_FAILURES),
  'holdfast.schema.json': jsonSchemaText(),
};

for (const [path, text] of Object.entries(PAGES)) {
  writeFileSync(join(ROOT, path), text);
  console.log(path);
}
