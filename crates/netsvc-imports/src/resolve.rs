//! Which file defines what a path names.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::circles::Imports;
use crate::crate_map::{CrateMap, Definition, ModuleNo};
use crate::mentions::Mention;

/// Re-exports of re-exports that are followed: more than anybody writes, and an end where a name
/// leads back to itself, as that of another crate in `use name::name` does.
const MOST: usize = 16;

/// What a path leads to; nothing, if that lies in another crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Item(PathBuf),
    Module(ModuleNo),
}

/// What the files of a crate take from each other.
pub(crate) fn imports(map: &CrateMap) -> Imports {
    let mut imports = Imports::new();
    for (number, module) in map.modules.iter().enumerate() {
        for mention in &module.mentions {
            let (Mention::Path(path) | Mention::All(path)) = mention;
            let Some(name) = path.last() else { continue };
            for target in resolve(map, number, path, MOST) {
                let Target::Item(file) = target else { continue };
                if file != module.file {
                    let names = imports.entry((module.file.clone(), file)).or_default();
                    names.insert(shown(path, name));
                }
            }
        }
    }
    imports
}

/// A type rather than what belongs to it, where names are written as usual.
fn shown(path: &[String], last: &str) -> String {
    let is_type = |name: &&String| name.starts_with(char::is_uppercase);
    path.iter().find(is_type).map_or(last, String::as_str).to_string()
}

fn resolve(map: &CrateMap, from: ModuleNo, path: &[String], depth: usize) -> BTreeSet<Target> {
    let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
    match first.as_str() {
        "crate" => within(map, 0, rest, depth),
        "self" => within(map, from, rest, depth),
        "super" => match map.modules[from].parent {
            Some(parent) if rest.first().is_some_and(|next| next == "super") => {
                resolve(map, parent, rest, depth)
            }
            Some(parent) => within(map, parent, rest, depth),
            None => BTreeSet::new(),
        },
        _ => lookup(map, from, first, rest, depth),
    }
}

/// A path that continues in a module of this crate.
fn within(map: &CrateMap, module: ModuleNo, path: &[String], depth: usize) -> BTreeSet<Target> {
    let Some((first, rest)) = path.split_first() else {
        return BTreeSet::from([Target::Module(module)]);
    };
    let found = lookup(map, module, first, rest, depth);
    if found.is_empty() && !map.modules[module].names.contains_key(first) {
        // Made by a macro that is called there.
        return BTreeSet::from([Target::Item(map.modules[module].file.clone())]);
    }
    found
}

