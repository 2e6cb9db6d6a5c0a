/**
 * HTTP fields (RFC 9110 section 5): an ordered list of lower-cased names with their values.
 * Flat and small on purpose: messages have 5 to 30 fields, and a scan beats a map.
 */
export class Fields {
  /** `[name, value, name, value, ...]`; names lower-case, values without surrounding white space (latin1). */
  readonly flat: string[];

  constructor(flat: string[] = []) {
    this.flat = flat;
  }

  /** The values of all field lines of that name, joined by `, ` (RFC 9110 section 5.2); undefined when absent. */
  get(name: string): string | undefined {
    const { flat } = this;
    let joined: string | undefined;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) joined = joined === undefined ? flat[i + 1] : `${joined}, ${flat[i + 1]}`;
    }
    return joined;
  }

  /** How many field lines have that name. */
  count(name: string): number {
    let n = 0;
    for (let i = 0; i < this.flat.length; i += 2) if (this.flat[i] === name) n += 1;
    return n;
  }

  has(name: string): boolean {
    for (let i = 0; i < this.flat.length; i += 2) if (this.flat[i] === name) return true;
    return false;
  }

  add(name: string, value: string): void {
    this.flat.push(name, value);
  }

  /** Replaces every line of that name by one. */
  set(name: string, value: string): void {
    this.delete(name);
    this.flat.push(name, value);
  }

  delete(name: string): void {
    const { flat } = this;
    let kept = 0;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) continue;
      flat[kept] = flat[i]!;
      flat[kept + 1] = flat[i + 1]!;
      kept += 2;
    }
    flat.length = kept;
  }

  clone(): Fields {
    return new Fields(this.flat.slice());
  }

  *[Symbol.iterator](): Iterator<[name: string, value: string]> {
    for (let i = 0; i < this.flat.length; i += 2) yield [this.flat[i]!, this.flat[i + 1]!];
  }
}
