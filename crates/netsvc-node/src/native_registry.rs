//! The registry as JavaScript calls it.
#![allow(unsafe_code, reason = "the code that `napi` generates for exported functions")]
#![allow(clippy::needless_pass_by_value, reason = "`napi` converts to owned values")]

use std::path::PathBuf;
use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{FromNapiValue, Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;
use netsvc_core::{
    CommandError, ExchangeId, Heartbeat, Lifetime, LinkId, NewService, Process, ProcessId, Role,
    ServiceInfo, ServiceNo, Str, SubscriptionId, SubscriptionLimits, SubscriptionTarget, Time,
    WatchId,
};
use netsvc_net::{ListenTarget, Scheme, Target};

use crate::commands::apply::{Publication, publish_alone};
use crate::commands::command::Body;
use crate::deliveries::encode::delivered_number;
use crate::deliveries::service_info;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, command, guard, invalid, node_api};
use crate::numbers::{cancelled, lifetime, role, target as targets};
use crate::options::{
    ConnectOptions, ListenOptions, NewServiceNumbers, RegistryOptions, filter, identity_of, millis,
    process_id, retry, whole,
};
use crate::registry_handle::RegistryHandle;

/// A registry: one process to everybody else.
///
/// Every method throws an `Error` with a stable `code`; after `dispose` or the environment's
/// `close` that is `closed`, except where said.
#[napi]
pub struct NativeRegistry {
    registry: Rc<RegistryHandle>,
    id: String,
}

#[napi]
impl NativeRegistry {
    /// Starts a registry whose deliveries wake `environment`.
    #[napi(constructor, catch_unwind)]
    pub fn new(environment: &Environment, options: RegistryOptions) -> Result<Self> {
        guard(|| {
            let registry = environment
                .admit(|no, wakeup, reading| RegistryHandle::start(no, wakeup, reading, options))?;
            let id = registry.engine()?.process().to_string();
            Ok(Self { registry, id })
        })
    }

    /// The process id: 32 hexadecimal digits.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its number in its environment, by which `Environment.ready` names it.
    #[napi(getter, catch_unwind)]
    pub fn no(&self) -> u32 {
        self.registry.no
    }

    /// `role`: 0 client, 1 server. Heartbeat times in milliseconds. `authorise`: LINK deliveries
    /// ask who may be linked. Returns the exchange.
    #[napi(catch_unwind)]
    pub fn create_exchange(
        &self,
        role: u32,
        group: String,
        heartbeat_interval: f64,
        heartbeat_dead: f64,
        authorise: bool,
    ) -> Result<u32> {
        guard(|| {
            let role = match role {
                role::CLIENT => Role::Client,
                role::SERVER => Role::Server,
                other => return Err(invalid(format!("unknown role {other}"))),
            };
            let heartbeat = Heartbeat {
                interval: millis("heartbeat interval", heartbeat_interval)?,
                dead: millis("heartbeat dead time", heartbeat_dead)?,
            };
            let create = |process: &mut Process, _| {
                let exchange = process.create_exchange(role, group, heartbeat)?;
                process.require_authorisation(exchange, authorise);
                Ok(exchange)
            };
            self.command(create).map(|exchange| exchange.0)
        })
    }

    /// Takes a link that a LINK delivery asked about, or refuses it. Without effect when it is too
    /// late.
    #[napi(catch_unwind)]
    pub fn authorise(&self, link: u32, may: bool) -> Result<()> {
        guard(|| self.run(|process, now| process.authorise(now, LinkId(link), may)))
    }

    /// Listens at a port of hosts, or at a path. The end is delivered with `token`.
    #[napi(catch_unwind)]
    pub fn listen(&self, exchange: u32, options: ListenOptions, token: u32) -> Result<()> {
        guard(|| {
            let target = match options {
                ListenOptions { path: Some(path), .. } => ListenTarget::Unix(PathBuf::from(path)),
                ListenOptions { port: Some(port), hosts: Some(hosts), tcp_only, .. } => {
                    ListenTarget::Tcp { hosts, port: port_of(port)?, scheme: scheme(tcp_only) }
                }
                _ => return Err(invalid("listen needs a path, or a port and hosts")),
            };
            self.registry.listen(ExchangeId(exchange), target, token)
        })
    }

