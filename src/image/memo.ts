/** Entries of each of the two generations. */
const ENTRIES_MAX = 4096;
/** Longer addresses are read anew each time: few have them, and they would take what others have room for. */
const TEXT_LENGTH_MAX = 1024;

/**
 * Remembers what became of texts, in bounded space: two generations, of which the older one leaves when the younger one is full.
 * What is asked for again in time moves over, so that what is common stays.
 */
export class Memo<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  get(text: string): T | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  set(text: string, value: T): void {
    if (text.length > TEXT_LENGTH_MAX) return;
    if (this.#young.size >= ENTRIES_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    // A text of its own: a part of a longer one would keep all of it.
    this.#young.set(JSON.parse(JSON.stringify(text)) as string, value);
  }
}
