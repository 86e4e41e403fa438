//! `cascade` and `ensemble`: strategies that look at answers.

use super::answer;
use super::attempt::{Calls, attempt};
use super::header::Header;
use super::inner::Inner;
use crate::cursor::Cursor;
use crate::image::answer_path::segments;
use crate::image::{Arm, Attempt, Cascade, Combine, Ensemble, Judge, TargetId};
use crate::lines::Line;
use crate::load::Rubric;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::Kind;
use crate::words::COMBINES;
use std::collections::HashMap;

/// `judge TARGET rubric "FILE" [timeout TIME]`.
pub(super) fn judge(
    line: &Line<'_>,
    names: &Names<'_>,
    rubrics: &HashMap<Span, Rubric>,
    report: &mut Report,
) -> Option<Judge> {
    let mut cursor = Cursor::of(line);
    let name = cursor.need(Kind::Name, "a target such as `openai/gpt-4.1-mini`", report)?;
    let target = names.models.find(name, report);
    let mut calls = Calls::default();
    let mut file = None;
    while let Some(word) = cursor.peek() {
        if cursor.says("rubric") {
            file = Some(cursor.need(Kind::Text, "a path in quotes", report)?);
        } else if Calls::takes(word) {
            calls.read(&mut cursor, report)?;
        } else {
            break;
        }
    }
    cursor.end(report);
    let Some(file) = file else {
        report
            .error(
                "mux::statement::missing",
                line.stmt.span,
                "this `judge` does not say what it scores by",
            )
            .help(format!("write `{}`", line.entry.form));
        return None;
    };
    let rubric = rubrics.get(&file.span)?;
    Some(Judge {
        attempt: Attempt {
            target: TargetId(target?),
            timeouts: calls.timeouts,
            retry: calls.retry,
        },
        rubric: rubric.path.clone(),
        text: rubric.text.clone(),
    })
}

/// `cascade`: steps with what makes their answers good enough.
pub(super) fn cascade(header: Header, inner: Inner<'_>, at: Span, report: &mut Report) -> Cascade {
    let whole = !inner.wrong && !inner.broken;
    if whole && inner.arms.len() < 2 {
        report
            .error(
                "mux::plan::empty",
                at,
                "a `cascade` has at least two steps: without a second there is nothing to climb to",
            )
            .help("add a line such as `try anthropic/claude-sonnet-4.5`");
    }
    let last = inner.arms.len().saturating_sub(1);
    for (number, given) in inner.arms.iter().enumerate() {
        if whole && number < last && given.accept.is_none() {
            report
                .warning(
                    "mux::cascade::accept",
                    given.span,
                    "every answer of this step is taken, so the next is asked only where it fails",
                )
                .help("say what makes it good enough: `{ accept when finish is stop }`");
        } else if whole && number == last && given.accept.is_some() {
            report
                .warning(
                    "mux::cascade::accept",
                    given.span,
                    "the last step is taken as it is, whatever its answer",
                )
                .help("delete its `accept`, or add a step behind it");
        }
    }
    let scored = inner.arms.iter().filter_map(|a| a.accept.as_ref());
    let asked = scored.into_iter().any(answer::scores);
    judges(asked, &inner, at, "accept when score of judge …", report);
    let steps = inner.arms.into_iter();
    Cascade {
        judge: inner.judge,
        steps: steps.map(|given| (given.arm, given.accept)).collect(),
        buffer: header.buffer,
        terms: header.terms,
    }
}

/// Holds a judge against what asks for one.
fn judges(asked: bool, inner: &Inner<'_>, at: Span, how: &str, report: &mut Report) {
    if inner.wrong || inner.broken {
        return;
    }
    if asked && inner.judge.is_none() {
        report
            .error(
                "mux::judge::missing",
                at,
                "a score is asked for, and there is no judge",
            )
            .help("add a line such as `judge openai/gpt-4.1-mini rubric \"rubrics/quality.md\"`");
    } else if !asked && inner.judge.is_some() {
        report
            .warning(
                "mux::unused::judge",
                at,
                "nothing asks for what this judge scores",
            )
            .help(format!("delete the `judge`, or use it: `{how}`"));
    }
}

/// `ensemble`: what is asked, and how one answer is made.
pub(super) fn ensemble(
    header: Header,
    inner: Inner<'_>,
    at: Span,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<Ensemble> {
    let whole = !inner.wrong && !inner.broken;
    let asks = u32::try_from(inner.arms.len()).unwrap_or(u32::MAX);
    if whole && asks < 2 {
        report
            .error("mux::plan::empty", at, "an `ensemble` asks at least two")
            .help("add lines such as `ask openai/gpt-4.1`");
    }
    let (mut quorum, mut combine, mut tried) = (asks, None, false);
    for line in &inner.lines {
        if line.entry.word == "quorum" {
            let word = line.word()?;
            quorum = quantity::several(word, "quorum", report).unwrap_or(asks);
            if whole && quorum > asks {
                report
                    .error(
                        "mux::ensemble::quorum",
                        word.span,
                        format!("{quorum} answers are waited for, and {asks} are asked"),
                    )
                    .help("lower the quorum, or ask more");
            }
        } else {
            tried = true;
            combine = combined(line, names, report);
        }
    }
    if whole && !tried {
        report
            .error(
                "mux::statement::missing",
                at,
                "this `ensemble` does not say how one answer is made of several",
            )
            .help("add a line such as `combine first-valid` or `combine majority on \"$.label\"`");
    }
    let combine = combine?;
    judges(
        combine == Combine::Best,
        &inner,
        at,
        "combine best by judge",
        report,
    );
    let arms: Vec<Arm> = inner.arms.into_iter().map(|given| given.arm).collect();
    Some(Ensemble {
        asks: arms,
        quorum,
        combine,
        judge: inner.judge,
        buffer: header.buffer,
        terms: header.terms,
    })
}

fn combined(line: &Line<'_>, names: &Names<'_>, report: &mut Report) -> Option<Combine> {
    let mut cursor = Cursor::of(line);
    let word = cursor.need(Kind::Name, "how one answer is made", report)?;
    let combine = match word.text.as_ref() {
        "first-valid" => Combine::FirstValid,
        "majority" => Combine::Majority(path(&mut cursor, report)?),
        "vote" => Combine::Vote(path(&mut cursor, report)?),
        "best" => {
            cursor.keyword("by", report)?;
            cursor.keyword("judge", report)?;
            Combine::Best
        }
        "merge" => {
            cursor.keyword("by", report)?;
            if cursor.peek().is_none_or(|w| w.kind != Kind::Name) {
                cursor.missing("a target such as `openai/gpt-4.1`", report);
                return None;
            }
            Combine::Merge(attempt(names, &mut cursor, &[], report)?)
        }
        other => {
            report
                .error(
                    "mux::name::combine",
                    word.span,
                    format!("answers are not combined by `{other}`"),
                )
                .advise(
                    other,
                    COMBINES.iter().map(|c| c.word),
                    "they can be combined by",
                );
            return None;
        }
    };
    cursor.end(report);
    Some(combine)
}

/// `on "$.path"`.
fn path(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Box<str>> {
    cursor.keyword("on", report)?;
    let word = cursor.need(Kind::Text, "a path such as `\"$.label\"`", report)?;
    if let Err(why) = segments(&word.text) {
        let error = report.error(
            "mux::type::path",
            word.span,
            format!("a path into an answer {why}"),
        );
        if !word.text.starts_with('$') {
            error.help(format!(
                "write `\"$.{}\"`",
                word.text.trim_start_matches('.')
            ));
        }
        return None;
    }
    Some(word.text.clone())
}
