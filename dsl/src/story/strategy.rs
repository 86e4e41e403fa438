//! What strategies go by, in words: thresholds, delays, what makes an answer good enough.

use crate::image::{Accept, After, Finish, HealthRule, Hedge};
use crate::phrase::{count, money, share, sign, time};

pub(super) fn threshold(rule: &HealthRule) -> String {
    match rule {
        HealthRule::LatencyAbove(of, limit, over) => {
            format!("{} > {} over {}", of.word(), time(*limit), time(*over))
        }
        HealthRule::ErrorRateAbove(limit, over) => {
            format!("error_rate > {} over {}", share(*limit), time(*over))
        }
        HealthRule::BreakerOpen => "breaker is open".into(),
    }
}

pub(super) fn accepted(accept: &Accept) -> String {
    let joined = |parts: &[Accept], word: &str| {
        let part = |part: &Accept| match part {
            Accept::All(inner) | Accept::Any(inner) if inner.len() > 1 => {
                format!("({})", accepted(part))
            }
            one => accepted(one),
        };
        parts.iter().map(part).collect::<Vec<_>>().join(word)
    };
    match accept {
        Accept::All(parts) => joined(parts, " and "),
        Accept::Any(parts) => joined(parts, " or "),
        Accept::Not(inner) => match &**inner {
            Accept::All(_) | Accept::Any(_) => format!("not ({})", accepted(inner)),
            one => format!("not {}", accepted(one)),
        },
        Accept::Finish(finish) => format!("finish is {}", finished(*finish)),
        Accept::Score(compare, points) => {
            format!("score of judge {} {}", sign(*compare), share(*points))
        }
        Accept::Schema => "schema is valid".into(),
        Accept::Output(compare, tokens) => {
            format!("output {} {}", sign(*compare), count((*tokens).into()))
        }
    }
}

fn finished(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}

pub(super) fn hedged(hedge: &Hedge) -> String {
    let after = match hedge.after {
        After::Time(t) => time(t),
        After::Quantile(q) => q.word().to_owned(),
    };
    match hedge.extra {
        1 => format!("the first; where it takes longer than {after}, the next as well"),
        n => format!("the first; where it takes longer than {after}, up to {n} more"),
    }
}

pub(super) fn hedge_bounds(hedge: &Hedge) -> Vec<String> {
    let budget = hedge.budget.map(|b| format!("budget {}", share(b)));
    let cost = hedge.cost.map(|c| format!("cost {}", money(c)));
    budget.into_iter().chain(cost).collect()
}

pub(super) fn salt(salt: &str) -> Vec<String> {
    let salt = (!salt.is_empty()).then(|| format!("salt {salt:?}"));
    salt.into_iter().collect()
}
