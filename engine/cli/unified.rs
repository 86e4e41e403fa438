//! The difference of two texts in the unified format, which people and `patch` read.

use std::ops::Range;

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// Pairs of lines among which the shortest difference is looked for; beyond, all between the first and the last change
/// is shown as one.
const EFFORT: usize = 4_000_000;

/// What turns `was` into `is`; empty if they are equal.
pub(crate) fn diff(path: &str, was: &str, is: &str) -> String {
    let old: Vec<&str> = was.split_inclusive('\n').collect();
    let new: Vec<&str> = is.split_inclusive('\n').collect();
    let changes = changes(&old, &new);
    if changes.is_empty() {
        return String::new();
    }
    let mut text = format!("--- {path}\n+++ {path}\n");
    for hunk in changes.chunk_by(|a, b| b.old.start - a.old.end <= 2 * CONTEXT) {
        write(&mut text, &old, &new, hunk);
    }
    text
}

/// Lines of the one text that are replaced by lines of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

fn write(text: &mut String, old: &[&str], new: &[&str], changes: &[Change]) {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else {
        return;
    };
    let before = first.old.start.min(CONTEXT);
    let after = (old.len() - last.old.end).min(CONTEXT);
    let place = |start: usize, end: usize| {
        // An empty range is named by the line before it.
        let first = if start == end { start } else { start + 1 };
        format!("{first},{}", end - start)
    };
    let (from, to) = (first.old.start - before, last.old.end + after);
    let (new_from, new_to) = (first.new.start - before, last.new.end + after);
    let (was, is) = (place(from, to), place(new_from, new_to));
    text.push_str(&["@@ -", &was, " +", &is, " @@\n"].concat());
    let mut at = from;
    for change in changes {
        lines(text, ' ', old.get(at..change.old.start));
        lines(text, '-', old.get(change.old.clone()));
        lines(text, '+', new.get(change.new.clone()));
        at = change.old.end;
    }
    lines(text, ' ', old.get(at..to));
}

fn lines(text: &mut String, mark: char, lines: Option<&[&str]>) {
    for line in lines.unwrap_or_default() {
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The changes between two texts, in order and apart.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let pairs = || old.iter().zip(new);
    let head = pairs().take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let back = old.iter().rev().zip(new.iter().rev()).take(most);
    let tail = back.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let between = (
        old.get(head..old_end).unwrap_or_default(),
        new.get(head..new_end).unwrap_or_default(),
    );
    let common = common(between.0, between.1).unwrap_or_default();
    let mut changes = Vec::new();
    let (mut x, mut y) = (head, head);
    let ends = [(old_end - head, new_end - head)];
    for (a, b) in common.into_iter().chain(ends) {
        let (a, b) = (a + head, b + head);
        if x < a || y < b {
            changes.push(Change {
                old: x..a,
                new: y..b,
            });
        }
        (x, y) = (a + 1, b + 1);
    }
    changes
}

/// The places of a longest common row of lines, unless that takes too long to find.
fn common(old: &[&str], new: &[&str]) -> Option<Vec<(usize, usize)>> {
    let width = new.len() + 1;
    if (old.len() + 1).checked_mul(width)? > EFFORT {
        return None;
    }
    let lengths = lengths(old, new);
    let length = |x: usize, y: usize| lengths.get(x * width + y).copied().unwrap_or(0);
    let mut row = Vec::new();
    let (mut x, mut y) = (0, 0);
    while let (Some(a), Some(b)) = (old.get(x), new.get(y)) {
        if a == b {
            row.push((x, y));
            (x, y) = (x + 1, y + 1);
        } else if length(x + 1, y) >= length(x, y + 1) {
            x += 1;
        } else {
            y += 1;
        }
    }
    Some(row)
}

/// How long the longest common row is from each pair of lines on.
fn lengths(old: &[&str], new: &[&str]) -> Vec<u32> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for (x, a) in old.iter().enumerate().rev() {
        for (y, b) in new.iter().enumerate().rev() {
            let at = |x: usize, y: usize| lengths.get(x * width + y).copied().unwrap_or(0);
            let length = if a == b {
                at(x + 1, y + 1) + 1
            } else {
                at(x + 1, y).max(at(x, y + 1))
            };
            if let Some(slot) = lengths.get_mut(x * width + y) {
                *slot = length;
            }
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(numbers: impl Iterator<Item = u32>) -> String {
        let lines: Vec<String> = numbers.map(|n| format!("{n}\n")).collect();
        lines.concat()
    }

    /// The new text, from the old one and the difference, as `patch` makes it.
    fn patched(was: &str, diff: &str) -> String {
        let old: Vec<&str> = was.split_inclusive('\n').collect();
        let mut new = String::new();
        let mut at = 0;
        for line in diff.split_inclusive('\n').skip(2) {
            let (mark, rest) = line.split_at(1);
            match mark {
                "@" => {
                    let place = rest.split(['-', ',', ' ']).nth(2).expect("a place");
                    let count = rest.split(['-', ',', ' ']).nth(3).expect("a count");
                    let start = place.parse::<usize>().expect("a number");
                    let start = start - usize::from(count != "0");
                    new.extend(old[at..start].iter().copied());
                    at = start;
                }
                " " => {
                    assert_eq!(old[at], rest);
                    new.push_str(rest);
                    at += 1;
                }
                "-" => {
                    assert_eq!(old[at].trim_end(), rest.trim_end());
                    at += 1;
                }
                "+" => new.push_str(rest),
                _ => {}
            }
        }
        new.extend(old[at..].iter().copied());
        new
    }

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(diff("a", "x\ny\n", "x\ny\n"), "");
        assert_eq!(diff("a", "", ""), "");
    }

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let was = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(
            diff("a.mux", was, &was.replace('5', "five")),
            "--- a.mux\n+++ a.mux\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(
            diff("a.mux", "x", "x\n"),
            "--- a.mux\n+++ a.mux\n@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+x\n"
        );
        assert_eq!(
            diff("a.mux", "", "mux 1\n"),
            "--- a.mux\n+++ a.mux\n@@ -0,0 +1,1 @@\n+mux 1\n"
        );
    }

    #[test]
    fn changes_far_apart_are_shown_apart() {
        let was = numbered(0..40);
        let is = was.replace("\n5\n", "\nfive\n").replace("\n30\n", "\n");
        let diff = diff("a", &was, &is);
        assert_eq!(diff.matches("@@ -").count(), 2, "{diff}");
        assert_eq!(patched(&was, &diff), is);
    }

    #[test]
    fn every_difference_leads_from_the_one_text_to_the_other() {
        let mut seed = 7_u32;
        let mut next = |most: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % most
        };
        for _ in 0..500 {
            let mut text = || -> String {
                let lines = next(12);
                numbered((0..lines).map(|_| next(4)))
            };
            let (was, is) = (text(), text());
            assert_eq!(patched(&was, &diff("a", &was, &is)), is, "{was} {is}");
        }
    }

    #[test]
    fn texts_that_are_too_far_off_are_shown_as_one_change() {
        let (was, is) = (numbered(0..3_000), numbered(1..3_001));
        let diff = diff("a", &was, &is);
        assert_eq!(patched(&was, &diff), is);
        assert_eq!(diff.matches("@@ -").count(), 1);
    }
}
