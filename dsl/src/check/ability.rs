//! Capabilities and quality classes by their words.

use crate::image::{Features, Tier};
use crate::report::Report;
use crate::suggest;
use crate::tree::Word;

/// A quality class by its word.
pub(super) fn tier(word: &Word, report: &mut Report) -> Option<Tier> {
    let tier = [
        ("economy", Tier::Economy),
        ("standard", Tier::Standard),
        ("frontier", Tier::Frontier),
    ];
    let found = tier
        .iter()
        .find(|(name, _)| word.says(name))
        .map(|(_, tier)| *tier);
    if found.is_none() {
        report
            .error(
                "mux::name::tier",
                word.span,
                format!("there is no tier `{}`", word.text),
            )
            .help("the tiers are `economy`, `standard` and `frontier`");
    }
    found
}

/// A capability by its word.
pub(super) fn feature(word: &Word, report: &mut Report) -> Option<Features> {
    let found = Features::ALL
        .iter()
        .find(|(_, name)| word.says(name))
        .map(|(feature, _)| *feature);
    if found.is_none() {
        let finding = report.error(
            "mux::name::feature",
            word.span,
            format!("there is no capability `{}`", word.text),
        );
        match suggest::advice(&word.text, Features::ALL.iter().map(|(_, name)| *name)) {
            Ok(close) => finding.meant(close),
            Err(list) => finding.help(format!("the capabilities are {list}")),
        };
    }
    found
}
