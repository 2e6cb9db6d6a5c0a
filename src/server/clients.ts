/**
 * How many connections each client address has open. An IPv6 address counts by its first 64 bits, of which one machine
 * has all: otherwise it would have as many addresses as it likes. O(1); holds nothing for who has no connection.
 */
export class Clients<Connection> {
  readonly #max: number;
  readonly #counts = new Map<string, number>();
  readonly #clientOf = new Map<Connection, string>();

  /** @param max connections of one client at a time; 0 for no limit, and then nothing is counted. */
  constructor(max: number) {
    this.#max = max;
  }

  /** False when the client has too many already; the connection is counted all the same until it leaves. */
  enter(connection: Connection, address: string): boolean {
    if (this.#max === 0) return true;
    const client = clientOf(address);
    const count = (this.#counts.get(client) ?? 0) + 1;
    this.#counts.set(client, count);
    this.#clientOf.set(connection, client);
    return count <= this.#max;
  }

  leave(connection: Connection): void {
    if (this.#max === 0) return;
    const client = this.#clientOf.get(connection);
    if (client === undefined) return;
    this.#clientOf.delete(connection);
    const count = this.#counts.get(client)! - 1;
    if (count === 0) this.#counts.delete(client);
    else this.#counts.set(client, count);
  }

  /** Clients with a connection. */
  get size(): number {
    return this.#counts.size;
  }
}

/** The part of an address that stands for one client. */
export function clientOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.toLowerCase().replace(/%.*$/, '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
