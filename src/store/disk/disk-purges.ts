import { type PurgeRule, PurgeRules } from '../../cache/purge-rules.ts';
import type { DiskFiles } from './files.ts';
import { placeAt } from './obey.ts';
import { SEGMENT_NAME } from './segment.ts';

/** One file at a time is in force: the last that ends in {@link END}. */
const NAME = /^purges-([0-9]{10})\.jsonl$/;
const END = '{"end":true}\n';

/**
 * The purges that the disk still has to obey. Its index knows hashes, not keys, so nothing can be looked for: a rule stays, and
 * is asked about each record that is read, until everything older than it has left. What is older is told by the place in the
 * log, which no clock can turn back: `atS` of a rule is that place here. Its `id` is one of this list: those of the memory tier
 * begin anew with each start, and the later of two rules would lose to one of the time before.
 */
export class DiskPurges {
  readonly #files: DiskFiles;
  readonly #onTrouble: (error: unknown) => void;
  readonly #rules: PurgeRules;
  #lastId: number;
  #number: number;
  #saving: Promise<void> | undefined;
  #changed = false;
  #failed = false;

  /**
   * Reads the rules of the time before this start.
   *
   * @param onTrouble told when they cannot be written: a restart would then forget purges.
   */
  static async open(files: DiskFiles, onTrouble: (error: unknown) => void): Promise<DiskPurges> {
    const all = await files.list();
    const names = all.filter((name) => NAME.test(name)).sort();
    const latest = Number(NAME.exec(names.at(-1) ?? '')?.[1] ?? 0);
    for (const name of names.reverse()) {
      const file = await files.open(name);
      const bytes = Buffer.alloc(await file.size());
      await file.read(bytes, 0);
      await file.close();
      const text = bytes.toString();
      if (!text.endsWith(END)) continue;
      const { rules } = PurgeRules.restore(text.slice(0, -END.length));
      return new DiskPurges(files, onTrouble, within(rules, firstPlace(all)), latest);
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
    this.#lastId = rules.all().at(-1)?.id ?? 0;
    this.#number = number;
  }

  /** Patterns in force; 0 means that nothing needs to be asked. */
  get patterns(): number {
    return this.#rules.patterns;
  }

  /** @param place of the next record to be written: everything before it is older. */
  add(rule: PurgeRule, place: number): void {
    this.#lastId += 1;
    this.#rules.insert({ ...rule, id: this.#lastId, atS: place - 1 });
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

  /** False while a restart would forget some. */
  get isSaved(): boolean {
    return this.#saving === undefined && !this.#failed;
  }

  /** Writes again what could not be written. */
  retry(): void {
    if (this.#failed) this.#save();
  }

  /** Writes all rules to a new file, once more if they change meanwhile, and then removes those before it. */
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
      this.#number += 1;
      const name = nameOf(this.#number);
      try {
        const file = await this.#files.open(name);
        try {
          await file.truncate(0);
          await file.write([Buffer.from(this.#rules.serialise() + END)], 0);
          await file.sync();
        } finally {
          await file.close();
        }
        await this.#files.syncNames();
        this.#failed = false;
        for (const other of await this.#files.list())
          if (NAME.test(other) && other < name) await this.#files.unlink(other);
      } catch (error) {
        this.#failed = true;
        this.#onTrouble(error);
      }
    }
  }
}

/** No record of this start has a place before that one. */
function firstPlace(names: readonly string[]): number {
  const ids = names.map((name) => Number(SEGMENT_NAME.exec(name)?.[1] ?? 0));
  return placeAt(Math.max(0, ...ids) + 1, 0);
}

/**
 * The same rules, none of which reaches past that place: segments that were lost or taken away may have been younger than all
 * that is there, and their numbers are given again, to records that no rule of the time before is about.
 */
function within(rules: PurgeRules, end: number): PurgeRules {
  const cut = new PurgeRules();
  for (const rule of rules.all()) cut.insert({ ...rule, atS: Math.min(rule.atS, end - 1) });
  return cut;
}

function nameOf(number: number): string {
  return `purges-${String(number).padStart(10, '0')}.jsonl`;
}
