//! Options and other values from JavaScript, converted and checked.
#![allow(unsafe_code, reason = "the code that `napi` generates for objects")]

use std::time::Duration;

use napi_derive::napi;
use netsvc_core::{Filter, Limits, ProcessId, Retry, ServiceId, Str};

use crate::error::{Result, invalid};
use crate::numbers::retry as numbers;

/// Options of a registry.
#[napi(object)]
pub struct RegistryOptions {
    /// Label of the registry's process.
    pub label: String,
    /// Limits that differ from the defaults.
    pub limits: Option<RegistryLimits>,
}

/// Where to listen: a path, or a port and hosts.
#[napi(object)]
pub struct ListenOptions {
    /// TCP port; 0: a free one.
    pub port: Option<u32>,
    /// Names or addresses of this machine.
    pub hosts: Option<Vec<String>>,
    /// Path of a Unix socket.
    pub path: Option<String>,
    /// With a port: no Unix socket beside a loopback address.
    pub tcp_only: Option<bool>,
}

/// Where to connect: a path, or a port and a host.
#[napi(object)]
pub struct ConnectOptions {
    /// Name or address.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u32>,
    /// Path of a Unix socket.
    pub path: Option<String>,
    /// With a port: not by the Unix socket that a hub may offer beside a loopback address.
    pub tcp_only: Option<bool>,
    /// Seconds between attempts; -1 once, -2 on the default schedule.
    pub retry: f64,
}

/// Numbers of a new service.
#[napi(object)]
pub struct NewServiceNumbers {
    /// Its number in this registry.
    pub no: u32,
    /// Its counter in this process.
    pub counter: u32,
}

macro_rules! limits {
    ($($name:ident),* $(,)?) => {
        /// Limits of a registry; what is missing keeps its default.
        #[napi(object)]
        pub struct RegistryLimits {
            $(
                #[doc = concat!("`Limits::", stringify!($name), "`.")]
                pub $name: Option<f64>,
            )*
        }

        /// The limits of the core.
        pub(crate) fn limits(options: Option<RegistryLimits>) -> Result<Limits> {
            let mut limits = Limits::default();
            if let Some(options) = options {
                $(
                    if let Some(value) = options.$name {
                        limits.$name = whole(stringify!($name), value)?;
                    }
                )*
            }
            Ok(limits)
        }
    };
}

limits!(
    payload,
    outbox,
    memory,
    subscription_reports,
    subscription_bytes,
    running_requests,
    pending_requests,
    services,
    announced_bytes,
    interests,
    kept_values,
    kept_bytes,
    links,
    links_per_source,
    handshakes,
);

/// A whole number from 0 to 2^53.
pub(crate) fn whole(what: &str, value: f64) -> Result<usize> {
    const MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() != 0.0 || !(0.0..=MAX).contains(&value) {
        return Err(invalid(format!("{what} must be a whole number, not {value}")));
    }
    #[allow(clippy::cast_sign_loss, reason = "checked to be at least 0")]
    let whole = value as u64;
    usize::try_from(whole).map_err(|_| invalid(format!("{what} is too large: {value}")))
}

/// Milliseconds; fractions are kept.
pub(crate) fn millis(what: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value / 1000.0)
        .map_err(|_| invalid(format!("{what} must be a number of milliseconds, not {value}")))
}

/// When to connect again: -2 on the default schedule, -1 never, else after that many seconds.
pub(crate) fn retry(value: f64) -> Result<Retry> {
    match value {
        numbers::BACKOFF => Ok(Retry::Backoff),
        numbers::ONCE => Ok(Retry::Once),
        seconds if seconds > 0.0 => Duration::try_from_secs_f64(seconds)
            .map(Retry::Fixed)
            .map_err(|_| invalid(format!("retry is too long: {seconds} s"))),
        other => Err(invalid(format!("retry must be positive, -1 or -2, not {other}"))),
    }
}

/// What to watch or look up; `None` leaves it open.
pub(crate) fn filter(
    name: Option<String>,
    identity: Option<&str>,
    group: Option<String>,
) -> Result<Filter> {
    let id = identity.map(identity_of).transpose()?;
    Ok(Filter { name: name.map(Str::from), id, group: group.map(Str::from) })
}

/// An identity that must be one.
pub(crate) fn identity_of(text: &str) -> Result<ServiceId> {
    service_id(text).ok_or_else(|| invalid(format!("not an identity of a service: {text:?}")))
}

/// Reads `<32 hexadecimal digits>.<counter>`.
pub(crate) fn service_id(text: &str) -> Option<ServiceId> {
    let (process, counter) = text.split_once('.')?;
    let digits = counter.bytes().all(|byte| byte.is_ascii_digit());
    let counter = if digits { counter.parse().ok()? } else { return None };
    Some(ServiceId { process: process_id(process)?, counter })
}

/// Reads 32 hexadecimal digits.
pub(crate) fn process_id(text: &str) -> Option<ProcessId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(|number| ProcessId(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_as_they_are_written() {
        let id = ServiceId { process: ProcessId(*b"0123456789abcdef"), counter: 4_294_967_295 };
        assert_eq!(service_id(&id.to_string()), Some(id));
    }

    #[test]
    fn other_texts_are_no_identities() {
        let process = "0".repeat(32);
        for text in ["", ".", "1.1", &process, &format!("{process}."), &format!("{process}.+1")] {
            assert_eq!(service_id(text), None, "{text}");
        }
        assert_eq!(service_id(&format!("{process}.4294967296")), None);
        assert_eq!(service_id(&format!("+{}.1", "0".repeat(31))), None);
        assert_eq!(service_id(&format!("{}.1", "ü".repeat(16))), None);
    }

    #[test]
    fn numbers_out_of_range_are_invalid() {
        assert_eq!(whole("x", 5.0).unwrap(), 5);
        for value in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert!(whole("x", value).is_err(), "{value}");
            assert!(millis("x", -value.abs() - 1.0).is_err(), "{value}");
        }
        assert_eq!(millis("x", 1.5).unwrap(), Duration::from_micros(1500));
    }

    #[test]
    fn retry_is_a_schedule_once_or_seconds() {
        assert_eq!(retry(-2.0).unwrap(), Retry::Backoff);
        assert_eq!(retry(-1.0).unwrap(), Retry::Once);
        assert_eq!(retry(0.5).unwrap(), Retry::Fixed(Duration::from_millis(500)));
        for value in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert!(retry(value).is_err(), "{value}");
        }
    }
}
