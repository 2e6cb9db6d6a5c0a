import { Fields } from '../http/fields.ts';
import type {
  BodySink,
  MessageBody,
  Origin,
  OriginExchange,
  OriginFailure,
  OriginHead,
  OriginRequest,
  OriginSink,
} from './origin.ts';

/** Records one exchange and whatever breaks the order that {@link OriginSink} promises. */
export class Recorder implements OriginSink {
  head: OriginHead | undefined;
  failure: OriginFailure | undefined;
  /** `end` or `fail`, once it came. */
  ending: 'end' | 'fail' | undefined;
  taints = 0;
  receivedBytes = 0;
  readonly violations: string[] = [];
  /** Resolves with the end or the failure. */
  readonly ended: Promise<'end' | 'fail'>;
  /** Runs at each part of the body, after it was recorded. */
  onPart: ((recorder: Recorder) => void) | undefined;
  exchange: OriginExchange | undefined;
  /** Set by the test when nothing may come any more. */
  silenced = false;
  readonly #parts: Uint8Array[] = [];
  #resolve: (ending: 'end' | 'fail') => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get body(): Buffer {
    return Buffer.concat(this.#parts);
  }

  onHead(head: OriginHead): void {
    this.#expect(this.head === undefined, 'onHead twice');
    this.#expect(head.status >= 200 && head.status <= 599, `status ${head.status}`);
    this.head = head;
  }

  onData(chunk: Uint8Array): void {
    this.#expect(this.head !== undefined, 'onData before onHead');
    this.#expect(chunk.length > 0, 'onData without data');
    this.#parts.push(Uint8Array.from(chunk));
    this.receivedBytes += chunk.length;
    this.onPart?.(this);
  }

  onEnd(): void {
    this.#expect(this.head !== undefined, 'onEnd before onHead');
    this.#finish('end');
  }

  onFail(failure: OriginFailure): void {
    this.failure = failure;
    this.#finish('fail');
  }

  onTaint(): void {
    this.#expect(this.ending === 'end', 'onTaint without onEnd');
    this.taints += 1;
  }

  #finish(ending: 'end' | 'fail'): void {
    this.#expect(true, ending);
    this.ending = ending;
    this.#resolve(ending);
  }

  #expect(holds: boolean, what: string): void {
    if (!holds) this.violations.push(what);
    if (this.exchange === undefined) this.violations.push(`called before fetch returned (${what})`);
    if (this.silenced) this.violations.push(`called after abort (${what})`);
    if (this.ending !== undefined && what !== 'onTaint without onEnd') {
      this.violations.push(`called after its ${this.ending} (${what})`);
    }
  }
}

/** The body of a request, fed by the test. */
export class TestBody implements MessageBody {
  readonly bytes: number | undefined;
  sink: BodySink | undefined;
  held = false;

  constructor(bytes: number | undefined) {
    this.bytes = bytes;
  }

  receive(sink: BodySink): void {
    if (this.sink !== undefined) throw new Error('received twice');
    this.sink = sink;
  }

  pause(): void {
    this.held = true;
  }

  resume(): void {
    this.held = false;
  }
}

/** Starts an exchange that records itself. */
export function start(
  origin: Origin,
  target: string,
  options: {
    method?: OriginRequest['method'];
    fields?: string[];
    body?: MessageBody;
    onPart?: (recorder: Recorder) => void;
  } = {},
): Recorder {
  const recorder = new Recorder();
  recorder.onPart = options.onPart;
  const fields = new Fields(options.fields ?? []);
  const { method = 'GET', body } = options;
  recorder.exchange = origin.fetch({ method, target, fields, ...(body && { body }) }, recorder);
  return recorder;
}

/** As {@link start}, until its end. */
export async function get(
  origin: Origin,
  target: string,
  options: Parameters<typeof start>[2] = {},
): Promise<Recorder> {
  const recorder = start(origin, target, options);
  await recorder.ended;
  return recorder;
}

/** Lets the event loop run until that holds; the test's own timeout is the only limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
