//! Habits of other languages: read as what is meant, and reported once each with the line as it is written here.
//!
//! Only what can never be right is taken for a habit, so that no policy is read otherwise than it says; and whatever is
//! read otherwise is an error.

mod arms;
mod blocks;
mod characters;
mod edit;
mod formats;
mod keywords;
mod numbers;
mod phrases;
mod punctuation;
mod quotes;
mod rules;
mod scene;
mod tokens;

use super::reading::Reading;
use crate::report::Report;
use crate::source::{FileId, Span};
use edit::{Edit, Habit};
use scene::Scene;
use std::collections::BTreeMap;
use std::ops::Range;

/// Most places that one habit is shown at.
const PLACES: usize = 5;

/// Most places that one diagnostic offers to mend.
const FIXES: usize = 100;

/// The text as it is meant; `None` where it is no policy at all, which is reported.
pub(super) fn read<'t>(text: &'t str, file: FileId, report: &mut Report) -> Option<Reading<'t>> {
    let scene = Scene::new(text);
    if let Some((format, at)) = formats::find(&scene) {
        foreign(&scene, format, at, file, report);
        return None;
    }
    let mut found = Vec::new();
    characters::find(&scene, &mut found);
    blocks::find(&scene, &mut found);
    arms::find(&scene, &mut found);
    phrases::find(&scene, &mut found);
    rules::find(&scene, &mut found);
    numbers::find(&scene, &mut found);
    keywords::find(&scene, &mut found);
    punctuation::find(&scene, &mut found);
    quotes::find(&scene, &mut found);
    if found.is_empty() {
        return Some(Reading::plain(text));
    }
    let mut edits = apart(found);
    let parts = parts(&edits);
    tell(text, &mut edits, &parts, file, report);
    Some(Reading::changed(text, &parts))
}

/// The edits that do not get in each other's way; the earlier found wins.
fn apart(found: Vec<Edit>) -> Vec<Edit> {
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for edit in found {
        let free = |(range, _): &(Range<usize>, String)| {
            let before = taken.range(..range.end.max(range.start + 1)).next_back();
            before.is_none_or(|(start, end)| *end <= range.start || *start == *end)
                && !taken
                    .range(range.start + 1..range.end.max(range.start + 1))
                    .any(|_| true)
        };
        if edit.parts.iter().all(free) {
            taken.extend(edit.parts.iter().map(|(r, _)| (r.start, r.end)));
            kept.push(edit);
        }
    }
    kept
}

/// All parts in the order of the text.
fn parts(edits: &[Edit]) -> Vec<(Range<usize>, String)> {
    let mut parts: Vec<_> = edits.iter().flat_map(|e| e.parts.iter().cloned()).collect();
    parts.sort_by_key(|(range, _)| (range.start, range.end));
    parts
}

/// Says each habit once, all that show on one line together: the mended line answers them all.
fn tell(
    text: &str,
    edits: &mut [Edit],
    parts: &[(Range<usize>, String)],
    file: FileId,
    report: &mut Report,
) {
    edits.sort_by_key(|e| e.whole().start);
    let mut told: Vec<Habit> = Vec::new();
    let mut rest = &*edits;
    while let Some((first, _)) = rest.split_first() {
        let end = lines(text, &first.whole()).end;
        let count = rest.iter().take_while(|e| e.whole().start <= end).count();
        let (line, behind) = rest.split_at(count);
        rest = behind;
        let mut new: Vec<&Edit> = Vec::new();
        for edit in line {
            if !told.contains(&edit.habit) {
                told.push(edit.habit.clone());
                new.push(edit);
            }
        }
        if let Some((primary, others)) = new.split_first() {
            let scope = Telling {
                text,
                edits,
                parts,
                file,
            };
            scope.tell(primary, others, report);
        }
    }
}

struct Telling<'t> {
    text: &'t str,
    edits: &'t [Edit],
    parts: &'t [(Range<usize>, String)],
    file: FileId,
}

