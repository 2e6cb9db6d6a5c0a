/** One way in which the node answers with an error of its own. */
export interface ErrorEntry {
  /** 400 to 599. */
  readonly status: number;
  /** What the client is told. Says nothing about addresses, files or configuration. */
  readonly publicText: string;
  /** What happened, for the operator. */
  readonly meaning: string;
  /** What the operator does about it. */
  readonly remedy: string;
}
