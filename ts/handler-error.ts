/** A handler that failed by mistake, or whose result cannot travel. */
export interface HandlerError {
  /** Name of the service. */
  readonly service: string;
  readonly method: string;
  /** What it threw, or an EncodingError or TooLargeError. */
  readonly error: unknown;
}
