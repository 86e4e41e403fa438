//! A text as it is read, where that is not as it was written: every place leads back to where it came from.

use std::borrow::Cow;
use std::ops::Range;

/// The text to be read.
#[derive(Debug)]
pub(super) struct Reading<'t> {
    pub(super) text: Cow<'t, str>,
    /// Where the text was changed: what is read now, and what was written; in order.
    changes: Vec<(Range<usize>, Range<usize>)>,
}

impl<'t> Reading<'t> {
    /// The text as it was written.
    pub(super) fn plain(text: &'t str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            changes: Vec::new(),
        }
    }

    /// The text with some ranges replaced, which are in order and do not overlap.
    pub(super) fn changed<'p>(
        text: &'t str,
        parts: impl IntoIterator<Item = &'p (Range<usize>, String)>,
    ) -> Self {
        let (mut read, mut changes, mut at) = (String::new(), Vec::new(), 0);
        for (range, instead) in parts {
            read.push_str(text.get(at..range.start).unwrap_or_default());
            let start = read.len();
            read.push_str(instead);
            changes.push((start..read.len(), range.clone()));
            at = range.end;
        }
        read.push_str(text.get(at..).unwrap_or_default());
        Self {
            text: Cow::Owned(read),
            changes,
        }
    }

    /// Where the range of what is read was written.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        let start = self.back(range.start, false);
        start..self.back(range.end, true).max(start)
    }

    /// Where a place was written; the inside of a change belongs to all of it.
    fn back(&self, at: usize, end: bool) -> usize {
        let behind = self
            .changes
            .partition_point(|(now, _)| now.start < at || !end && now.start == at);
        let Some((now, was)) = behind.checked_sub(1).and_then(|b| self.changes.get(b)) else {
            return at;
        };
        match at.checked_sub(now.end) {
            Some(past) if past > 0 || end || now.is_empty() => was.end + past,
            _ if end => was.end,
            _ => was.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reading;

    #[test]
    fn every_place_leads_back_to_where_it_was_written() {
        let parts = [
            (0..2, "when".to_owned()),
            (8..8, "use ".to_owned()),
            (9..11, String::new()),
        ];
        let reading = Reading::changed("if big: x;;y", &parts);
        assert_eq!(reading.text, "when big: use xy");
        assert_eq!(reading.origin(0..4), 0..2, "the changed word");
        assert_eq!(reading.origin(1..3), 0..2, "a part of it");
        assert_eq!(reading.origin(5..8), 3..6, "`big` stands where it stood");
        assert_eq!(reading.origin(14..15), 8..9, "`x`");
        assert_eq!(reading.origin(15..16), 11..12, "`y`");
    }

    #[test]
    fn a_text_that_was_not_changed_leads_to_itself() {
        let reading = Reading::plain("when big");
        assert_eq!(reading.origin(5..8), 5..8);
    }
}
