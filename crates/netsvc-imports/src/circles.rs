//! Which files lie on circles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Names by who mentions them and who defines them. No file is tied to itself.
pub(crate) type Imports = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// Files that reach each other, put together; every circle lies within one of these.
pub(crate) fn circles(imports: &Imports) -> Vec<Vec<PathBuf>> {
    let files: BTreeSet<&PathBuf> = imports.keys().map(|(from, _)| from).collect();
    let reached: BTreeMap<_, _> = files.iter().map(|file| (*file, reach(imports, file))).collect();
    let mut circles: Vec<Vec<PathBuf>> = Vec::new();
    for file in files {
        let circle: Vec<PathBuf> = reached[file]
            .iter()
            .filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)))
            .map(|other| (*other).clone())
            .collect();
        // The first of its files stands for a circle.
        if circle.first() == Some(file) {
            circles.push(circle);
        }
    }
    circles
}

/// Whatever `start` imports, and what that imports in its turn.
fn reach<'a>(imports: &'a Imports, start: &PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for (from, to) in imports.keys() {
            if from == at && reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> Vec<Vec<PathBuf>> {
        let pair = |(from, to): &(&str, &str)| ((from.into(), to.into()), BTreeSet::new());
        circles(&pairs.iter().map(pair).collect())
    }

    #[test]
    fn a_line_is_no_circle() {
        assert!(found(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    }

    #[test]
    fn circles_that_share_a_file_are_one_and_others_are_apart() {
        let pairs = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("c", "x")];
        let apart = [("x", "y"), ("y", "x")];
        let expected: [Vec<PathBuf>; 2] =
            [vec!["a".into(), "b".into(), "c".into()], vec!["x".into(), "y".into()]];
        assert_eq!(found(&[&pairs[..], &apart].concat()), expected);
    }
}
