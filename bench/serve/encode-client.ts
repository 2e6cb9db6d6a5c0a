/**
 * A client that keeps the encoders busy: `bun bench/serve/encode-client.ts '<EncodeLoad as JSON>'`. Asks for one new variant after the
 * other, always so many at a time, and prints an {@link EncodeResult} as one line of JSON.
 */

export interface EncodeLoad {
  readonly port: number;
  /** Originals. */
  readonly paths: readonly string[];
  /** No variant before this number was asked for by somebody else. */
  readonly first: number;
  readonly parallel: number;
  readonly seconds: number;
}

export interface EncodeResult {
  readonly variants: number;
}

/** Cheap and dear ones in turn: short and long occupations of the encoders. */
const FORMATS = ['webp', 'jpg', 'avif', 'webp'];
const WIDTH_MIN = 400;
const WIDTHS = 1_000;

/** Other numbers, other variants: every width of an original before the next quality. */
function addressOf(paths: readonly string[], number: number): string {
  const path = paths[number % paths.length]!;
  const step = Math.floor(number / paths.length);
  const width = WIDTH_MIN + ((step * 617) % WIDTHS); // 617 is coprime: large and small ones in turn
  const quality = 60 + Math.floor(step / WIDTHS);
  return `${path}?w=${width}&fm=${FORMATS[step % FORMATS.length]}&q=${quality}`;
}

async function run({ port, paths, first, parallel, seconds }: EncodeLoad): Promise<EncodeResult> {
  const endMs = performance.now() + seconds * 1000;
  let next = first;
  let variants = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const address = addressOf(paths, next++);
      const response = await fetch(`http://127.0.0.1:${port}${address}`);
      const body = await response.bytes();
      if (response.status !== 200 || !response.headers.get('content-type')?.startsWith('image/')) {
        throw new Error(`${address}: ${response.status} ${new TextDecoder().decode(body.subarray(0, 200))}`);
      }
      variants += 1;
    }
  };
  await Promise.all(Array.from({ length: parallel }, ask));
  return { variants };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as EncodeLoad)));
