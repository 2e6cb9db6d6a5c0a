import { complete } from './complete.ts';
import type { ValidConfig } from './config.ts';
import { metaAt } from './describe.ts';
import { explain, type Finding, valueAt } from './issues.ts';
import { mend } from './mend.ts';
import { OPTIONS } from './options.ts';
import { parse, type Source } from './parse.ts';
import {
  excerptOf,
  type Path,
  type Problem,
  pathText,
  printable,
  sortProblems,
  valueText,
} from './problem.ts';
import { checkTogether } from './rules.ts';
import { isSecret, type Secrets, secretsOf } from './secrets.ts';
import type { Environment } from './substitute.ts';

/** What a configuration is read against. */
export interface ValidateOptions {
  /** How problems call the file. */
  readonly file: string;
  /** For `${NAME}` in values. */
  readonly env: Environment;
  /** Absolute path of the directory of the file: relative paths in it become absolute. Left as they are without it. */
  readonly baseDir?: string;
}

/** A configuration that may be run, with what looks odd in it; or everything that is wrong with it. */
export type Validation =
  | { readonly ok: true; readonly config: ValidConfig; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** More than this many problems are not a configuration with mistakes but another kind of file. */
const PROBLEMS_MAX = 100;

/**
 * Reads and checks a configuration. The only place that makes a {@link ValidConfig}.
 *
 * Reports all mistakes at once, each with its place and remedy, in the order of the file; what only follows from
 * another mistake is left out. Never throws. Secrets appear in no message.
 */
export function validateConfig(text: string, options: ValidateOptions): Validation {
  const source = parse(text, options.env);
  const reporter = new Reporter(source, options.file);
  const fromText = source.problems.map((problem) =>
    reporter.problem({ ...problem, severity: 'error' }, problem.span),
  );
  if (!source.structured) return { ok: false, problems: sortProblems(fromText) };

  const raw = coerce(source);
  const result = OPTIONS.safeParse(raw);
  const missing = new Set(source.missing.map(pathText));
  const issues = result.success ? [] : result.error.issues;
  const findings = explain(
    issues.filter((issue) => !missing.has(pathText(issue.path as Path))),
    raw,
  );

  const mended = mend(raw, source.missing);
  const together = mended === undefined ? [] : checkTogether(mended);
  const independent = together.filter((one) => !mended!.mended.some((path) => touches(one, path)));

  const problems = sortProblems([
    ...fromText,
    ...[...findings, ...independent].map((one) => reporter.finding(one)),
  ]);
  if (problems.some((problem) => problem.severity === 'error') || !result.success) {
    return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) };
  }
  return { ok: true, config: complete(result.data, options.baseDir) as ValidConfig, warnings: problems };
}

/** Numbers and booleans from the environment arrive as text: read them as what the option is. */
function coerce(source: Source): unknown {
  const change = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => change(item, [...path, index]));
    if (typeof value === 'object' && value !== null) {
      const copy: Record<string, unknown> = Object.create(null);
      for (const [key, inner] of Object.entries(value)) copy[key] = change(inner, [...path, key]);
      return copy;
    }
    if (typeof value !== 'string' || !source.substituted.has(pathText(path))) return value;
    const kind = metaAt(path)?.kind;
    if (kind === 'integer' && /^[0-9]{1,15}$/.test(value)) return Number(value);
    if (kind === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
    return value;
  };
  return change(source.value, []);
}

/** Whether a finding rests on a place that has a mistake of its own. */
function touches(finding: Finding, mended: Path): boolean {
  const overlaps = (path: Path): boolean => {
    const length = Math.min(path.length, mended.length);
    return path.slice(0, length).every((step, index) => step === mended[index]);
  };
  return [finding.path, ...finding.related].some(overlaps);
}

/** Knows where things are in the text, and what of it must not be shown. */
class Reporter {
  readonly #source: Source;
  readonly #file: string;
  readonly #secrets: Secrets;
  readonly #lines: readonly string[];

  constructor(source: Source, file: string) {
    this.#source = source;
    this.#file = file;
    this.#secrets = secretsOf(source);
    this.#lines = this.#secrets.text.split(/\r\n|\n/);
  }

  finding(finding: Finding): Problem {
    const place = this.#place(finding.path);
    const span = finding.at === 'key' ? (place?.key ?? place?.value) : (place?.value ?? place?.key);
    const written = this.#source.substituted.get(pathText(finding.path));
    if (written === undefined || finding.severity === 'warning') return this.problem(finding, span);
    // What a variable holds may be a secret that went to the wrong place: only its name is shown.
    const expects = metaAt(finding.path)?.expects ?? 'what belongs here';
    const reason = `what ${written} stands for is not ${expects}`;
    return this.problem({ ...finding, reason, remedy: `set the variable to ${expects}` }, span);
  }

  problem(
    what: Pick<Finding, 'severity' | 'path' | 'reason' | 'remedy'>,
    span: { readonly start: number; readonly end: number } | undefined,
  ): Problem {
    const { line, column } = this.#source.position(span?.start ?? 0);
    const text = this.#lines[line - 1];
    const length = span === undefined ? 1 : Math.max(1, span.end - span.start);
    return {
      severity: what.severity,
      file: this.#file,
      line,
      column,
      path: pathText(what.path),
      value: this.#value(what.path),
      reason: printable(this.#secrets.hide(what.reason)),
      remedy: printable(this.#secrets.hide(what.remedy)),
      excerpt:
        text === undefined || text.trim() === ''
          ? undefined
          : excerptOf(text, column - 1, column - 1 + length),
    };
  }

  /** Where a path is, or the nearest thing above it that is in the file. */
  #place(path: Path): ReturnType<Source['places']['get']> {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = this.#source.places.get(pathText(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #value(path: Path): string | undefined {
    const value = valueAt(this.#source.value, path);
    if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
    const written = this.#source.substituted.get(pathText(path));
    if (written !== undefined) return valueText(written);
    return isSecret(path)
      ? '(secret)'
      : valueText(typeof value === 'string' ? this.#secrets.hide(value) : value);
  }
}
