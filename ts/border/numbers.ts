// The numbers that both sides of the border know. Made from crates/netsvc-node/src/numbers.rs by
// `cargo test -p netsvc-node numbers`: change them there.

// Commands: the lowest byte of their first word.
export const COMMAND_REQUEST = 1;
export const COMMAND_STRING = 2;
export const COMMAND_RESPOND = 3;
export const COMMAND_PUBLISH = 4;
export const COMMAND_GRANT = 5;
export const COMMAND_GRANT_WATCH = 6;
export const COMMAND_PART = 7;
export const COMMAND_GRANT_PARTS = 8;
export const COMMAND_PUBLISH_TEXT = 9;

// Flags of any command: the highest byte of its first word.
export const COMMAND_FLAG_EXTENSIONS = 1;

// Flags of a request: the third byte of its first word.
export const REQUEST_FLAG_WAIT = 1;
export const REQUEST_FLAG_IDENTITY = 2;
export const REQUEST_FLAG_PREFER_ANY = 8;

// How a call ends: the third byte of the first word of RESPOND, a word of OUTCOME.
export const STATUS_RESPONSE = 0;
export const STATUS_FAILURE = 1;
export const STATUS_ERROR = 2;

// Deliveries: their first word.
export const DELIVERY_STRING = 1;
export const DELIVERY_REPORT = 2;
export const DELIVERY_INVOKE = 3;
export const DELIVERY_ABORT = 4;
export const DELIVERY_OUTCOME = 5;
export const DELIVERY_CHANGE = 6;
export const DELIVERY_LINK = 7;
export const DELIVERY_EXCHANGE_CLOSED = 8;
export const DELIVERY_FLUSHED = 9;
export const DELIVERY_PROCESS_GONE = 10;
export const DELIVERY_SUBSCRIBER = 11;
export const DELIVERY_LISTENING = 12;
export const DELIVERY_COMMAND_FAILED = 13;
export const DELIVERY_SERVICE = 14;
export const DELIVERY_SERVICE_FORGOTTEN = 15;
export const DELIVERY_PART = 16;
export const DELIVERY_CREDIT = 17;

// Flags of a report.
export const REPORT_FLAG_REPLAYED = 1;
export const REPORT_FLAG_RESUMED = 2;

// Flags of what services have in common.
export const SERVICE_FLAG_LOCAL = 1;

// What a word says when there is nothing: no string, no service, never.
export const ABSENT_STRING = 4294967295;
export const ABSENT_SERVICE = 4294967295;
export const ABSENT_TIME = 4294967295;

// How many strings commands may name by slot.
export const SLOTS_COMMANDS = 4096;

// Targets of requests and subscriptions.
export const TARGET_NAME = 0;
export const TARGET_IDENTITY = 1;
export const TARGET_GROUP = 2;

// Roles of an exchange.
export const ROLE_CLIENT = 0;
export const ROLE_SERVER = 1;

// When a link is tried again, if not after so many seconds.
export const RETRY_BACKOFF = -2;
export const RETRY_ONCE = -1;

// How long a report is kept, if not for so many milliseconds.
export const LIFETIME_NONE = 0;
export const LIFETIME_FOREVER = -1;

// What `cancel` returns besides how far the request was delivered.
export const CANCELLED_TOO_LATE = 255;

// How a flush ended.
export const FLUSH_DONE = 0;
export const FLUSH_LINK_LOST = 1;
export const FLUSH_DEADLINE = 2;

// Whether a request was delivered.
export const DELIVERED = {
  0: "no",
  1: "yes",
  2: "unknown",
} as const;

// What happened to a link.
export const LINK_EVENTS = {
  0: "active",
  1: "inactive",
  2: "attemptFailed",
  3: "closed",
  4: "authorise",
} as const;

// Why a call is aborted.
export const ABORT_CANCELLED = 0;
export const ABORT_CALLER_GONE = 1;
export const ABORT_DEADLINE = 2;
export const ABORT_SERVICE_CLOSED = 3;

// What a watch tells.
export const CHANGE_STATUSES = {
  0: "available",
  1: "withdrawn",
  2: "joined",
  3: "left",
  4: "current",
  5: "reset",
} as const;

// Why the framework ended a request.
export const REQUEST_CODES = {
  "no-service": 1,
  "no-method": 2,
  denied: 3,
  overloaded: 4,
  lost: 5,
  "link-lost": 6,
  deadline: 7,
  cancelled: 8,
  "too-large": 9,
  encoding: 10,
} as const;

// What a call is told whose deadline has passed.
export const DEADLINE_PASSED = "the deadline passed before an outcome arrived";

// Why a link was refused, failed, was lost or closed.
export const LINK_CODES = {
  1: "closed",
  2: "peer-closed",
  3: "connection-lost",
  4: "heartbeat-lost",
  5: "slow-consumer",
  6: "replaced",
  7: "internal",
  16: "resolve-failed",
  17: "connect-failed",
  18: "connect-timeout",
  32: "protocol",
  33: "version",
  34: "group-mismatch",
  35: "role",
  36: "stale",
  37: "already-connected",
  38: "own-process",
  39: "limit",
  40: "denied",
  41: "closing",
  42: "identity",
} as const;
