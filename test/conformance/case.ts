/** What the origin says when it is asked during a step. `{date:N}` in a value is the HTTP date N seconds from now. */
export interface OriginSays {
  /** Default 200. */
  readonly status?: number;
  /** Field lines in their order; Content-Length and Content-Type are added unless the status or the case says otherwise. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  /** Default: the number of the step. */
  readonly body?: string;
  /** Interim responses before it. */
  readonly interim?: readonly number[];
  /** Ends the connection without an answer, or in the middle of the body. */
  readonly breaks?: 'at-once' | 'in-body';
}

/** One request and what must come of it. */
export interface Step {
  /** Seconds that pass before it. */
  readonly waitS?: number;
  /** Default GET. */
  readonly method?: string;
  /** Behind the case's own path; default empty. */
  readonly path?: string;
  readonly send?: Readonly<Record<string, string>>;
  readonly origin?: OriginSays;
  /** Whether the origin is asked. */
  readonly asks: boolean;
  readonly status?: number;
  readonly body?: string;
  /** Fields of the answer: equal, matching, or absent (null). */
  readonly fields?: Readonly<Record<string, string | RegExp | null>>;
  /** Fields of the request that the origin got. */
  readonly asked?: Readonly<Record<string, string | RegExp | null>>;
}

/** A rule, and the exchange that shows whether it is kept. */
export interface Case {
  /** Unique. */
  readonly id: string;
  /** Number and section: `9111 4.2.1`. */
  readonly rfc: string;
  readonly says: string;
  /** Default: once as text, once as an image. */
  readonly types?: readonly string[];
  readonly steps: readonly Step[];
}

/** Where this cache does something else than a document says or a test suite expects, and why. */
export interface Departure {
  readonly rfc: string;
  readonly what: string;
  readonly why: string;
}

type Lines = Readonly<Record<string, string>>;

const lines = (fields: Lines): [string, string][] => Object.entries(fields);

/** The origin is asked and its answer passed on. */
export function fetched(fields: Lines = {}, rest: Omit<Partial<Step>, 'asks'> = {}): Step {
  return { asks: true, ...rest, origin: { fields: lines(fields), ...rest.origin } };
}

/** Answered from the store, with the body of the given step (counted from 1). */
export function reused(ofStep = 1, rest: Omit<Partial<Step>, 'asks'> = {}): Step {
  return { asks: false, body: String(ofStep), ...rest };
}

/** Response fields that decide whether the second request, some seconds later, is answered from the store. */
export function twice(
  id: string,
  rfc: string,
  says: string,
  fields: Lines,
  reusable: boolean,
  rest: {
    readonly waitS?: number;
    readonly status?: number;
    readonly send?: Lines;
    readonly first?: Lines;
  } = {},
): Case {
  const { waitS = 3, status = 200, send = {}, first = {} } = rest;
  const origin: OriginSays = { status, fields: lines(fields) };
  return {
    id,
    rfc,
    says,
    steps: [
      { asks: true, origin, status, send: first },
      { asks: !reusable, origin: { status }, status, waitS, send },
    ],
  };
}
