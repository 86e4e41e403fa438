//! Cells of time: moments that every window treats alike are one.

use super::form::{Form, runs};
use crate::atom::{Window, Zone};
use crate::cells::Cells;
use jiff::civil::{Date, DateTime, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Two years of midnights: every rule for summer time has been applied both ways.
const FIRST: Date = Date::constant(2026, 1, 1);
const DAYS: i32 = 731;

/// Minutes of a day.
const DAY: u16 = 1_440;

/// How moments fall into cells.
#[derive(Debug)]
pub(super) struct Clock {
    windows: Vec<(Window, Arc<Zone>)>,
    /// Cell by the windows a moment is in; sorted.
    by_flags: Box<[(u64, u32)]>,
    /// A moment of each cell, Unix milliseconds.
    samples: Vec<i64>,
}

impl Clock {
    /// Cuts time up by at most 64 windows.
    pub(super) fn cut(windows: Vec<(Window, Arc<Zone>)>) -> Self {
        let mut clock = Self {
            windows,
            by_flags: Box::default(),
            samples: Vec::new(),
        };
        clock
            .windows
            .sort_by_cached_key(|(w, z)| (z.name.clone(), w.days, w.hours.clone()));
        clock.windows.dedup_by(|a, b| same(a, b));
        let mut found: BTreeMap<u64, i64> = BTreeMap::new();
        for moment in clock.edges() {
            found.entry(clock.flags(moment)).or_insert(moment);
        }
        clock.by_flags = (0..)
            .zip(&found)
            .map(|(cell, (flags, _))| (*flags, cell))
            .collect();
        clock.samples = found.into_values().collect();
        clock
    }

    /// Every moment of the two years at which some window can begin or end.
    fn edges(&self) -> Vec<i64> {
        let mut edges = Vec::new();
        let mut minutes: Vec<(&Zone, u16)> = Vec::new();
        for (window, zone) in &self.windows {
            let of = window.hours.iter().flat_map(|(from, to)| [*from, *to]);
            minutes.extend(of.chain([0]).map(|m| (&**zone, m % 1_440)));
        }
        minutes.sort_by_key(|(zone, minute)| (&zone.name, *minute));
        minutes.dedup_by_key(|(zone, minute)| (zone.name.clone(), *minute));
        let days = std::iter::successors(Some(FIRST), |d| d.tomorrow().ok());
        for date in days.take(usize::try_from(DAYS).unwrap_or(0)) {
            for (zone, minute) in &minutes {
                let (hour, minute) = (minute / 60, minute % 60);
                let time = Time::new(
                    i8::try_from(hour).unwrap_or(0),
                    i8::try_from(minute).unwrap_or(0),
                    0,
                    0,
                );
                let Ok(time) = time else { continue };
                let local = DateTime::from_parts(date, time);
                if let Ok(moment) = zone.clock.to_ambiguous_timestamp(local).compatible() {
                    edges.push(moment.as_millisecond());
                }
            }
        }
        edges
    }

    fn flags(&self, now: i64) -> u64 {
        let holds = |(at, (window, zone)): (usize, &(Window, Arc<Zone>))| {
            u64::from(window.holds(&zone.clock, now)) << at
        };
        self.windows.iter().enumerate().map(holds).sum()
    }

    /// How many cells there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.samples.len()).unwrap_or(u32::MAX)
    }

    /// The cell of a moment.
    pub(super) fn of(&self, now: i64) -> u32 {
        let flags = self.flags(now);
        let found = self.by_flags.binary_search_by_key(&flags, |(f, _)| *f).ok();
        found
            .and_then(|at| self.by_flags.get(at))
            .map_or(0, |(_, cell)| *cell)
    }

    /// Where a window holds.
    pub(super) fn cells(&self, window: &Window, zone: &Arc<Zone>) -> Option<Cells> {
        let wanted = (window.clone(), Arc::clone(zone));
        let at = self.windows.iter().position(|w| same(w, &wanted))?;
        let inside = self
            .by_flags
            .iter()
            .filter(|(flags, _)| flags >> at & 1 == 1);
        Some(inside.map(|(_, cell)| *cell).collect())
    }

    /// The function that takes each cell to what `of` says.
    pub(super) fn form<T: Copy + Eq>(&self, of: &dyn Fn(u32) -> T) -> Form<T> {
        let mut branches: Vec<(u64, T)> = Vec::new();
        for (flags, cell) in &self.by_flags {
            branches.push((*flags, of(*cell)));
        }
        let matter = matter(self.windows.len(), &branches);
        let mask = matter.iter().fold(0, |mask, at| mask | 1_u64 << at);
        let windows: Vec<_> = matter
            .iter()
            .filter_map(|at| self.windows.get(*at))
            .collect();
        let mut zones = windows.iter().map(|(_, zone)| &zone.name);
        let zone = zones.next().filter(|zone| zones.all(|z| z == *zone));
        if let Some(zone) = zone
            && let Some(week) = self.week(mask, &branches)
        {
            return Form::Week(zone.clone(), week);
        }
        let tests = windows
            .iter()
            .map(|(w, z)| format!("time in {}", described(w, z)));
        let mut combinations: Vec<_> = branches.iter().map(|(f, b)| (f & mask, *b)).collect();
        combinations.sort_by_key(|(flags, _)| *flags);
        combinations.dedup_by_key(|(flags, _)| *flags);
        Form::Tests(tests.collect(), combinations)
    }

    /// By the minute of the week, where all windows that matter are of one zone.
    fn week<T: Copy + Eq>(&self, mask: u64, branches: &[(u64, T)]) -> Option<Vec<(u16, T)>> {
        let hours = self.windows.iter().flat_map(|(w, _)| &w.hours);
        let mut minutes: Vec<u16> = hours
            .flat_map(|(from, to)| [from % DAY, to % DAY])
            .collect();
        minutes.push(0);
        minutes.sort_unstable();
        minutes.dedup();
        let mut steps = Vec::new();
        for day in 0..7 {
            for minute in &minutes {
                let inside = self.windows.iter().enumerate();
                let flags: u64 = inside
                    .map(|(at, (window, _))| u64::from(window.covers(day, *minute)) << at)
                    .sum();
                let found = branches.iter().find(|(f, _)| f & mask == flags & mask);
                steps.push((u16::from(day) * DAY + minute, found?.1));
            }
        }
        Some(runs(steps))
    }

    /// A moment of a cell, Unix milliseconds.
    pub(super) fn sample(&self, cell: u32) -> i64 {
        self.samples.get(cell as usize).copied().unwrap_or(0)
    }

    /// A condition for some of the cells, as policies write it.
    pub(super) fn words(&self, cells: &Cells) -> String {
        for (window, zone) in &self.windows {
            let Some(inside) = self.cells(window, zone) else {
                continue;
            };
            if inside == *cells {
                return format!("time in {}", described(window, zone));
            }
            if inside.not(self.count()) == *cells {
                return format!("time not in {}", described(window, zone));
            }
        }
        let cell = |(flags, cell): &(u64, u32)| {
            cells.contains(*cell).then(|| {
                let parts = self.windows.iter().enumerate().map(|(at, (window, zone))| {
                    let not = if flags >> at & 1 == 1 { "" } else { "not " };
                    format!("time {not}in {}", described(window, zone))
                });
                parts.collect::<Vec<_>>().join(" and ")
            })
        };
        let parts: Vec<String> = self
            .by_flags
            .iter()
            .filter_map(cell)
            .map(|c| format!("({c})"))
            .collect();
        match parts.as_slice() {
            [one] => one.clone(),
            many => format!("({})", many.join(" or ")),
        }
    }
}

