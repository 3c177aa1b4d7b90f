//! Writes the fields of a body, the counterpart of `reader.rs`.

use std::time::Duration;

use bytes::BufMut;

use crate::ids::Str;

/// Appends a string of at most `limit` bytes.
pub(super) fn string(body: &mut Vec<u8>, text: &str, limit: usize) {
    let text = fitting(text, limit);
    body.put_u16_le(text.len() as u16);
    body.put_slice(text.as_bytes());
}

/// Appends a list of at most `most` strings of at most `limit` bytes each.
pub(super) fn strings(body: &mut Vec<u8>, list: &[Str], most: usize, limit: usize) {
    debug_assert!(list.len() <= most, "{} strings exceed {most}", list.len());
    let count = list.len().min(most);
    body.put_u16_le(count as u16);
    list.iter().take(count).for_each(|text| string(body, text, limit));
}

/// `text`, or as much of it as `limit` allows.
///
/// Names are checked where they come in. Should one slip through, its end is lost on this link,
/// which is better than a panic or a frame that makes the peer close the link.
pub(super) fn fitting(text: &str, limit: usize) -> &str {
    debug_assert!(text.len() <= limit, "string of {} bytes exceeds {limit}", text.len());
    prefix(text, limit)
}

/// As much of `text` as `limit` allows. Explanations for people may be cut.
pub(super) fn prefix(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whole milliseconds, rounded up so that time left is never read as none left.
pub(crate) fn millis(duration: Duration) -> u32 {
    let part = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    let millis = duration.as_secs().saturating_mul(1000).saturating_add(part);
    u32::try_from(millis).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(prefix("grün", 9), "grün");
        assert_eq!(prefix("grün", 4), "grü");
        assert_eq!(prefix("grün", 3), "gr");
        assert_eq!(prefix("ü", 1), "");
    }

    #[test]
    fn milliseconds_are_rounded_up_and_saturate() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_micros(1_000_001)), 1_001);
        assert_eq!(millis(Duration::new(1, 999_999_999)), 2_000);
        assert_eq!(millis(Duration::MAX), u32::MAX);
    }
}
