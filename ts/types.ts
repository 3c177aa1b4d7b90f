/**
 * Contracts: what a service offers, written down as an interface that provider and users share.
 * Types only. Nothing checks them at run time, and without one everything is `unknown`.
 *
 * @module
 */

import type { Context } from "./context.js";
import type { ReservedName } from "./internal/reserved-names.js";
import type { Report } from "./report.js";
import type { RemoteStream } from "./stream.js";

/** Shape of a contract: methods by name, contents of reports by subject or subject template. */
export interface Contract {
  methods?: object;
  reports?: object;
}

/** The contract of a service about which nothing is said. */
export interface Untyped {
  methods: { [method: string]: (...args: unknown[]) => unknown };
  reports: { [subject: string]: unknown };
}

/** Methods of a contract. */
export type MethodsOf<C extends Contract> = C extends { methods: infer M extends object }
  ? M
  : Record<never, never>;

/** Names of a contract's methods. */
export type MethodName<C extends Contract> = keyof MethodsOf<C> & string;

/** Arguments of a method. */
export type Arguments<C extends Contract, M extends MethodName<C>> = MethodsOf<C>[M] extends (
  ...args: infer A
) => unknown
  ? A
  : never;

/** Result of a method, as it arrives. */
export type Result<C extends Contract, M extends MethodName<C>> = MethodsOf<C>[M] extends (
  ...args: never[]
) => infer R
  ? Awaited<R>
  : never;

/** A part of a method's result: what its AsyncIterable gives; of any other method, its result. */
export type Part<C extends Contract, M extends MethodName<C>> =
  Result<C, M> extends AsyncIterable<infer T> ? T : Result<C, M>;

/**
 * Names of the methods whose result comes in one piece: all but those that return AsyncIterables.
 */
export type CallName<C extends Contract> = {
  [M in MethodName<C>]: Streams<Result<C, M>> extends true ? never : M;
}[MethodName<C>];

/**
 * A contract's methods as a caller sees them: promises of results. Without those that stream, and
 * without those whose names the language calls by itself.
 */
export type RemoteMethods<C extends Contract> = {
  readonly [M in MethodName<C> as M extends ReservedName
    ? never
    : Streams<Result<C, M>> extends true
      ? never
      : M]: (...args: Arguments<C, M>) => Promise<Result<C, M>>;
};

/** A contract's methods that return AsyncIterables, as a caller sees them; but for such names. */
export type RemoteStreams<C extends Contract> = {
  readonly [M in MethodName<C> as M extends ReservedName
    ? never
    : MayStream<Result<C, M>> extends true
      ? M
      : never]: (...args: Arguments<C, M>) => RemoteStream<Part<C, M>>;
};

/**
 * Whether a result is a stream. A method that never returns is none; of `unknown`, nobody knows.
 */
type Streams<R> = [R] extends [never]
  ? false
  : unknown extends R
    ? false
    : R extends AsyncIterable<unknown>
      ? true
      : false;

type MayStream<R> = unknown extends R ? true : Streams<R>;

/**
 * A contract's methods as a provider writes them: the context first, a result or a promise. One
 * that returns an AsyncIterable is best an async generator.
 */
export type Handlers<C extends Contract> = {
  [M in MethodName<C>]: (
    context: Context,
    ...args: Arguments<C, M>
  ) => Result<C, M> | Promise<Result<C, M>>;
};

/** Contents of reports by subject. */
export type ReportsOf<C extends Contract> = C extends { reports: infer R extends object }
  ? R
  : Record<never, never>;

/** Subjects of a contract. */
export type SubjectOf<C extends Contract> = keyof ReportsOf<C> & string;

/** Content of the reports with that subject. */
export type ContentOf<C extends Contract, S extends SubjectOf<C>> = ReportsOf<C>[S];

/** Reports of a contract: one member per subject, so that comparing `subject` narrows `content`. */
export type ReportOf<C extends Contract> = {
  [S in SubjectOf<C>]: Report<S, ContentOf<C, S>>;
}[SubjectOf<C>];
