//! Tables in Markdown, which terminals show well, too.

use std::fmt::{Display, Write};

use crate::attack::Attack;
use crate::attacks;
use crate::ceilings::{NEWCOMER, P99, RECOVERY};
use crate::figures::Figures;
use crate::surroundings::Kind;

const HEAD: [&str; 9] = [
    "attack",
    "hub MiB before → peak → after",
    "hub CPU s (≤)",
    "requests",
    "p50 / p99 / max ms",
    "errors, missed",
    "thrown out",
    "newcomers, slowest ms",
    "recovery s",
];

/// What attacks there are.
pub(crate) fn attacks() -> String {
    let rows = attacks::all().map(|attack| {
        let bounds = format!("{} s, {} MiB", attack.seconds, attack.mebibytes);
        vec![attack.name.into(), attack.does.into(), attack.must_not.into(), bounds]
    });
    let head = ["attack", "what it does", "what it must not do besides", "bounds"];
    markdown(&head, &rows.collect::<Vec<_>>())
}

pub(crate) fn title(kind: Kind) -> String {
    format!(
        "{}: at most p99 {P99} ms, newcomers {NEWCOMER} ms, recovery {RECOVERY} s, memory {} MiB \
         above the start, 10 % + 8 MiB after 10 s; no error, nobody thrown out. **Broken** is bold.",
        kind.name(),
        kind.growth(),
    )
}

pub(crate) fn figures(rows: &[Vec<String>]) -> String {
    markdown(&HEAD, rows)
}

/// Figures beside their ceilings, and those that break one in bold.
pub(crate) fn row(
    attack: &Attack,
    kind: Kind,
    figures: &Figures,
    broken: &[String],
) -> Vec<String> {
    let [before, peak, after] = figures.memory;
    let is_broken = |what: &str| broken.iter().any(|text| text.starts_with(what));
    let bold = |is_broken: bool, text: &dyn Display| {
        if is_broken { format!("**{text}**") } else { text.to_string() }
    };
    let named = if figures.wrong.is_empty() {
        attack.name.into()
    } else {
        format!("{}: **{}**", attack.name, figures.wrong.join("; "))
    };
    let most = format!("{:.1} (≤ {:.0})", peak, before + kind.growth());
    vec![
        named,
        format!(
            "{before:.1} → {} → {}",
            bold(is_broken("hub peak"), &most),
            bold(is_broken("hub after"), &format!("{after:.1}")),
        ),
        bold(is_broken("hub CPU"), &format!("{:.1} (≤ {:.1})", figures.cpu, attack.most_cpu())),
        figures.requests.to_string(),
        format!(
            "{:.1} / {} / {:.0}",
            figures.p50,
            bold(is_broken("p99"), &format!("{:.1}", figures.p99)),
            figures.most
        ),
        format!(
            "{}, {}",
            bold(figures.errors() > 0, &figures.errors()),
            bold(figures.missed > 0, &figures.missed)
        ),
        bold(!figures.thrown_out.is_empty(), &names(&figures.thrown_out)),
        format!(
            "{}, {}",
            bold(
                !figures.locked_out.is_empty(),
                &format!(
                    "{} of {}",
                    figures.newcomers - figures.locked_out.len(),
                    figures.newcomers
                )
            ),
            bold(is_broken("slowest newcomer"), &format!("{:.0}", figures.slowest))
        ),
        bold(is_broken("recovery"), &format!("{:.1}", figures.recovery)),
    ]
}

/// An attack of which there are no figures.
pub(crate) fn unmeasured(attack: &Attack, error: &std::io::Error) -> Vec<String> {
    let mut row = vec![format!("{}: **{error}**", attack.name)];
    row.resize(HEAD.len(), String::new());
    row
}

/// Who was thrown out, without the reasons.
fn names(thrown_out: &[String]) -> String {
    let mut names: Vec<_> = thrown_out.iter().filter_map(|text| text.split(':').next()).collect();
    names.dedup();
    names.join(", ")
}

fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&head.iter().map(ToString::to_string).collect::<Vec<_>>());
    line(&vec!["---".to_owned(); head.len()]);
    for row in rows {
        line(row);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_has_all_attacks_as_they_are() {
        let document = include_str!("../../../docs/attacks.md");
        assert!(document.contains(&super::attacks()), "see `npm run attack -- --list`");
    }
}
