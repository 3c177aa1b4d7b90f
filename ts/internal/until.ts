/** What ends the wait for an item before it comes. */
export interface Until {
  /** With that, if it has ended already. */
  error(): Error | undefined;
  /** Calls `give`, once at most, with the error that ends it. Returns what takes that back. */
  start(give: (error: Error) => void): () => void;
}
