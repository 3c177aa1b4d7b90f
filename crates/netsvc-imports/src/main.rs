//! `imports FOLDER…`: fails when files of a crate import each other in a circle, and prints what
//! ties them. A folder is `src` of a crate.
//!
//! A file imports another if it names an item that the other defines, whether by `use` or by a
//! path, and through however many re-exports. `mod` ties nothing, nor does handing on a name that
//! the file itself does not use; code under `cfg(test)` does not count. Method calls are not seen:
//! the type that they belong to is.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints what it finds"
)]

mod circles;
mod crate_map;
mod mentions;
mod resolve;
mod test_only;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use circles::{Imports, circles};
use crate_map::CrateMap;

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = env::args().skip(1).map(PathBuf::from).collect();
    let mut found = 0;
    for root in folders.iter().flat_map(|folder| roots(folder)) {
        match CrateMap::read(&root, &|path| std::fs::read_to_string(path)) {
            Ok(map) => {
                let imports = resolve::imports(&map);
                for circle in circles(&imports) {
                    found += 1;
                    print(&circle, &imports);
                }
            }
            Err(error) => {
                eprintln!("imports: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files that the compiler starts from: library and programs.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let mut roots: Vec<_> = ["lib.rs", "main.rs"].map(|name| folder.join(name)).into();
    let programs = std::fs::read_dir(folder.join("bin")).into_iter().flatten().flatten();
    roots.extend(programs.map(|entry| entry.path()));
    roots.retain(|path| path.is_file());
    roots
}

fn print(circle: &[PathBuf], imports: &Imports) {
    println!("{} files import each other:", circle.len());
    for from in circle {
        for to in circle {
            let Some(names) = imports.get(&(from.clone(), to.clone())) else { continue };
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            println!("  {} -> {}: {}", from.display(), to.display(), names.join(", "));
        }
    }
}
