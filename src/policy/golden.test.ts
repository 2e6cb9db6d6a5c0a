import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { replay } from '../simulate/published/replay.ts';
import { parseTrace, unitSized } from '../simulate/published/trace.ts';
import { createPolicy } from './create.ts';
import { beladyMisses, createModel, mayDecline } from './policy.models.ts';
import { POLICY_NAMES, type PolicyName } from './policy.ts';

interface Golden {
  readonly policy: PolicyName;
  readonly form: 'live' | 'published';
  readonly sizes: 'bytes' | 'unit';
  readonly capacityBytes: number;
  readonly misses: number;
  readonly missedBytes: number;
}

const folder = join(import.meta.dirname, '../../test/golden');
const goldens: readonly Golden[] = JSON.parse(readFileSync(join(folder, 'policies.json'), 'utf8'));
const sized = parseTrace(gunzipSync(readFileSync(join(folder, 'calgary_img_5000.csv.gz'))).toString('utf8'));
const traces = { bytes: sized, unit: unitSized(sized) };
const isPinned = (): boolean => false;

describe('5,000 real requests', () => {
  test('every policy has golden counts', () => {
    expect(new Set(goldens.map((g) => g.policy))).toEqual(new Set(POLICY_NAMES));
    expect([sized.keys.length, goldens.length]).toEqual([5_000, 80]);
  });

  test.each(goldens.map((g) => [g.policy, g.form, g.capacityBytes, g.sizes, g] as const))(
    '%s (%s form) in %d %s',
    (_policy, _form, _capacity, _sizes, { policy, form, sizes, capacityBytes, misses, missedBytes }) => {
      const subject = createPolicy(policy, { capacityBytes, isPinned, form });
      expect(replay(traces[sizes], subject)).toEqual({ misses, missedBytes });
      subject.check();
      const model = createModel(policy, { capacityBytes, isPinned, form });
      expect(replay(traces[sizes], model)).toEqual({ misses, missedBytes });
    },
  );

  test('with unit sizes nobody misses less than Belady', () => {
    const units = goldens.filter((g) => g.sizes === 'unit');
    for (const { misses, capacityBytes, policy } of units) {
      const bound = beladyMisses(traces.unit, capacityBytes, mayDecline(policy));
      expect(misses).toBeGreaterThanOrEqual(bound.misses);
    }
  });
});
