//! Capabilities, quality classes, percentiles and ends of answers by their words.

use crate::image::{Features, Finish, Quantile, Tier};
use crate::report::Report;
use crate::tree::Word;
use crate::words::FINISHES;

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
        report
            .error(
                "mux::name::feature",
                word.span,
                format!("there is no capability `{}`", word.text),
            )
            .advise(
                &word.text,
                Features::ALL.iter().map(|(_, name)| *name),
                "the capabilities are",
            );
    }
    found
}

/// A percentile by its word.
pub(super) fn quantile(word: &Word, report: &mut Report) -> Option<Quantile> {
    let found = match word.text.as_ref() {
        "p50" => Some(Quantile::P50),
        "p95" => Some(Quantile::P95),
        "p99" => Some(Quantile::P99),
        _ => None,
    };
    if found.is_none() {
        report
            .error(
                "mux::name::quantile",
                word.span,
                format!("there is no percentile `{}`", word.text),
            )
            .help("the percentiles are `p50`, `p95` and `p99`");
    }
    found
}

/// Why an answer ended, by its word.
pub(super) fn finish(word: &Word, report: &mut Report) -> Option<Finish> {
    let found = match word.text.as_ref() {
        "stop" => Some(Finish::Stop),
        "length" => Some(Finish::Length),
        "tool_calls" => Some(Finish::ToolCalls),
        "content_filter" => Some(Finish::ContentFilter),
        _ => None,
    };
    if found.is_none() {
        report
            .error(
                "mux::name::finish",
                word.span,
                format!("no answer ends with `{}`", word.text),
            )
            .advise(
                &word.text,
                FINISHES.iter().map(|c| c.word),
                "answers end with",
            );
    }
    found
}
