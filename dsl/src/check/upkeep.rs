//! How connections are looked after: probes, warming, and what happens when a client hangs up.

use crate::cursor::Cursor;
use crate::image::{Abandon, Millis, Probe};
use crate::lines::Line;
use crate::quantity;
use crate::report::Report;
use crate::tree::Kind;

/// `probe free every TIME | paid every TIME | off`.
pub(super) fn probe(line: &Line<'_>, report: &mut Report) -> Option<Probe> {
    let mut cursor = Cursor::of(line);
    let probe = if cursor.says("off") {
        Probe::Off
    } else {
        let make = if cursor.says("free") {
            Probe::Free
        } else if cursor.says("paid") {
            Probe::Paid
        } else {
            cursor.missing("`free every TIME`, `paid every TIME` or `off`", report);
            return None;
        };
        make(every(&mut cursor, report)?)
    };
    cursor.end(report);
    Some(probe)
}

/// `warm every TIME | off`; `0` is off.
pub(super) fn warm(line: &Line<'_>, report: &mut Report) -> Option<Millis> {
    let mut cursor = Cursor::of(line);
    let warm = if cursor.says("off") {
        0
    } else {
        every(&mut cursor, report)?
    };
    cursor.end(report);
    Some(warm)
}

/// `on-disconnect cancel | drain TIME`.
pub(super) fn abandon(line: &Line<'_>, report: &mut Report) -> Option<Abandon> {
    let mut cursor = Cursor::of(line);
    let abandon = if cursor.says("cancel") {
        Abandon::Cancel
    } else if cursor.says("drain") {
        let time = cursor.need(Kind::Quantity, "a time such as `30s`", report)?;
        Abandon::Drain(quantity::positive(time, "drain", report)?)
    } else {
        cursor.missing("`cancel` or `drain TIME`", report);
        return None;
    };
    cursor.end(report);
    Some(abandon)
}

fn every(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Millis> {
    cursor.keyword("every", report)?;
    let time = cursor.need(Kind::Quantity, "a time such as `60s`", report)?;
    quantity::positive(time, "every", report)
}
