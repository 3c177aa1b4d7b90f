//! Values as TOML writes them. The command line writes numbers like the file does.

use toml::de::{DeInteger, DeValue};

/// The value in a text of its own, if `convert` takes it.
pub(crate) fn parse(text: &str, convert: fn(&DeValue<'_>) -> Result<f64, String>) -> Option<f64> {
    DeValue::parse(text).ok().and_then(|value| convert(value.get_ref()).ok())
}

pub(crate) fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| "must be a text".to_owned())
}

pub(crate) fn number(value: &DeValue<'_>) -> Result<f64, String> {
    match value {
        DeValue::Integer(number) => Ok(whole(number)),
        // Of TOML's fractions Rust's `parse` reads all.
        DeValue::Float(number) => Ok(number.as_str().parse().unwrap_or(f64::NAN)),
        _ => Err("must be a number".to_owned()),
    }
}

pub(crate) fn integer(value: &DeValue<'_>) -> Result<f64, String> {
    match value {
        DeValue::Integer(number) => Ok(whole(number)),
        _ => Err("must be a whole number".to_owned()),
    }
}

/// Beyond 128 bits it is infinite, as no range has room for that either.
fn whole(number: &DeInteger<'_>) -> f64 {
    // Ranges end far below where a float is no longer exact.
    #[allow(clippy::cast_precision_loss)]
    i128::from_str_radix(number.as_str(), number.radix()).map_or(f64::INFINITY, |n| n as f64)
}
