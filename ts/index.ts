/**
 * netsvc: services, requests and reports between the processes of a gateway.
 *
 * Importing does nothing by itself: the native addon is loaded on the first use of a registry.
 *
 * @module
 */

export type { Applicant, Authorise } from "./authorise.js";
export type { Change, ChangeStatus } from "./change.js";
export { type ContentType, registerContentType } from "./content/tags.js";
export type { Caller, Context } from "./context.js";
export {
  AddonError,
  CancelledError,
  ClosedError,
  type Delivered,
  EncodingError,
  type EncodingErrorOptions,
  ExchangeError,
  LimitError,
  type LinkCode,
  LinkError,
  ListenError,
  NetsvcError,
  type RequestCode,
  RequestError,
  type RequestErrorOptions,
  ServiceFailure,
  type ServiceFailureOptions,
  TimeoutError,
  TooLargeError,
} from "./errors.js";
export type { Emitter } from "./events.js";
export {
  type ConnectExtras,
  type ConnectOptions,
  EXCHANGE_CLIENT,
  EXCHANGE_SERVER,
  Exchange,
  type ExchangeEvents,
  type ExchangeOptions,
  type ExchangeRole,
  type ListenOptions,
  type TcpAddress,
  type UnixAddress,
} from "./exchange.js";
export type { HandlerError } from "./handler-error.js";
export type { ServiceFilter, ServiceTarget } from "./internal/targets.js";
export type { Link, LinkState, Peer } from "./link.js";
export type { LinkEvent } from "./link-event.js";
export type { Io, IoMode } from "./options/io.js";
export type { Limits } from "./options/limits.js";
export type { LogEntry, LogLevel, LogOption } from "./options/log.js";
export type { NextOptions } from "./options/next.js";
export type { Prefer } from "./options/prefer.js";
export {
  configure,
  type DefaultOptions,
  Registry,
  type RegistryEvents,
  type RegistryOptions,
  registry,
  type WaitOptions,
} from "./registry.js";
export type { CallOptions, RemoteService, StreamOptions } from "./remote.js";
export type { Publisher, Report } from "./report.js";
export {
  type PublishOptions,
  Service,
  type ServiceEvents,
  type ServiceOptions,
  type Subscriber,
} from "./service.js";
export type { ServiceInfo } from "./service-info.js";
export type { RemoteStream } from "./stream.js";
export type { Subscription, SubscriptionOptions, SubscriptionTarget } from "./subscription.js";
export type {
  Arguments,
  CallName,
  ContentOf,
  Contract,
  Handlers,
  MethodName,
  MethodsOf,
  Part,
  RemoteMethods,
  RemoteStreams,
  ReportOf,
  ReportsOf,
  Result,
  SubjectOf,
  Untyped,
} from "./types.js";
export type { Watch, WatchOptions } from "./watch.js";
