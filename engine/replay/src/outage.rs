//! Outages that are put into a replay: what a target does for a while, whatever was recorded of it.

use crate::play::{Beat, Play};
use crate::sim::draw::{seconds, time, uniform};
use crate::sim::fault::{Fault, Kind, NAMES};
use crate::sim::provider::{Broken, broken};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::Failure;
use mux_routing::{MILLI, Nanos, SECOND};
use std::str::FromStr;

/// One outage: `anthropic=hangs:10m@14:00`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// As it was written.
    pub text: String,
    /// A target, or a provider with all of its targets.
    pub target: String,
    kind: Kind,
    /// Milliseconds; to the end where absent.
    lasts: Option<i64>,
    begins: Moment,
}

/// When an outage begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// So many milliseconds after the first request.
    After(i64),
    /// The first time it is so late, UTC.
    Clock(Time),
    /// Then.
    At(Timestamp),
}

impl FromStr for Outage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`{text}`: {why}; write `TARGET=FAULT[:TIME][@MOMENT]`, such as `anthropic=hangs:10m@14:00`"
            )
        };
        let (target, rest) = text
            .split_once('=')
            .ok_or_else(|| wrong("it says no fault"))?;
        let (rest, moment) = match rest.split_once('@') {
            Some((rest, moment)) => (rest, Some(moment)),
            None => (rest, None),
        };
        let (fault, lasts) = match rest.split_once(':') {
            Some((fault, lasts)) => (fault, Some(lasts)),
            None => (rest, None),
        };
        let kind = Kind::named(fault).or_else(|| Kind::named(&format!("{fault}s")));
        let kind = kind.ok_or_else(|| {
            wrong(&format!(
                "`{fault}` is no fault, they are {}",
                NAMES.join(", ")
            ))
        })?;
        let lasts = lasts
            .map(|text| span(text).ok_or_else(|| wrong(&format!("`{text}` is no time"))))
            .transpose()?;
        let begins = moment.map_or(Ok(Moment::After(0)), |moment| {
            begins(moment).ok_or_else(|| {
                wrong(&format!(
                    "`{moment}` is no moment, which is `14:00` (UTC), `2026-03-01T14:00Z`, or `+2h` behind the first request"
                ))
            })
        })?;
        Ok(Self {
            text: text.to_owned(),
            target: target.to_owned(),
            kind,
            lasts,
            begins,
        })
    }
}

/// `10m`, in milliseconds.
fn span(text: &str) -> Option<i64> {
    let span: SignedDuration = text.parse().ok()?;
    i64::try_from(span.as_millis()).ok().filter(|ms| *ms > 0)
}

fn begins(text: &str) -> Option<Moment> {
    if let Some(after) = text.strip_prefix('+') {
        return span(after).map(Moment::After);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Moment::At(at));
    }
    text.parse::<Time>().ok().map(Moment::Clock)
}

impl Outage {
    /// Whether it is one of this target.
    #[must_use]
    pub fn concerns(&self, target: &str) -> bool {
        let provider = target.split('/').next();
        self.target == target || provider == Some(self.target.as_str())
    }

    /// As a fault of a replay whose first request came at the one moment, which is [`SECOND`] there, and whose last one at the
    /// other; Unix milliseconds.
    #[must_use]
    pub fn fault(&self, first: i64, last: i64) -> Fault {
        let begins = match self.begins {
            Moment::After(ms) => first.saturating_add(ms),
            Moment::At(at) => at.as_millisecond(),
            Moment::Clock(clock) => next(first, clock),
        };
        let place = |at: i64| {
            let after = at.saturating_sub(first);
            SECOND.saturating_add(Nanos::try_from(after).unwrap_or(0).saturating_mul(MILLI))
        };
        let until = self.lasts.map_or_else(
            // What is asked then may still be under way.
            || last.saturating_add(60_000),
            |lasts| begins.saturating_add(lasts),
        );
        Fault {
            kind: self.kind,
            from: place(begins),
            until: if until < first { 0 } else { place(until) },
        }
    }
}

/// When it is that time the next time.
fn next(first: i64, clock: Time) -> i64 {
    let day = |first: i64| {
        let zoned = Timestamp::from_millisecond(first)
            .ok()?
            .to_zoned(TimeZone::UTC);
        let at = zoned
            .date()
            .to_datetime(clock)
            .to_zoned(TimeZone::UTC)
            .ok()?;
        Some(at.timestamp().as_millisecond())
    };
    let today = day(first).unwrap_or(first);
    if today >= first {
        today
    } else {
        day(first.saturating_add(86_400_000)).unwrap_or(first)
    }
}

