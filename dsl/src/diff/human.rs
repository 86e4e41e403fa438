//! Differences for people at a terminal.

use super::report::{Change, Diff, Parted, Place, PlanDiff, PolicyDiff, RegionDiff};
use std::fmt::Write as _;

/// Most regions of one difference that are written out.
const REGIONS: usize = 12;

impl Diff {
    /// The differences as text. `tests` adds a `test` block for each side of each region.
    #[must_use]
    pub fn human(&self, tests: bool) -> String {
        let mut text = String::new();
        if self.same {
            return "nothing differs: both treat every request alike\n".to_owned();
        }
        for name in &self.removed {
            line(&mut text, &format!("@{name}: removed"));
        }
        for name in &self.added {
            line(&mut text, &format!("@{name}: added"));
        }
        for policy in &self.policies {
            policy_text(&mut text, policy, tests);
        }
        for plan in &self.plans {
            plan_text(&mut text, plan);
        }
        for parted in &self.fleet {
            parted_text(&mut text, parted);
        }
        if let (Some(requests), Some(differing)) = (self.requests, self.differing) {
            line(
                &mut text,
                &format!(
                    "of {requests} recorded requests, {differing} are treated differently ({})",
                    share(differing, requests)
                ),
            );
        }
        text
    }
}

fn policy_text(text: &mut String, policy: &PolicyDiff, tests: bool) {
    let how = if policy.bounded {
        " (bounded: only pairs of rules were compared, there may be more)"
    } else {
        ""
    };
    line(text, &format!("@{}{how}", policy.policy));
    for change in &policy.changes {
        line(text, &format!("  {}", headline(change)));
        for inside in &change.inside {
            line(text, &format!("    {inside}"));
        }
        for region in change.regions.iter().take(REGIONS) {
            line(
                text,
                &format!("    {}{}", region.condition(), counted(region)),
            );
            line(
                text,
                &format!("      {} -> {}", place(&region.was), place(&region.now)),
            );
            for test in region.tests.iter().filter(|_| tests) {
                for row in test.lines() {
                    line(text, &format!("      {row}"));
                }
            }
        }
        let hidden = change.regions.len().saturating_sub(REGIONS);
        if hidden > 0 {
            line(
                text,
                &format!("    and {hidden} more conditions; `--format json` has them all"),
            );
        }
    }
    if policy.more > 0 {
        line(
            text,
            &format!("  and at least {} more regions", policy.more),
        );
    }
}

/// What was and what is, in one line.
pub(super) fn headline(change: &Change) -> String {
    if change.was == change.now {
        format!("{}, which changed inside", change.was)
    } else {
        format!("{} -> {}", change.was, change.now)
    }
}

impl RegionDiff {
    /// As a rule begins.
    pub(super) fn condition(&self) -> String {
        if self.when == "always" {
            self.when.clone()
        } else {
            format!("when {}", self.when)
        }
    }
}

fn counted(region: &RegionDiff) -> String {
    match region.requests {
        Some(1) => "   (1 request)".to_owned(),
        Some(n) => format!("   ({n} requests)"),
        None => String::new(),
    }
}

/// `production.mux:31 (rule tone-test)`.
pub(super) fn place(place: &Place) -> String {
    let at = format!("{}:{}", place.file, place.line);
    match &place.rule {
        Some(rule) => format!("{at} (rule {rule})"),
        None => at,
    }
}

fn plan_text(text: &mut String, plan: &PlanDiff) {
    let requests = match plan.requests {
        Some(1) => ", 1 request".to_owned(),
        Some(n) => format!(", {n} requests"),
        None => String::new(),
    };
    line(
        text,
        &format!("plan {} (for {}{requests})", plan.plan, users(plan)),
    );
    for change in &plan.changes {
        line(text, &format!("  {change}"));
    }
}

/// The policies whose requests get a plan.
pub(super) fn users(plan: &PlanDiff) -> String {
    let names: Vec<String> = plan.policies.iter().map(|p| format!("@{p}")).collect();
    names.join(", ")
}

fn parted_text(text: &mut String, parted: &Parted) {
    match parted.changes.as_slice() {
        [one] => line(text, &format!("{}: {one}", parted.what)),
        many => {
            line(text, &parted.what);
            for change in many {
                line(text, &format!("  {change}"));
            }
        }
    }
}

/// Two decimal places, never rounded up to all or down to nothing.
pub(super) fn share(part: u64, whole: u64) -> String {
    let points = u128::from(part) * 10_000 / u128::from(whole.max(1));
    match points {
        0 if part > 0 => "less than 0.01%".to_owned(),
        points => format!("{}.{:02}%", points / 100, points % 100),
    }
}

fn line(text: &mut String, words: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{words}");
}