    /// Begins a link to a port of a host, or to a path; `unsupported` where there are no Unix
    /// sockets. Returns the link.
    #[napi(catch_unwind)]
    pub fn connect(&self, exchange: u32, options: ConnectOptions) -> Result<u32> {
        guard(|| {
            let retry = retry(options.retry)?;
            let target = match options {
                ConnectOptions { path: Some(_), .. } if cfg!(not(unix)) => {
                    let text = "Unix sockets are not supported on this platform";
                    return Err(Error::new(Code::UNSUPPORTED, text.to_owned()));
                }
                ConnectOptions { path: Some(path), .. } => Target::Unix(PathBuf::from(path)),
                ConnectOptions { port: Some(port), host: Some(host), tcp_only, .. } => {
                    Target::Tcp { host, port: port_of(port)?, scheme: scheme(tcp_only) }
                }
                _ => return Err(invalid("connect needs a path, or a port and a host")),
            };
            let link = self.registry.engine()?.connect(ExchangeId(exchange), target, retry);
            link.map(|link| link.0).map_err(|error| command(&error))
        })
    }

    /// Closes a link within `drain` milliseconds.
    #[napi(catch_unwind)]
    pub fn close_link(&self, link: u32, drain: f64) -> Result<()> {
        guard(|| {
            let drain = millis("drain", drain)?;
            self.run(|process, now| process.close_link(now, LinkId(link), drain))
        })
    }

    /// Closes an exchange within `drain` milliseconds; `EXCHANGE_CLOSED` follows.
    #[napi(catch_unwind)]
    pub fn close_exchange(&self, exchange: u32, drain: f64) -> Result<()> {
        guard(|| {
            let drain = millis("drain", drain)?;
            self.run(|process, now| process.close_exchange(now, ExchangeId(exchange), drain))
        })
    }

    /// Closes everything within `drain` milliseconds; deliveries go on until then.
    #[napi(catch_unwind)]
    pub fn close(&self, drain: f64) -> Result<()> {
        guard(|| {
            let drain = millis("drain", drain)?;
            // Closing what is closed is no error.
            if let Ok(engine) = self.registry.engine() {
                engine.close(drain);
            }
            Ok(())
        })
    }

    /// Ends everything at once: writes what the sockets take without waiting. Nothing is
    /// delivered any more. Idempotent.
    #[napi(catch_unwind)]
    pub fn dispose(&self) -> Result<()> {
        guard(|| {
            self.registry.dispose();
            Ok(())
        })
    }

    /// Announces a service. Returns its number here and its counter in the process.
    #[napi(catch_unwind)]
    pub fn create_service(
        &self,
        name: String,
        audience: String,
        groups: Vec<String>,
        methods: Vec<String>,
    ) -> Result<NewServiceNumbers> {
        guard(|| {
            let service = NewService {
                name: name.into(),
                audience: audience.into(),
                groups: groups.into_iter().map(Str::from).collect(),
                methods: methods.into_iter().map(Str::from).collect(),
            };
            let (no, id) = self.command(|process, now| process.create_service(now, service))?;
            Ok(NewServiceNumbers { no: no.0, counter: id.counter })
        })
    }

    /// Withdraws a service.
    #[napi(catch_unwind)]
    pub fn close_service(&self, service: u32) -> Result<()> {
        guard(|| self.run(|process, now| process.close_service(now, ServiceNo(service))))
    }

    /// Adds a service to a group; false: it was in it.
    #[napi(catch_unwind)]
    pub fn join(&self, service: u32, group: String) -> Result<bool> {
        guard(|| self.command(|process, now| process.join(now, ServiceNo(service), group)))
    }

    /// Takes a service out of a group; false: it was not in it.
    #[napi(catch_unwind)]
    pub fn leave(&self, service: u32, group: String) -> Result<bool> {
        guard(|| self.command(|process, now| process.leave(now, ServiceNo(service), &group)))
    }

