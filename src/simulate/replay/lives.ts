import {
  type ResponseLife,
  Stated,
  type StatedLife,
  statedLife,
  type TrafficBatch,
} from '../../traffic/batch.ts';

/** A recorded life with its number. Equal ones, but for their age, have the same terms. */
export interface Said {
  readonly id: number;
  readonly life: ResponseLife;
  /** Number of what a route's rules are applied to. */
  readonly terms: number;
  /** Age on arrival, in seconds. */
  readonly ageS: number;
}

/** Where nothing is said about a lifetime: that of most images. */
const UNKNOWN_LIFETIME_S = 86_400;

/** The lives of a whole record, numbered. Memory: some 150 bytes for each different one. */
export class Lives {
  readonly all: Said[] = [];
  readonly #byRecorded = new Map<ResponseLife, Said>();
  readonly #terms = new Map<string, number>();

  /** The lives of a batch, in the order of its table. O(table). */
  of(batch: TrafficBatch): Said[] {
    return batch.lifeTable.map((life) => this.#byRecorded.get(life) ?? this.#add(life));
  }

  #add(life: ResponseLife): Said {
    const text = termsText(life);
    let terms = this.#terms.get(text);
    if (terms === undefined) {
      terms = this.#terms.size;
      this.#terms.set(text, terms);
    }
    const said = { id: this.all.length, life, terms, ageS: life.known === 'stated' ? life.ageS : 0 };
    this.all.push(said);
    this.#byRecorded.set(life, said);
    return said;
  }
}

function termsText(life: ResponseLife): string {
  if (life.known === 'unknown') return 'unknown';
  const { known, lifetimeS, whileRevalidateS, ifErrorS, flags } = life;
  // The heuristic is asked only where nothing is stated; but a date that there is none of is no validator.
  const modified =
    life.known !== 'stated'
      ? ''
      : lifetimeS === undefined
        ? life.modifiedAgoS
        : life.modifiedAgoS !== undefined;
  return `${known} ${lifetimeS} ${whileRevalidateS} ${ifErrorS} ${flags} ${modified}`;
}

/** What an unknown life is taken for: what most images say, and errors do not. */
export function assumedLife(status: number, defaultTtlS: number | undefined): StatedLife {
  const isGood = status < 400;
  return statedLife(isGood && defaultTtlS === undefined ? UNKNOWN_LIFETIME_S : undefined, {
    flags: isGood ? Stated.VALIDATOR | Stated.IMAGE : 0,
  });
}
