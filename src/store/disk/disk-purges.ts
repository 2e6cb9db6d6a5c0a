import { type PurgeRule, PurgeRules } from '../../cache/purge-rules.ts';
import type { DiskFiles } from './files.ts';

/** One file at a time is in force: the last that ends in {@link END}. */
const NAME = /^purges-([0-9]{10})\.jsonl$/;
const END = '{"end":true}\n';

/**
 * The purges that the disk still has to obey. Its index knows hashes, not keys, so nothing can be looked for: a rule stays, and
 * is asked about each record that is read, until everything older than it has left. What is older is told by the place in the
 * log, which no clock can turn back: `atS` of a rule is that place here.
 */
export class DiskPurges {
  readonly #files: DiskFiles;
  readonly #onTrouble: (error: unknown) => void;
  readonly #rules: PurgeRules;
  #number: number;
  #saving: Promise<void> | undefined;
  #changed = false;

  /**
   * Reads the rules of the time before this start.
   *
   * @param onTrouble told when they cannot be written: a restart would then forget purges.
   */
  static async open(files: DiskFiles, onTrouble: (error: unknown) => void): Promise<DiskPurges> {
    const names = (await files.list()).filter((name) => NAME.test(name)).sort();
    const latest = Number(NAME.exec(names.at(-1) ?? '')?.[1] ?? 0);
    for (const name of names.reverse()) {
      const file = await files.open(name);
      const bytes = Buffer.alloc(await file.size());
      await file.read(bytes, 0);
      await file.close();
      const text = bytes.toString();
      if (!text.endsWith(END)) continue;
      const { rules } = PurgeRules.restore(text.slice(0, -END.length));
      return new DiskPurges(files, onTrouble, rules, latest);
    }
    return new DiskPurges(files, onTrouble, new PurgeRules(), latest);
  }

  private constructor(
    files: DiskFiles,
    onTrouble: (error: unknown) => void,
    rules: PurgeRules,
    number: number,
  ) {
    this.#files = files;
    this.#onTrouble = onTrouble;
    this.#rules = rules;
    this.#number = number;
  }

  /** Patterns in force; 0 means that nothing needs to be asked. */
  get patterns(): number {
    return this.#rules.patterns;
  }

  /** @param place of the next record to be written: everything before it is older. */
  add(rule: PurgeRule, place: number): void {
    // Under a number of its own: those of memory begin anew with each run.
    this.#rules.add(rule.pattern, rule.soft, place - 1);
    this.#save();
  }

  /** The rule that a record falls under. */
  find(key: string, head: string, place: number): PurgeRule | undefined {
    return this.#rules.patterns === 0 ? undefined : this.#rules.matches(key, () => head, place);
  }

  /** Nothing older than that place is left on disk. */
  retire(place: number): void {
    const before = this.#rules.patterns;
    if (before === 0) return;
    this.#rules.retire(place);
    if (this.#rules.patterns !== before) this.#save();
  }

  /** Resolves when all rules are on disk, or that failed. */
  async saved(): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
  }

  /** Writes all rules to a new file, once more if they change meanwhile, and then removes the old one. */
  #save(): void {
    this.#changed = true;
    if (this.#saving !== undefined) return;
    this.#saving = this.#write().finally(() => {
      this.#saving = undefined;
    });
  }

  async #write(): Promise<void> {
    while (this.#changed) {
      this.#changed = false;
      const before = nameOf(this.#number);
      this.#number += 1;
      try {
        const file = await this.#files.open(nameOf(this.#number));
        await file.truncate(0);
        await file.write([Buffer.from(this.#rules.serialise() + END)], 0);
        await file.sync();
        await file.close();
        await this.#files.syncNames();
        if ((await this.#files.list()).includes(before)) await this.#files.unlink(before);
      } catch (error) {
        this.#onTrouble(error);
      }
    }
  }
}

function nameOf(number: number): string {
  return `purges-${String(number).padStart(10, '0')}.jsonl`;
}
