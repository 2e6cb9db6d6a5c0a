/** Writes `policies.json` and `published.json` from the naive models. Run it when a policy is added or its algorithm changes on purpose. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { POLICY_NAMES } from '../../src/policy/policy.ts';
import { createModel } from '../../src/policy/policy.models.ts';
import { COMPARISON_NAMES, createComparisonModel } from '../../src/simulate/published/published.models.ts';
import { replay } from '../../src/simulate/published/replay.ts';
import { parseTrace, unitSized } from '../../src/simulate/published/trace.ts';

const sized = parseTrace(gunzipSync(readFileSync(join(import.meta.dirname, 'calgary_img_5000.csv.gz'))).toString());
const objectBytes = new Uint32Array(sized.objects);
sized.keys.forEach((key, i) => {
  objectBytes[key] = sized.sizes[i]!;
});
const uniqueBytes = objectBytes.reduce((sum, size) => sum + size, 0);

const lines: string[] = [];
const comparisonLines: string[] = [];
for (const sizes of ['bytes', 'unit'] as const) {
  const trace = sizes === 'bytes' ? sized : unitSized(sized);
  const footprint = sizes === 'bytes' ? uniqueBytes : sized.objects;
  for (const fraction of [0.01, 0.05, 0.1, 0.25, 0.5]) {
    const capacityBytes = Math.floor(footprint * fraction);
    for (const policy of POLICY_NAMES) {
      for (const form of policy === 's3-fifo' ? (['live', 'published'] as const) : (['published'] as const)) {
        const counts = replay(trace, createModel(policy, { capacityBytes, isPinned: () => false, form }));
        lines.push(JSON.stringify({ policy, form, sizes, capacityBytes, ...counts }));
      }
    }
    for (const policy of COMPARISON_NAMES) {
      const counts = replay(trace, createComparisonModel(policy, trace, capacityBytes));
      comparisonLines.push(JSON.stringify({ policy, form: 'published', sizes, capacityBytes, ...counts }));
    }
  }
}
writeFileSync(join(import.meta.dirname, 'policies.json'), `[\n${lines.join(',\n')}\n]\n`);
writeFileSync(join(import.meta.dirname, 'published.json'), `[\n${comparisonLines.join(',\n')}\n]\n`);
