/** What a command may touch of the outside world. `main.ts` builds the real one, tests their own. */
export interface CliIo {
  /** Writes to standard output, as given: add the line break. */
  out(text: string): void;
  /** Writes to standard error, as given. */
  err(text: string): void;
  /** Reads a whole UTF-8 file. Rejects with the system's error, whose `code` is `ENOENT`, `EACCES`, `EISDIR`, ... */
  readFile(path: string): Promise<string>;
  /** Writes a whole file. Without `overwrite`, rejects with code `EEXIST` when there is one (atomically: `wx`). */
  writeFile(path: string, text: string, options: { readonly overwrite: boolean }): Promise<void>;
  /** What is at that path, links followed. */
  pathKind(path: string): Promise<'file' | 'directory' | 'other' | 'absent'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the working directory. */
  readonly cwd: string;
  /** Memory of the machine. */
  readonly totalMemoryBytes: number;
  /** True when standard error is a terminal that shows colours (and NO_COLOR is not set). */
  readonly isTty: boolean;
}

/** Exit codes of every command: 0 done, 1 refused, 2 unusable input. */
export const EXIT = { ok: 0, refused: 1, unusable: 2 } as const;

/** What a place that shows text can do. */
export interface TextForm {
  /** Shows colours. */
  readonly color: boolean;
  /** Shows more than ASCII. */
  readonly isTerminal: boolean;
}
