/** Where a response is kept: under its key, or, when the origin varies it, under the key of its variant. */
export interface Place {
  readonly primary: string;
  /** Equal to `primary` for a resource without variants. */
  readonly key: string;
  /** Request fields that choose the variant; empty for none. */
  readonly vary: readonly string[];
}