/// The windows, of so many, on which branches hang: those without which moments would become one that are not alike.
fn matter<T: Copy + Eq>(count: usize, branches: &[(u64, T)]) -> Vec<usize> {
    let mut mask = u64::MAX;
    let mut matter = Vec::new();
    for at in 0..count {
        let without = mask & !(1 << at);
        let mut seen: BTreeMap<u64, T> = BTreeMap::new();
        let alike = branches
            .iter()
            .all(|(flags, branch)| *seen.entry(flags & without).or_insert(*branch) == *branch);
        if alike {
            mask = without;
        } else {
            matter.push(at);
        }
    }
    matter
}

fn same(a: &(Window, Arc<Zone>), b: &(Window, Arc<Zone>)) -> bool {
    a.1.name == b.1.name && a.0.days == b.0.days && a.0.hours == b.0.hours
}

/// `mon-fri 08:00-18:00 Europe/Berlin`.
fn described(window: &Window, zone: &Zone) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut words: Vec<String> = Vec::new();
    if window.days != 0b111_1111 {
        let on = DAYS
            .iter()
            .enumerate()
            .filter(|(at, _)| window.days >> at & 1 == 1);
        words.extend(on.map(|(_, day)| (*day).to_owned()));
    }
    for (from, to) in &window.hours {
        words.push(format!(
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        ));
    }
    words.push(zone.name.to_string());
    words.join(" ")
}
