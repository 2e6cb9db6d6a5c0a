/** What a test run came to. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Reads the totals of a JUnit report.
 *
 * @param xml the report; empty when the run ended before it wrote one.
 * @param exitCode of the run. A failure that no test stands for (a file that cannot be loaded) counts as one.
 */
export function readCounts(xml: string, exitCode: number): Counts {
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? '';
  const number = (name: string): number => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const skipped = number('skipped');
  const reported = number('failures') + number('errors');
  return {
    passed: Math.max(0, number('tests') - reported - skipped),
    failed: exitCode === 0 ? reported : Math.max(1, reported),
    skipped,
  };
}

/** The closing line of a run: `N passed, N failed`, and what was skipped if anything was. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}