impl Telling<'_> {
    fn tell(&self, primary: &Edit, others: &[&Edit], report: &mut Report) {
        let habit = &primary.habit;
        let finding = report.error(habit.code(), self.span(&primary.at), habit.message());
        if let Habit::Operator(_, ours) = habit {
            finding.label(format!("write `{ours}`"));
        }
        if let Habit::Character(_, _, ours) = habit {
            finding.label(match *ours {
                " " => "write a plain blank".to_owned(),
                "" => "delete it".to_owned(),
                plain => format!("write a plain `{plain}`"),
            });
        }
        for other in others {
            finding.also(self.span(&other.at), other.habit.message());
        }
        finding.help(mended(self.text, primary, self.parts));
        let shown: Vec<&Edit> = std::iter::once(primary)
            .chain(others.iter().copied())
            .collect();
        let same = |e: &&Edit| shown.iter().any(|s| s.habit == e.habit);
        let again = self.edits.iter().filter(same);
        for place in again.clone().filter(|e| !shown.contains(e)).take(PLACES) {
            finding.also(self.span(&place.at), "and here");
        }
        // A block that is mended mends those inside.
        let mut end = 0;
        for place in again.take(FIXES) {
            let extent = place.extent();
            if extent.start >= end {
                end = extent.end;
                let text = rewritten(self.text, &extent, self.parts);
                finding.fix(self.span(&extent), text);
            }
        }
    }

    fn span(&self, range: &Range<usize>) -> Span {
        Span {
            file: self.file,
            start: range.start,
            end: range.end,
        }
    }
}

/// The lines of a range, without the last line end.
fn lines(text: &str, range: &Range<usize>) -> Range<usize> {
    let before = text.get(..range.start).unwrap_or_default();
    let behind = text.get(range.end..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    start..range.end + behind.find('\n').unwrap_or(behind.len())
}

/// A part of the text as it is meant.
fn rewritten(text: &str, range: &Range<usize>, parts: &[(Range<usize>, String)]) -> String {
    let from = parts.partition_point(|(r, _)| r.start < range.start);
    let inside = parts
        .iter()
        .skip(from)
        .take_while(|(r, _)| r.end <= range.end)
        .map(|(r, instead)| (r.start - range.start..r.end - range.start, instead.clone()))
        .collect::<Vec<_>>();
    let text = text.get(range.clone()).unwrap_or_default();
    Reading::changed(text, &inside).text.into_owned()
}

/// The line of an edit, or its lines, as they should be.
fn mended(text: &str, edit: &Edit, parts: &[(Range<usize>, String)]) -> String {
    const MOST: usize = 8;
    let lines = rewritten(text, &lines(text, &edit.whole()), parts);
    let lines: Vec<&str> = lines.lines().filter(|l| !l.trim().is_empty()).collect();
    let indent = |l: &&str| l.len() - l.trim_start().len();
    let least = lines.iter().map(indent).min().unwrap_or(0);
    let mut shown: Vec<&str> = lines
        .iter()
        .filter_map(|l| l.get(least..))
        .map(str::trim_end)
        .collect();
    if shown.is_empty() {
        "delete the line".to_owned()
    } else if let [line] = shown.as_slice() {
        format!("write `{line}`")
    } else {
        if shown.len() > MOST {
            shown.truncate(MOST);
            shown.push("…");
        }
        format!("write\n{}", shown.join("\n"))
    }
}

/// Reports a file in another format.
fn foreign(scene: &Scene<'_>, format: &str, at: usize, file: FileId, report: &mut Report) {
    let range = scene.range(at);
    let span = Span {
        file,
        start: range.start,
        end: range.end,
    };
    let target = scene.tokens.iter().enumerate().find_map(|(at, _)| {
        let word = scene.said(at).trim_matches(['"', '\'']);
        scene::target(word).then_some(word)
    });
    let target = target.unwrap_or("PROVIDER/MODEL");
    report
        .error("mux::syntax::format", span, format!("this file is written in {format}, and no policy"))
        .help(format!("a policy is made of lines of words, with blocks in braces:\npolicy @main {{\n  when tokens > 1k  use {target}\n  else              use {target}\n}}"));
}
