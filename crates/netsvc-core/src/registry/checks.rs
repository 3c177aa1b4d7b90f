//! Checks of what the application passes in, before anything is changed.

use crate::error::CommandError;
use crate::ids::Str;
use crate::limits::{MAX_CONTROL, MAX_EXTENSIONS, MAX_GROUPS, MAX_METHODS, MAX_NAME};
use crate::wire::{announced_len, check_extensions};

/// A service to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewService {
    /// Its name; need not be unique.
    pub name: Str,
    /// `"*"`: everybody; `""`: its own process; any other: over the exchange group of that name.
    pub audience: Str,
    /// Groups it is in from the start.
    pub groups: Vec<Str>,
    /// Names of its methods, fixed.
    pub methods: Vec<Str>,
}

pub(crate) fn check_service(service: &NewService) -> Result<(), CommandError> {
    check_name("service name", &service.name)?;
    check_name("audience", &service.audience)?;
    if service.groups.len() > MAX_GROUPS {
        return Err(CommandError::Limit { what: "groups of a service", limit: MAX_GROUPS });
    }
    if service.methods.len() > MAX_METHODS {
        return Err(CommandError::Limit { what: "methods of a service", limit: MAX_METHODS });
    }
    for group in &service.groups {
        check_group(group)?;
    }
    for method in &service.methods {
        check_name("method name", method)?;
    }
    let NewService { name, audience, groups, methods } = service;
    check_announced_len(announced_len(name, audience, groups, methods))
}

/// Whether a service can be announced in one control message.
pub(crate) fn check_announced_len(len: usize) -> Result<(), CommandError> {
    if len > MAX_CONTROL {
        let what = "bytes of a service's names, groups and methods";
        return Err(CommandError::Limit { what, limit: MAX_CONTROL });
    }
    Ok(())
}

pub(crate) fn check_group(group: &str) -> Result<(), CommandError> {
    if group.is_empty() {
        let why = "a service group needs a name".to_owned();
        return Err(CommandError::Invalid { what: "service group", why });
    }
    check_name("service group", group)
}

pub(crate) fn check_name(what: &'static str, text: &str) -> Result<(), CommandError> {
    check_length(what, text, MAX_NAME)
}

pub(crate) fn check_length(
    what: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), CommandError> {
    if text.len() > limit {
        let why = format!("{} bytes are more than the {limit} allowed", text.len());
        return Err(CommandError::Invalid { what, why });
    }
    Ok(())
}

/// Whether the application's extension fields can be sent.
pub(crate) fn check_own_extensions(extensions: &[u8]) -> Result<(), CommandError> {
    if extensions.len() > MAX_EXTENSIONS {
        let (what, limit) = ("bytes of extension fields", MAX_EXTENSIONS);
        return Err(CommandError::Limit { what, limit });
    }
    check_extensions(extensions)
        .map_err(|error| CommandError::Invalid { what: "extension fields", why: error.to_string() })
}

/// Groups as a service is in them: a repeated one counts once.
pub(crate) fn each_once(groups: Vec<Str>) -> Vec<Str> {
    let mut once: Vec<Str> = Vec::with_capacity(groups.len());
    for group in groups {
        if !once.contains(&group) {
            once.push(group);
        }
    }
    once
}

/// At most `limit` bytes of a text, cut between characters.
pub(crate) fn cut(text: &Str, limit: usize) -> Str {
    if text.len() <= limit {
        return text.clone();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Str::from(&text[..end])
}
