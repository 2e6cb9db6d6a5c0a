/** Requests in order, with keys already replaced by the numbers 0 to `objects` - 1. */
export interface Trace {
  /** Number of different keys. */
  readonly objects: number;
  /** The key of each request. */
  readonly keys: Uint32Array;
  /** The size of each request's object in bytes, at least 1. */
  readonly sizes: Uint32Array;
}

/** The same requests with every object counting 1: cache sizes are then numbers of objects. */
export function unitSized(trace: Trace): Trace {
  return { ...trace, sizes: new Uint32Array(trace.sizes.length).fill(1) };
}

/**
 * Reads a trace: CSV with the header `time_s,key,size_bytes`, one request per line. Keys are numbered in the order
 * of their first request.
 *
 * @throws Error naming the line when the header or a size is not as it must be.
 */
export function parseTrace(csv: string): Trace {
  const lines = csv.split('\n');
  if (lines[0]?.trim() !== 'time_s,key,size_bytes') {
    throw new Error(
      `line 1: a trace starts with the header "time_s,key,size_bytes", not "${lines[0] ?? ''}"`,
    );
  }
  if (lines.at(-1) === '') lines.pop();
  const requests = lines.length - 1;
  const keys = new Uint32Array(requests);
  const sizes = new Uint32Array(requests);
  const numbers = new Map<string, number>();
  for (let i = 0; i < requests; i += 1) {
    const fields = lines[i + 1]!.split(',');
    const sizeBytes = Number(fields[2]);
    if (fields.length !== 3 || !Number.isInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > 0xffff_ffff) {
      throw new Error(
        `line ${i + 2}: expected "time,key,size" with a size of 1 to 2^32 - 1 bytes, got "${lines[i + 1]}"`,
      );
    }
    const key = numbers.get(fields[1]!) ?? numbers.size;
    if (key === numbers.size) numbers.set(fields[1]!, key);
    keys[i] = key;
    sizes[i] = sizeBytes;
  }
  return { objects: numbers.size, keys, sizes };
}
