//! `split` and `canary`: arms with shares, the same for one kind of request.

use super::header::Header;
use super::inner::Inner;
use crate::check::threshold::{self, Watch};
use crate::cursor::Cursor;
use crate::image::{BasisPoints, Canary, HealthRule, Millis, Split};
use crate::lines::Line;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::Kind;

/// All of it, in basis points.
const WHOLE: BasisPoints = 10_000;

/// `split`: shares that are 100% in all.
pub(super) fn split(header: Header, inner: Inner<'_>, at: Span, report: &mut Report) -> Split {
    sticky(&header, at, "split", report);
    let sum: u64 = inner.shares.iter().map(|(s, _)| u64::from(*s)).sum();
    if !inner.uncounted && inner.shares.len() < 2 {
        report
            .error("mux::plan::empty", at, "a `split` has at least two arms")
            .help("add lines such as `50% openai/gpt-4.1 name treatment`");
    } else if !inner.uncounted && sum != u64::from(WHOLE) {
        let finding = report.error(
            "mux::split::weights",
            at,
            format!("the shares are {} in all, not 100%", percent(sum)),
        );
        finding.help("mend the shares so that every request has one arm");
        for (share, at) in &inner.shares {
            finding.also(*at, percent((*share).into()));
        }
    }
    twice(&inner, report);
    let arms = inner.arms.into_iter();
    Split {
        by: header.who,
        salt: header.salt.unwrap_or_default(),
        arms: arms.filter_map(|a| Some((a.share?, a.arm))).collect(),
    }
}

/// `canary`: a base, and one arm with a share.
pub(super) fn canary(
    header: Header,
    mut inner: Inner<'_>,
    at: Span,
    report: &mut Report,
) -> Option<Canary> {
    sticky(&header, at, "canary", report);
    let mut abort = Vec::new();
    let mut ramp = None;
    for line in &inner.lines {
        match line.entry.word {
            "abort" => abort.extend(aborts(line, report).unwrap_or_default()),
            _ => ramp = ramp_of(line, report),
        }
    }
    let (base, trial) = (inner.take("base"), inner.take("<number>"));
    if !inner.wrong && !inner.broken {
        let missing = match (&base, &trial) {
            (None, _) => Some(("what most requests get", "base plan NAME")),
            (_, None) => Some(("what is tried", "5% openai/gpt-4.1")),
            _ => None,
        };
        if let Some((what, line)) = missing {
            report
                .error(
                    "mux::plan::empty",
                    at,
                    format!("this `canary` does not say {what}"),
                )
                .help(format!("add a line such as `{line}`"));
        }
    }
    let (base, trial) = base.zip(trial)?;
    let share = trial.share?;
    if let Some((steps, _)) = &ramp
        && steps.first() != Some(&share)
    {
        report
            .error(
                "mux::canary::ramp",
                trial.span,
                "the ramp does not begin with the share of this arm",
            )
            .help(format!(
                "begin it with it: `ramp {} …`",
                percent(share.into())
            ));
    }
    Some(Canary {
        by: header.who,
        salt: header.salt.unwrap_or_default(),
        base: Box::new(base.arm.route),
        trial: Box::new(trial.arm),
        share,
        abort,
        ramp,
    })
}

fn sticky(header: &Header, at: Span, word: &str, report: &mut Report) {
    if header.who.is_empty() && !header.wrong {
        report
            .error(
                "mux::statement::missing",
                at,
                format!("this `{word}` does not say what requests are told apart by"),
            )
            .help(format!("write `{word} by end_user {{ … }}`"));
    }
}

/// Names of arms are for people and tests, so one split gives each once.
fn twice(inner: &Inner<'_>, report: &mut Report) {
    for (at, given) in inner.arms.iter().enumerate() {
        let Some(name) = &given.arm.name else {
            continue;
        };
        let same = |g: &&super::inner::Given| g.arm.name.as_ref() == Some(name);
        if let Some(earlier) = inner.arms.iter().take(at).find(same) {
            report
                .error(
                    "mux::name::duplicate",
                    given.span,
                    format!("two arms are called `{name}`"),
                )
                .label("the second")
                .also(earlier.span, "the first");
        }
    }
}

fn aborts(line: &Line<'_>, report: &mut Report) -> Option<Vec<HealthRule>> {
    let watched = threshold::read(line, report)?;
    let rules = watched.into_iter().map(|(watch, at)| match watch {
        Watch::Rule(rule) if rule != HealthRule::BreakerOpen => Some(rule),
        _ => {
            threshold::form(at, line.entry.form, report);
            None
        }
    });
    rules.collect::<Vec<_>>().into_iter().collect()
}

/// `ramp 5% 25% 100% every 1h`.
fn ramp_of(line: &Line<'_>, report: &mut Report) -> Option<(Vec<BasisPoints>, Millis)> {
    let mut cursor = Cursor::of(line);
    let mut steps: Vec<BasisPoints> = Vec::new();
    while let Some(word) = cursor.kind(Kind::Quantity) {
        let step = quantity::part(word, "ramp", report)?;
        if steps.last().is_some_and(|last| *last >= step) {
            report.error(
                "mux::canary::ramp",
                word.span,
                "each step of a ramp is larger than the one before",
            );
            return None;
        }
        steps.push(step);
    }
    if steps.is_empty() {
        cursor.missing("a share such as `5%`", report);
        return None;
    }
    cursor.keyword("every", report)?;
    let time = cursor.need(Kind::Quantity, "a time such as `1h`", report)?;
    cursor.end(report);
    Some((steps, quantity::positive(time, "every", report)?))
}

/// Basis points as people write them.
fn percent(points: u64) -> String {
    let text = format!("{}.{:02}", points / 100, points % 100);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}