/// A name in the scope of a module, and what follows it.
fn lookup(
    map: &CrateMap,
    module: ModuleNo,
    name: &str,
    rest: &[String],
    depth: usize,
) -> BTreeSet<Target> {
    if depth == 0 {
        return BTreeSet::new();
    }
    let scope = &map.modules[module];
    let known = scope.names.get(name).map(Vec::as_slice).unwrap_or_default();
    // What has something below it is a module, if one is called so: not the function beside it.
    let is_module = |definition: &&Definition| matches!(definition, Definition::Module(_));
    let only_module = !rest.is_empty() && known.iter().any(|one| is_module(&one));
    let mut found = BTreeSet::new();
    for definition in known.iter().filter(|one| !only_module || is_module(one)) {
        match definition {
            Definition::Item(file) => _ = found.insert(Target::Item(file.clone())),
            Definition::Module(number) => found.extend(within(map, *number, rest, depth)),
            Definition::Used(path) => {
                for target in resolve(map, module, path, depth - 1) {
                    match target {
                        Target::Module(number) => found.extend(within(map, number, rest, depth)),
                        item @ Target::Item(_) => _ = found.insert(item),
                    }
                }
            }
        }
    }
    if known.is_empty() {
        for path in &scope.globs {
            for target in resolve(map, module, path, depth - 1) {
                // Variants of an enum are not known by name; that they are brought in is enough.
                let Target::Module(number) = target else { continue };
                found.extend(lookup(map, number, name, rest, depth - 1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;

    /// Who imports what from whom, in a crate of these files.
    fn imported(files: &[(&str, &str)]) -> Vec<String> {
        let source = |path: &Path| {
            let found = files.iter().find(|(name, _)| path == Path::new(name));
            found.map(|(_, text)| (*text).to_string()).ok_or(io::ErrorKind::NotFound.into())
        };
        let map = CrateMap::read(Path::new("lib.rs"), &source).expect("the sources are right");
        let shown = |((from, to), names): (&(PathBuf, PathBuf), &BTreeSet<String>)| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            format!("{} -> {}: {}", from.display(), to.display(), names.join(" "))
        };
        imports(&map).iter().map(shown).collect()
    }

    #[test]
    fn a_use_leads_to_the_file_that_defines_the_item() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::{Thing, c::Other as Renamed};"),
            ("b/mod.rs", "pub mod c; pub struct Thing;"),
            ("b/c.rs", "pub enum Other {}"),
        ];
        assert_eq!(imported(&files), ["a.rs -> b/c.rs: Other", "a.rs -> b/mod.rs: Thing"]);
    }

    #[test]
    fn re_exports_are_followed_and_tie_nothing_themselves() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::Thing;"),
            ("a.rs", "use crate::Thing; use crate::b::all;"),
            ("b.rs", "mod c; mod d; pub use c::Thing; pub use d::*;"),
            ("b/c.rs", "pub struct Thing;"),
            ("b/d.rs", "pub fn all() {}"),
        ];
        assert_eq!(imported(&files), ["a.rs -> b/c.rs: Thing", "a.rs -> b/d.rs: all"]);
    }

    #[test]
    fn a_name_that_is_handed_on_and_used_counts() {
        let files = [
            ("lib.rs", "mod a; pub use a::Thing; pub struct Owner { thing: Thing }"),
            ("a.rs", "pub struct Thing; impl super::Owner {}"),
        ];
        assert_eq!(imported(&files), ["a.rs -> lib.rs: Owner", "lib.rs -> a.rs: Thing"]);
    }

    #[test]
    fn paths_count_without_a_use_wherever_they_stand() {
        let files = [
            ("lib.rs", "mod a; mod b; use b::inner;"),
            ("a.rs", "fn f() { assert!(crate::b::is() && x.b::<u8>()); super::inner::g(); }"),
            ("b.rs", "pub fn is() -> bool { true } pub mod inner { pub fn g() { super::is() } }"),
        ];
        assert_eq!(imported(&files), ["a.rs -> b.rs: g is"]);
    }

    #[test]
    fn a_use_in_a_block_and_all_of_an_enum_count() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::Kind::*; fn f() { use crate::b::g; g() }"),
            ("b.rs", "pub enum Kind { A } pub fn g() {}"),
        ];
        assert_eq!(imported(&files), ["a.rs -> b.rs: Kind g"]);
    }

    #[test]
    fn all_of_a_module_is_what_is_named_of_it() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::*; fn f(_: One) {}"),
            ("b.rs", "pub use crate::c::*; pub struct One; pub struct Two;"),
            ("c.rs", "pub struct Three;"),
        ];
        assert_eq!(imported(&files), ["a.rs -> b.rs: One"]);
    }

    #[test]
    fn what_a_macro_makes_belongs_to_the_file_that_calls_it() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::Id; fn f() { crate::shout!() }"),
            (
                "b.rs",
                "number!(Id); #[macro_export] macro_rules! shout { () => { $crate::a::x() } }",
            ),
        ];
        assert_eq!(imported(&files), ["a.rs -> b.rs: Id shout", "b.rs -> a.rs: x"]);
    }

    #[test]
    fn a_function_called_as_its_module_is_found() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::read::read; fn f() { read() }"),
            ("b.rs", "pub mod read; pub use read::read;"),
            ("b/read.rs", "pub fn read() {}"),
        ];
        assert_eq!(imported(&files), ["a.rs -> b/read.rs: read"]);
    }

    #[test]
    fn other_crates_tests_and_members_tie_nothing() {
        let files = [
            ("lib.rs", "mod a; mod b; use bytes::bytes;"),
            (
                "a.rs",
                "#[cfg(test)] mod tests { use crate::b::g; } #[cfg(all(test, unix))] use crate::b::g;",
            ),
            ("b.rs", "use ::a::x; pub fn g() { bytes::y(); matches!(self.a, Some(_)); }"),
        ];
        assert_eq!(imported(&files), [""; 0]);
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let lacking = |path: &Path| match path.to_str() {
            Some("lib.rs") => Ok("mod a;".to_string()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        let error = CrateMap::read(Path::new("lib.rs"), &lacking).expect_err("a.rs is missing");
        assert_eq!(error, "a/mod.rs: entity not found");
        let broken = |_: &Path| Ok("\nfn (".to_string());
        let error = CrateMap::read(Path::new("lib.rs"), &broken).expect_err("it is no Rust");
        assert!(error.starts_with("lib.rs: line 2: "), "{error}");
    }
}
