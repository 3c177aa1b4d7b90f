// What a request asked for, as the errors that end it say it.

import type { RequestHow } from "../border/commands.js";
import { type Delivered, type RequestCode, RequestError, ServiceFailure } from "../errors.js";
import type { Target } from "./targets.js";

/** A request, but for its arguments. */
export interface Asked {
  readonly target: Target;
  readonly method: string;
  readonly how: RequestHow;
  /** What its errors say; `how` has less of it left when the request is repeated. */
  readonly timeoutMs: number;
}

/** The error that ends a request. */
export function requestError(
  { target, method, timeoutMs }: Asked,
  code: RequestCode,
  delivered: Delivered,
  text: string,
  cause?: unknown,
): RequestError {
  const service = target.text;
  const timeout = timeoutMs / 1000;
  return new RequestError(code, delivered, `${service}.${method}: ${text}`, {
    ...(cause === undefined ? {} : { cause }),
    ...{ service, method, timeout },
  });
}

/** The error of a request whose own deadline passed. */
export function overdue(asked: Asked, delivered: Delivered): RequestError {
  const { timeoutMs, how } = asked;
  const awaited = how.parts === 0 ? "outcome" : "part and no end";
  return requestError(asked, "deadline", delivered, `no ${awaited} within ${timeoutMs / 1000} s`);
}

/** The failure that arrived as `content`, which anybody may have made. */
export function serviceFailure({ target, method }: Asked, content: unknown): ServiceFailure {
  const { code, message, data } = Object(content) as Record<string, unknown>;
  return new ServiceFailure(
    typeof code === "string" ? code : "error",
    typeof message === "string" ? message : "",
    data,
    { service: target.text, method },
  );
}

/**
 * Rejects with what `make` makes. A promise that is resolved with this one is awaited already when
 * the error is made: so V8 finds who awaits it, and puts them into the error's stack. Whoever calls
 * pays nothing for that unless the call fails.
 */
export async function rejecting(make: () => Error): Promise<never> {
  // By then this promise's reactions are those of the one that was resolved with it.
  await undefined;
  await undefined;
  throw make();
}