/// What a fault makes of an attempt that begins at `now`; `play` is what would happen without it.
pub(crate) fn struck(fault: &Fault, now: Nanos, chance: &mut Chance, play: Play) -> Play {
    let luck = uniform(chance);
    if let Kind::Cuts { share } = fault.kind {
        return if luck < share { cut(play) } else { play };
    }
    match broken(fault, luck, now) {
        Broken::Answer(answer) => answer.play(),
        Broken::Slower(times) => slowed(play, times),
        Broken::Not => play,
    }
}

/// The first content comes so many times later, and all behind it as much.
fn slowed(mut play: Play, times: f64) -> Play {
    let told = play
        .iter()
        .find(|(_, beat)| !matches!(beat, Beat::Connected));
    let Some((first, _)) = told else { return play };
    let by = time(seconds(*first) * (times - 1.0).max(0.0));
    for (at, beat) in &mut play {
        if !matches!(beat, Beat::Connected) {
            *at += by;
        }
    }
    play
}

/// The answer breaks off in the middle.
fn cut(mut play: Play) -> Play {
    let content = play.iter().find(|(_, beat)| matches!(beat, Beat::Content));
    let first = content.map(|(at, _)| *at);
    let Some((last, Beat::Done(_))) = play.last().cloned() else {
        return play;
    };
    let at = first.map_or(last, |first| first + (last - first) / 2);
    play.retain(|(when, beat)| *when <= at && !matches!(beat, Beat::Done(_)));
    play.push((at, Beat::Failed(Failure::of(Class::Cut))));
    play
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::answer;

    /// 2026-01-05T12:00Z.
    const NOON: i64 = 1_767_614_400_000;

    fn fault_of(text: &str) -> Fault {
        text.parse::<Outage>()
            .unwrap()
            .fault(NOON, NOON + 3_540_000)
    }

    fn span_of(text: &str) -> [u64; 2] {
        let fault = fault_of(text);
        [fault.from, fault.until].map(|at| (at - SECOND) / SECOND)
    }

    #[test]
    fn an_outage_is_when_it_was_written_to_be() {
        assert_eq!(span_of("p=hangs"), [0, 3_600]);
        assert_eq!(span_of("p=hang:10m"), [0, 600]);
        assert_eq!(span_of("p=fails:10m@14:00"), [7_200, 7_800]);
        assert_eq!(
            span_of("p=fails:1h@11:00"),
            [82_800, 86_400],
            "the next day"
        );
        assert_eq!(span_of("p=slow:90s@+30s"), [30, 120]);
        assert_eq!(span_of("p/a=slow:1m@2026-01-05T12:01:00Z"), [60, 120]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        for (text, told) in [
            ("p", "no fault"),
            ("p=sulks", "`sulks` is no fault"),
            ("p=hangs:soon", "`soon` is no time"),
            ("p=hangs@noon", "`noon` is no moment"),
        ] {
            let why = text.parse::<Outage>().unwrap_err();
            assert!(why.contains(told) && why.contains("TARGET=FAULT"), "{why}");
        }
    }

    #[test]
    fn an_outage_of_a_provider_is_one_of_its_targets() {
        let all: Outage = "p=hangs".parse().unwrap();
        let one: Outage = "p/a=hangs".parse().unwrap();
        let concerns = |o: &Outage| ["p/a", "p/b", "pp/a"].map(|t| o.concerns(t));
        assert_eq!(concerns(&all), [true, true, false]);
        assert_eq!(concerns(&one), [true, false, false]);
    }

    #[test]
    fn a_fault_changes_what_would_have_happened() {
        let play = answer(300 * MILLI, 100, 100, 50, true);
        let strike = |text: &str| {
            let fault = fault_of(text);
            struck(&fault, SECOND, &mut Chance::new(1), play.clone())
        };
        let first = |play: &Play| {
            let content = play.iter().find(|(_, b)| matches!(b, Beat::Content));
            content.map(|(at, _)| at / MILLI)
        };
        assert_eq!(first(&strike("p=slow")), Some(1_500));
        assert_eq!(first(&strike("p=hangs")), None);
        assert!(matches!(
            strike("p=fails").last(),
            Some((_, Beat::Failed(_)))
        ));
        let cuts = (0..40).filter(|seed| {
            let fault = fault_of("p=cuts");
            let play = struck(&fault, SECOND, &mut Chance::new(*seed), play.clone());
            matches!(play.last(), Some((_, Beat::Failed(_)))) && first(&play) == Some(300)
        });
        assert!((10..30).contains(&cuts.count()), "about half of them");
    }
}