    /// The visible services that fit, oldest first: a u32 count, then that many packed services.
    #[napi(catch_unwind)]
    pub fn lookup<'env>(
        &self,
        env: &'env Env,
        name: Option<String>,
        identity: Option<String>,
        group: Option<String>,
    ) -> Result<Uint8ArraySlice<'env>> {
        guard(|| {
            let filter = filter(name, identity.as_deref(), group)?;
            list(env, &self.run(|process, _| process.lookup(&filter))?)
        })
    }

    /// Watches services that fit. Returns the watch.
    #[napi(catch_unwind)]
    pub fn watch(
        &self,
        name: Option<String>,
        identity: Option<String>,
        group: Option<String>,
    ) -> Result<u32> {
        guard(|| {
            let filter = filter(name, identity.as_deref(), group)?;
            let watch = |process: &mut Process, _| {
                process.check_watch()?;
                Ok(process.watch(filter))
            };
            self.command(watch).map(|watch| watch.0)
        })
    }

    /// Ends a watch.
    #[napi(catch_unwind)]
    pub fn unwatch(&self, watch: u32) -> Result<()> {
        guard(|| self.run(|process, _| process.unwatch(WatchId(watch))))
    }

    /// Subscribes to a name, identity or group. `latest`: only the newest report of each subject
    /// waits. Returns the subscription.
    #[napi(catch_unwind)]
    pub fn subscribe(
        &self,
        kind: u32,
        target: String,
        pattern: String,
        max_reports: f64,
        max_bytes: f64,
        latest: bool,
    ) -> Result<u32> {
        guard(|| {
            let target = match kind {
                targets::NAME => SubscriptionTarget::Name(target.into()),
                targets::IDENTITY => SubscriptionTarget::Identity(identity_of(&target)?),
                targets::GROUP => SubscriptionTarget::Group(target.into()),
                other => return Err(invalid(format!("unknown kind of target: {other}"))),
            };
            let limits = SubscriptionLimits {
                reports: whole("maxReports", max_reports)?,
                bytes: whole("maxBytes", max_bytes)?,
                latest,
            };
            let subscribe =
                |process: &mut Process, now| process.subscribe(now, target, pattern, limits);
            self.command(subscribe).map(|subscription| subscription.0)
        })
    }

    /// Ends a subscription.
    #[napi(catch_unwind)]
    pub fn unsubscribe(&self, subscription: u32) -> Result<()> {
        guard(|| self.run(|process, _| process.unsubscribe(SubscriptionId(subscription))))
    }

    /// The visible services that a subscription concerns, packed as those of `lookup`.
    #[napi(catch_unwind)]
    pub fn publishers<'env>(
        &self,
        env: &'env Env,
        subscription: u32,
    ) -> Result<Uint8ArraySlice<'env>> {
        guard(|| {
            let subscription = SubscriptionId(subscription);
            list(env, &self.run(|process, _| process.publishers(subscription))?)
        })
    }

    /// Gives a request up. Whether it was delivered: 0 no, 2 unknown; 255: its outcome was there
    /// before. `OUTCOME` follows in any case.
    #[napi(catch_unwind)]
    pub fn cancel(&self, key: u32) -> Result<u32> {
        guard(|| {
            let delivered = self.run(|process, _| process.cancel(key.into()))?;
            Ok(delivered.map_or(cancelled::TOO_LATE, delivered_number))
        })
    }

    /// Publishes a report. `lifetime` in milliseconds, -1: as long as the service exists.
    /// `extensions`: encoded extension fields. False: much is queued already, a publisher should
    /// wait for `flush`.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        service: u32,
        subject: String,
        content_kind: u32,
        content: &[u8],
        lifetime: f64,
        extensions: Option<&[u8]>,
    ) -> Result<bool> {
        guard(|| {
            let lifetime = match lifetime {
                lifetime::FOREVER => Lifetime::Forever,
                lifetime::NONE => Lifetime::None,
                time => Lifetime::For(millis("lifetime", time)?),
            };
            let content = Body { kind: kind_of(content_kind)?, bytes: content };
            self.publish_alone(service, &subject.into(), content, extensions, lifetime, None)
        })
    }

    /// Publishes a report for one process, if that subscribes to it; never kept. The rest is as for
    /// `publish`.
    #[napi(catch_unwind)]
    pub fn publish_to(
        &self,
        service: u32,
        subject: String,
        content_kind: u32,
        content: &[u8],
        process: String,
        extensions: Option<&[u8]>,
    ) -> Result<bool> {
        guard(|| {
            let content = Body { kind: kind_of(content_kind)?, bytes: content };
            let (lifetime, to) = (Lifetime::None, Some(process_of(&process)?));
            self.publish_alone(service, &subject.into(), content, extensions, lifetime, to)
        })
    }

    /// Asks the peers to confirm everything sent so far; `FLUSHED` follows within `timeout`
    /// milliseconds. Returns the flush.
    #[napi(catch_unwind)]
    pub fn flush(&self, exchange: u32, timeout: f64) -> Result<u32> {
        guard(|| {
            let timeout = millis("timeout", timeout)?;
            self.run(|process, now| process.flush(now, ExchangeId(exchange), timeout).0)
        })
    }

    /// Asks for `PROCESS_GONE` when that process is no longer reachable; false: it is not now.
    #[napi(catch_unwind)]
    pub fn track(&self, process: String) -> Result<bool> {
        guard(|| {
            let id = process_of(&process)?;
            self.run(|process, _| process.track(id))
        })
    }

    /// Reports that a subscription has lost in all.
    #[napi(catch_unwind)]
    #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 lost reports")]
    pub fn missed(&self, subscription: u32) -> Result<f64> {
        guard(|| self.run(|process, _| process.missed(SubscriptionId(subscription)) as f64))
    }

    /// Runs the commands in the first `length` bytes of `buffer`, none of them if one is
    /// malformed. Returns the bytes queued for the link that has most.
    #[napi(catch_unwind)]
    #[allow(clippy::cast_precision_loss, reason = "bounded by the limit outbox")]
    pub fn submit(&self, buffer: &[u8], length: u32) -> Result<f64> {
        guard(|| self.registry.submit(buffer, length).map(|queued| queued as f64))
    }

    /// Fills `words`, of which there must be 64 or more, with the next deliveries, and `memory`
    /// from `at` on with the bytes they refer to. If the first does not fit in there, it comes
    /// alone, and the result is memory of its own to which it refers; else the result is null. If
    /// the words say that there is more, call again, now or in a later turn: nothing wakes for
    /// that. Never throws `closed`.
    #[napi(catch_unwind)]
    pub fn drain<'env>(
        &self,
        env: &'env Env,
        mut words: Uint32ArraySlice<'env>,
        mut memory: Uint8ArraySlice<'env>,
        at: u32,
    ) -> Result<Option<Uint8ArraySlice<'env>>> {
        guard(|| {
            if overlap(&words, &memory) {
                return Err(invalid("words and memory must not overlap"));
            }
            // SAFETY: no other slices of these arrays exist, they do not overlap, and no JavaScript
            // runs before they are written.
            let (words, memory) = unsafe { (words.as_mut(), memory.as_mut()) };
            self.registry.drain(words, memory, at as usize, |size, fill| {
                let mut own = uninitialised(env, size)?;
                // SAFETY: it has just been made, so nobody else knows it.
                fill(unsafe { own.as_mut() });
                Ok(own)
            })
        })
    }
}

