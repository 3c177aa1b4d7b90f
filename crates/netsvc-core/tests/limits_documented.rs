//! docs/limits.md has every limit by the name that it has in the program.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::fs;
use std::path::Path;

/// Limits that users need not know, each with the reason.
const NOT_TOLD: [(&str, &str); 0] = [];

/// What users write for a field.
fn option_of(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        name + &initial.to_uppercase() + rest
    })
}

/// Constants, and fields of `Limits`, as options have them.
fn limits(source: &str) -> Vec<String> {
    let between = |line: &str, before: &str| {
        let name = line.strip_prefix(before)?.split(':').next()?;
        Some(name.to_owned())
    };
    let constants = source.lines().filter_map(|line| between(line, "pub const "));
    let fields = source.lines().filter_map(|line| between(line, "    pub "));
    let fields = fields.filter(|name| !name.contains(['(', ' ']));
    constants.chain(fields.map(|field| option_of(&field))).collect()
}

#[test]
fn every_limit_is_documented() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(own.join("src/limits.rs")).unwrap();
    let document = fs::read_to_string(own.join("../../docs/limits.md")).unwrap();
    let limits = limits(&source);
    assert!(limits.len() > 30, "{limits:?}");
    let told = |name: &&String| {
        document.contains(&format!("`{name}`")) || NOT_TOLD.iter().any(|(known, _)| known == name)
    };
    let missing: Vec<_> = limits.iter().filter(|name| !told(name)).collect();
    assert!(missing.is_empty(), "docs/limits.md lacks {missing:?}");
}
