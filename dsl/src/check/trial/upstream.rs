//! What upstreams do in a test.

use crate::case::Script;
use crate::cursor::Cursor;
use crate::image::TargetId;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::suggest;
use crate::tree::Kind;

/// `TARGET replies … | hangs | refuses | streams …`.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<(TargetId, Script)> {
    let name = cursor.need(Kind::Name, "a target", report)?;
    let target = names.models.find(name, report);
    let verb = cursor.need(
        Kind::Name,
        "`replies`, `hangs`, `refuses` or `streams`",
        report,
    )?;
    let script = match verb.text.as_ref() {
        "hangs" => Script::Hangs,
        "refuses" => Script::Refuses,
        "replies" => {
            let word = cursor.need(Kind::Quantity, "a number", report)?;
            let status = quantity::count(word, "replies", report)?;
            let Some(status) = u16::try_from(status)
                .ok()
                .filter(|s| (200..=599).contains(s))
            else {
                report.error(
                    "mux::type::range",
                    word.span,
                    format!("`{}` is no status of a reply", word.text),
                );
                return None;
            };
            let after = if cursor.says("after") {
                quantity::time(
                    cursor.need(Kind::Quantity, "a number", report)?,
                    "after",
                    report,
                )?
            } else {
                0
            };
            Script::Replies { status, after }
        }
        "streams" => streams(cursor, report)?,
        other => {
            cursor.rest();
            let finding = report.error(
                "mux::name::script",
                verb.span,
                format!("an upstream cannot `{other}`"),
            );
            match suggest::advice(other, ["replies", "hangs", "refuses", "streams"]) {
                Ok(close) => finding.meant(close),
                Err(list) => finding.help(format!("it can do one of {list}")),
            };
            return None;
        }
    };
    Some((TargetId(target?), script))
}

fn streams(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Script> {
    let word = cursor.need(Kind::Quantity, "a number", report)?;
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
        cursor.keyword("after", report)?;
        drops_after = Some(quantity::tokens(
            cursor.need(Kind::Quantity, "a number", report)?,
            "after",
            report,
        )?);
        cursor.keyword("tokens", report)?;
    }
    Some(Script::Streams { rate, drops_after })
}