#[napi]
impl NativeRegistry {
    /// Requests whose deadline has passed, which are told before what `drain` has already given:
    /// fills `pairs` with key and, as `cancel`, whether it was delivered. Returns how many they
    /// are; if they fill the array there may be more. Never throws `closed`.
    #[napi(catch_unwind)]
    pub fn overdue(&self, mut pairs: Uint32ArraySlice<'_>) -> Result<u32> {
        guard(|| {
            // SAFETY: no other slice of this array exists, and no JavaScript runs before it is
            // written.
            let pairs = unsafe { pairs.as_mut() };
            Ok(self.registry.overdue(pairs))
        })
    }
}

impl NativeRegistry {
    fn run<R>(&self, body: impl FnOnce(&mut Process, Time) -> R) -> Result<R> {
        Ok(self.registry.engine()?.with(body))
    }

    fn publish_alone(
        &self,
        service: u32,
        subject: &Str,
        content: Body<'_>,
        extensions: Option<&[u8]>,
        lifetime: Lifetime,
        to: Option<ProcessId>,
    ) -> Result<bool> {
        let (service, extensions) = (ServiceNo(service), extensions.unwrap_or_default());
        let report = Publication { service, subject, content, extensions, lifetime, to };
        publish_alone(&*self.registry.engine()?, &report).map_err(|error| command(&error))
    }

    fn command<R>(
        &self,
        body: impl FnOnce(&mut Process, Time) -> std::result::Result<R, CommandError>,
    ) -> Result<R> {
        self.run(body)?.map_err(|error| command(&error))
    }
}

/// A service list as `lookup` returns it.
fn list<'env>(env: &'env Env, services: &[ServiceInfo]) -> Result<Uint8ArraySlice<'env>> {
    let packed = service_info::pack_list(services);
    Uint8ArraySlice::copy_from(env, packed).map_err(|error| node_api(&error))
}

fn kind_of(kind: u32) -> Result<u8> {
    u8::try_from(kind).map_err(|_| invalid(format!("unknown kind of content: {kind}")))
}

fn process_of(text: &str) -> Result<ProcessId> {
    process_id(text).ok_or_else(|| invalid(format!("not a process id: {text:?}")))
}

fn scheme(tcp_only: Option<bool>) -> Scheme {
    if tcp_only == Some(true) { Scheme::Tcp } else { Scheme::Auto }
}

fn port_of(port: u32) -> Result<u16> {
    u16::try_from(port).map_err(|_| invalid(format!("a port is at most 65535, not {port}")))
}

/// Whether two arrays share memory.
fn overlap(words: &[u32], bytes: &[u8]) -> bool {
    let (words, bytes) = (words.as_ptr_range(), bytes.as_ptr_range());
    words.start.addr() < bytes.end.addr() && bytes.start.addr() < words.end.addr()
}

/// Memory that JavaScript owns: two buffers must never share any, so contents are copied.
fn uninitialised(env: &Env, size: usize) -> Result<Uint8ArraySlice<'_>> {
    let (mut data, mut buffer) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: `env` is the calling thread's, and both places are written by the call.
    let status =
        unsafe { napi::sys::napi_create_buffer(env.raw(), size, &raw mut data, &raw mut buffer) };
    napi::check_status!(status, "no memory for {size} bytes").map_err(|error| node_api(&error))?;
    // SAFETY: Node's Buffer is a Uint8Array, and `buffer` has just been made in `env`.
    unsafe { Uint8ArraySlice::from_napi_value(env.raw(), buffer) }.map_err(|error| node_api(&error))
}
