//! How far a long reading is, for whoever looks at a terminal: how many, how fast, and how long it still takes.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Between two lines.
const PAUSE: Duration = Duration::from_millis(250);
/// Letters of the bar.
const WIDE: u64 = 20;
/// So often the clock is looked at.
const LOOKED: u64 = 256;

/// The line of one reading.
#[derive(Debug)]
pub(crate) struct Progress {
    doing: &'static str,
    /// How many there are, where that is known.
    all: Option<u64>,
    /// Those that were read before this process began.
    before: u64,
    began: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// `all` is how many there are, where that is known; `before` were read in an earlier run.
    pub(crate) fn new(doing: &'static str, all: Option<u64>, before: u64) -> Self {
        Self {
            doing,
            all,
            before,
            began: Instant::now(),
            shown: None,
            terminal: stderr().is_terminal(),
        }
    }

    /// So many were read.
    pub(crate) fn seen(&mut self, count: u64) {
        if !self.terminal || !count.is_multiple_of(LOOKED) {
            return;
        }
        let now = Instant::now();
        if now.duration_since(self.shown.unwrap_or(self.began)) < PAUSE {
            return;
        }
        self.shown = Some(now);
        let took = now.duration_since(self.began);
        let line = line(self.doing, [self.before, count], self.all, took);
        let mut err = stderr().lock();
        // A terminal that is gone needs no line.
        let _ = write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush());
    }

    /// All were.
    pub(crate) fn over(&mut self) {
        if self.shown.take().is_some() {
            let mut err = stderr().lock();
            let _ = write!(err, "\r\x1b[2K").and_then(|()| err.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over();
    }
}

fn line(doing: &str, [before, count]: [u64; 2], all: Option<u64>, took: Duration) -> String {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = count.saturating_sub(before).saturating_mul(1_000) / millis;
    let all = all.filter(|all| *all > count);
    let bar = all.map_or_else(String::new, |all| {
        let full = usize::try_from(count * WIDE / all).unwrap_or(0);
        let left = usize::try_from(WIDE).unwrap_or(0).saturating_sub(full);
        format!(" [{}{}]", "#".repeat(full), " ".repeat(left))
    });
    let left = all.map_or_else(String::new, |all| {
        let seconds = (all - count) / rate.max(1);
        let percent = count * 100 / all;
        if seconds >= 120 {
            format!(", {percent} %, {} min left", seconds.div_ceil(60))
        } else {
            format!(", {percent} %, {seconds} s left")
        }
    });
    format!(
        "{doing}:{bar} {} requests, {} a second{left}",
        thousands(count),
        thousands(rate)
    )
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_how_fast_it_goes_and_how_long_it_still_takes() {
        let took = Duration::from_secs(2);
        assert_eq!(
            line("replaying", [0, 400_000], Some(1_000_000), took),
            "replaying: [########            ] 400,000 requests, 200,000 a second, 40 %, 3 s left"
        );
        assert_eq!(
            line("learning", [0, 1_500], None, took),
            "learning: 1,500 requests, 750 a second"
        );
        assert_eq!(
            line("replaying", [0, 1_000], Some(1_000_000), took),
            "replaying: [                    ] 1,000 requests, 500 a second, 0 %, 34 min left"
        );
        assert_eq!(
            line("replaying", [900_000, 950_000], Some(1_000_000), took),
            "replaying: [################### ] 950,000 requests, 25,000 a second, 95 %, 2 s left",
            "what was read before is no speed"
        );
    }
}
