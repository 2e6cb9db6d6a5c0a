/**
 * A client of one round: `bun bench/images/client.ts '<ClientJob as JSON>'`. Asks for each address once, always so many at a time,
 * and prints a {@link ClientResult} as one line of JSON. Ends with 1 when an answer is not an image of the type that was asked for.
 */

export interface ClientJob {
  /** Where the server is, without a slash at the end. */
  readonly serverUrl: string;
  /** Path and query of each request. */
  readonly addresses: readonly string[];
  readonly accept: string;
  readonly type: string;
  readonly parallel: number;
}

export interface ClientResult {
  readonly seconds: number;
  /** From a request to the last byte of its answer, in the order of the ends. */
  readonly latenciesMs: readonly number[];
  readonly bytes: number;
}

async function run({ serverUrl, addresses, accept, type, parallel }: ClientJob): Promise<ClientResult> {
  const latenciesMs: number[] = [];
  let bytes = 0;
  let next = 0;
  const ask = async (): Promise<void> => {
    while (next < addresses.length) {
      const address = addresses[next++]!;
      const sinceMs = performance.now();
      const response = await fetch(serverUrl + address, { headers: { Accept: accept } });
      const body = await response.bytes();
      latenciesMs.push(performance.now() - sinceMs);
      if (response.status !== 200 || response.headers.get('content-type') !== type || body.length === 0) {
        const start = new TextDecoder().decode(body.subarray(0, 200));
        throw new Error(`${address}: ${response.status} ${response.headers.get('content-type')} ${start}`);
      }
      bytes += body.length;
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: parallel }, ask));
  return { seconds: (performance.now() - startMs) / 1000, latenciesMs, bytes };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as ClientJob)));
