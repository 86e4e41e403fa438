//! What upstreams do in a test, and what their answers are like.

use crate::case::{Answer, Script, Test};
use crate::check::ability::finish;
use crate::cursor::Cursor;
use crate::image::TargetId;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::tree::{Kind, Word};
use crate::words::SCRIPTS;

/// `TARGET replies … | hangs | refuses | streams … | scores … | finishes …`.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    names: &Names<'_>,
    test: &mut Test,
    report: &mut Report,
) -> Option<()> {
    let name = cursor.need(Kind::Name, "a target", report)?;
    let target = names.models.find(name, report).map(TargetId);
    let verb = cursor.need(
        Kind::Name,
        "`replies`, `hangs`, `refuses`, `streams`, `scores` or `finishes`",
        report,
    )?;
    match verb.text.as_ref() {
        "scores" => {
            let word = number(cursor, report)?;
            let score = quantity::score(word, "scores", report)?;
            test.answers.push((target?, Answer::Scores(score)));
        }
        "finishes" => {
            let word = cursor.need(Kind::Name, "`stop`, `length`, …", report)?;
            let finish = finish(word, report)?;
            test.answers.push((target?, Answer::Finishes(finish)));
        }
        _ => {
            let script = script(verb, cursor, report)?;
            test.upstreams.push((target?, script));
        }
    }
    Some(())
}

fn script(verb: &Word, cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Script> {
    match verb.text.as_ref() {
        "hangs" => Some(Script::Hangs),
        "refuses" => Some(Script::Refuses),
        "replies" => {
            let status = status(number(cursor, report)?, report)?;
            let after = if cursor.says("after") {
                quantity::time(number(cursor, report)?, "after", report)?
            } else {
                0
            };
            Some(Script::Replies { status, after })
        }
        "streams" => streams(cursor, report),
        other => {
            cursor.rest();
            report
                .error(
                    "mux::name::script",
                    verb.span,
                    format!("an upstream cannot `{other}`"),
                )
                .advise(other, SCRIPTS.iter().map(|s| s.word), "it can do one of");
            None
        }
    }
}

fn number<'w>(cursor: &mut Cursor<'w>, report: &mut Report) -> Option<&'w Word> {
    cursor.need(Kind::Quantity, "a number", report)
}

fn status(word: &Word, report: &mut Report) -> Option<u16> {
    let status = quantity::count(word, "replies", report)?;
    let status = u16::try_from(status).ok();
    let status = status.filter(|s| (200..=599).contains(s));
    if status.is_none() {
        report.error(
            "mux::type::range",
            word.span,
            format!("`{}` is no status of a reply", word.text),
        );
    }
    status
}

/// `streams N tokens/s [then drops [after N tokens]]`; where not said, it drops after a second.
fn streams(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Script> {
    let word = number(cursor, report)?;
    let rate = quantity::tokens(word, "streams", report)?;
    cursor.keyword("tokens/s", report)?;
    if rate == 0 {
        report
            .error("mux::type::range", word.span, "a stream of nothing")
            .help("write `hangs` for that");
        return None;
    }
    let mut drops_after = None;
    if cursor.says("then") {
        cursor.keyword("drops", report)?;
        drops_after = Some(rate);
        if cursor.says("after") {
            let count = quantity::tokens(number(cursor, report)?, "after", report)?;
            cursor.keyword("tokens", report)?;
            drops_after = Some(count);
        }
    }
    Some(Script::Streams { rate, drops_after })
}
