/** What a section is asked for. */
export interface SectionOptions {
  /** Folder of the traces, as it was given; see `tracesDir` of `bench/support/traces.ts`. */
  readonly traces: string | undefined;
}

/** What a section found. */
export interface SectionResult {
  /** Tables and what they say, without a heading and without the machine. */
  readonly markdown: string;
  /** Every limit kept, and every number as it has to be. */
  readonly passed: boolean;
}

/** One part of `npm run bench:simulate`, which is run by its name. */
export interface Section {
  /** Its heading in bench/RESULTS.md. */
  readonly title: string;
  /** @throws Unusable with what to do when something that it needs is not there. */
  run(options: SectionOptions): SectionResult | Promise<SectionResult>;
}
