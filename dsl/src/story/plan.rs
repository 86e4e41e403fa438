//! A plan as its reader should know it: who is asked, in which order, under which deadlines.

use super::account::{Branch, Course, Truth};
use super::known::Known;
use super::{listed, strategy, terms, value};
use crate::image::{
    Arm, Attempt, By, Canary, Cascade, Combine, Ensemble, Features, GuardId, Judge, PlanId, Route,
    Split, Sticky, TargetId, Timeouts,
};
use crate::phrase::{count, share, time};

/// What becomes of a request that comes to a target which can never serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Else {
    /// It is refused: there is nobody else.
    Refused,
    /// It is refused, where its share falls there.
    RefusedByShare,
    /// The others are asked.
    PassedOn,
}

/// A plan by its id, as all that is done with a request.
pub(super) fn plan(id: PlanId, known: &Known<'_>) -> Course {
    named(id, known, Else::Refused)
}

fn named(id: PlanId, known: &Known<'_>, or: Else) -> Course {
    let Some(plan) = known.image.plans.get(id.index()) else {
        return Course::default();
    };
    let course = route(&plan.route, known, or);
    match &plan.name {
        Some(name) => Course {
            plan: Some(name.to_string()),
            place: known
                .image
                .code
                .mentions
                .plan(name)
                .map(|(file, line)| format!("{file}:{line}")),
            ..course
        },
        None => course,
    }
}

fn route(route: &Route, known: &Known<'_>, or: Else) -> Course {
    let of = |said: &str, own: &crate::image::Terms, arms: Vec<Branch>| Course {
        said: said.to_owned(),
        options: terms::terms(own, known.image),
        able: any(&arms),
        arms,
        ..Course::default()
    };
    match route {
        Route::Attempt(attempt) => asked(attempt, known, or),
        Route::Plan(id) => named(*id, known, or),
        Route::Fallback(fallback) => {
            let tries = (1..).zip(&fallback.tries);
            let arms = tries.map(|(n, arm)| branch(format!("{n}"), arm, known));
            of(
                "in order, until one serves",
                &fallback.terms,
                arms.collect(),
            )
        }
        Route::Listed(list) => {
            let arms = list.arms.iter();
            let arms = arms.map(|arm| branch(listed::label(list, arm), arm, known));
            let spare = list.otherwise.as_deref();
            let spare = spare.map(|route| bare("otherwise", route, known, Else::PassedOn));
            listed::listed(list, (arms.collect(), spare), known, &of)
        }
        Route::Split(split) => self::split(split, known, or),
        Route::Canary(canary) => self::canary(canary, known, or),
        Route::Cascade(cascade) => self::cascade(cascade, known),
        Route::Ensemble(ensemble) => self::ensemble(ensemble, known),
        Route::Hedge(hedge) => {
            let arms = (1..).zip(&hedge.arms);
            let arms = arms.map(|(n, arm)| branch(format!("{n}"), arm, known));
            let mut course = of(&strategy::hedged(hedge), &hedge.terms, arms.collect());
            course.options.extend(strategy::hedge_bounds(hedge));
            course
        }
    }
}

/// Whether an arm that is there for the request can serve it.
fn any(arms: &[Branch]) -> bool {
    let mut there = arms.iter().filter(|arm| arm.open != Truth::False);
    there.any(|arm| arm.course.able)
}

/// A call to one target, besides which others are asked.
pub(super) fn call(attempt: &Attempt, known: &Known<'_>) -> Course {
    asked(attempt, known, Else::PassedOn)
}

/// A call to one target, which nobody else follows.
pub(super) fn alone(target: TargetId, known: &Known<'_>) -> Course {
    let attempt = Attempt {
        target,
        timeouts: Timeouts::default(),
        retry: None,
    };
    asked(&attempt, known, Else::Refused)
}

fn asked(attempt: &Attempt, known: &Known<'_>, or: Else) -> Course {
    let target = known.image.fleet.targets.get(attempt.target.index());
    let name = value::target(known.image, attempt.target);
    let unable = unable(attempt.target, known);
    let became = match or {
        Else::Refused => "refused with 400",
        Else::RefusedByShare => "refused with 400 where its share falls here",
        Else::PassedOn => "passed over",
    };
    let mut notes: Vec<String> = Vec::new();
    notes.extend(
        target
            .map(|t| terms::target(t, known.image))
            .filter(|t| !t.is_empty()),
    );
    notes.extend(
        unable
            .as_ref()
            .map(|why| format!("{became}, since it {why}")),
    );
    Course {
        said: name.clone(),
        target: Some(name),
        options: terms::attempt(attempt),
        notes,
        able: unable.is_none(),
        ..Course::default()
    }
}

/// Why a target can never serve the request.
fn unable(id: TargetId, known: &Known<'_>) -> Option<String> {
    let (target, moment) = (known.image.fleet.targets.get(id.index())?, known.moment?);
    let lacks = moment.request.needs.without(target.can);
    if lacks != Features::default() {
        let words: Vec<&str> = lacks.words().collect();
        return Some(format!("lacks {}", words.join(" and ")));
    }
    let window = target.context.filter(|w| moment.request.tokens > *w)?;
    Some(format!("takes at most {} tokens", count(window.into())))
}

fn branch(label: String, arm: &Arm, known: &Known<'_>) -> Branch {
    branch_or(label, arm, known, Else::PassedOn)
}

fn branch_or(label: String, arm: &Arm, known: &Known<'_>, or: Else) -> Branch {
    let guard = arm
        .when
        .and_then(|g: GuardId| known.image.code.guards.get(g.index()));
    Branch {
        label: match &arm.name {
            Some(name) => format!("{label} {name}"),
            None => label,
        },
        when: guard.map(value::line),
        open: guard.map_or(Truth::True, |g| known.asked(g).holds()),
        course: route(&arm.route, known, or),
    }
}

fn bare(label: &str, inner: &Route, known: &Known<'_>, or: Else) -> Branch {
    Branch {
        label: label.to_owned(),
        when: None,
        open: Truth::True,
        course: route(inner, known, or),
    }
}

impl Else {
    /// The same for an arm of which a share of the requests is sent to.
    fn by_share(self) -> Self {
        match self {
            Self::Refused | Self::RefusedByShare => Self::RefusedByShare,
            Self::PassedOn => Self::PassedOn,
        }
    }
}

fn split(split: &Split, known: &Known<'_>, or: Else) -> Course {
    let arms = split.arms.iter();
    let arms: Vec<_> = arms
        .map(|(part, arm)| branch_or(share(*part), arm, known, or.by_share()))
        .collect();
    Course {
        said: format!("split by {}", terms::sticky(&split.by)),
        varies: vec![by_share(&split.by)],
        options: strategy::salt(&split.salt),
        able: any(&arms),
        arms,
        ..Course::default()
    }
}

fn by_share(by: &[Sticky]) -> String {
    format!("the share that its {} falls to", terms::sticky(by))
}

fn canary(canary: &Canary, known: &Known<'_>, or: Else) -> Course {
    let or = or.by_share();
    let arms = vec![
        bare("base", &canary.base, known, or),
        branch_or(share(canary.share), &canary.trial, known, or),
    ];
    let mut options = strategy::salt(&canary.salt);
    let abort: Vec<String> = canary.abort.iter().map(strategy::threshold).collect();
    if !abort.is_empty() {
        options.push(format!("abort when {}", abort.join(" or ")));
    }
    options.extend(canary.ramp.as_ref().map(|(shares, every)| {
        let shares: Vec<String> = shares.iter().map(|s| share(*s)).collect();
        format!("ramp {} every {}", shares.join(" "), time(*every))
    }));
    let mut varies = vec![by_share(&canary.by)];
    varies.extend((!abort.is_empty()).then(|| "whether the canary is aborted".to_owned()));
    Course {
        said: format!("canary by {}", terms::sticky(&canary.by)),
        varies,
        options,
        able: any(&arms),
        arms,
        ..Course::default()
    }
}

fn cascade(cascade: &Cascade, known: &Known<'_>) -> Course {
    let mut arms: Vec<Branch> = Vec::new();
    for (n, (arm, accept)) in (1..).zip(&cascade.steps) {
        let mut step = branch(format!("{n}"), arm, known);
        step.course.options.extend(
            accept
                .as_ref()
                .map(|a| format!("accept when {}", strategy::accepted(a))),
        );
        arms.push(step);
    }
    let able = any(&arms);
    arms.splice(
        0..0,
        cascade.judge.as_ref().map(|judge| judged(judge, known)),
    );
    let mut options = terms::terms(&cascade.terms, known.image);
    options.extend(cascade.buffer.then(|| "buffer".to_owned()));
    Course {
        said: "in order, until an answer is accepted".into(),
        options,
        able,
        arms,
        ..Course::default()
    }
}

fn judged(judge: &Judge, known: &Known<'_>) -> Branch {
    let mut course = call(&judge.attempt, known);
    course
        .options
        .insert(0, format!("rubric {:?}", judge.rubric));
    Branch {
        label: "judge".into(),
        when: None,
        open: Truth::True,
        course,
    }
}

fn ensemble(ensemble: &Ensemble, known: &Known<'_>) -> Course {
    let label = |arm: &Arm| match arm.weight {
        1 => "ask".to_owned(),
        weight => format!("ask, weight {weight}"),
    };
    let asks = ensemble.asks.iter();
    let mut arms: Vec<_> = asks.map(|arm| branch(label(arm), arm, known)).collect();
    let able = any(&arms);
    arms.extend(ensemble.judge.as_ref().map(|judge| judged(judge, known)));
    let combine = match &ensemble.combine {
        Combine::FirstValid => "first-valid".to_owned(),
        Combine::Majority(path) => format!("majority on {path:?}"),
        Combine::Vote(path) => format!("vote on {path:?}"),
        Combine::Best => "best by judge".to_owned(),
        Combine::Merge(attempt) => {
            arms.push(Branch {
                label: "merge".into(),
                when: None,
                open: Truth::True,
                course: call(attempt, known),
            });
            "merge".to_owned()
        }
    };
    let mut options = vec![
        format!("quorum {}", ensemble.quorum),
        format!("combine {combine}"),
    ];
    options.extend(terms::terms(&ensemble.terms, known.image));
    options.extend(ensemble.buffer.then(|| "buffer".to_owned()));
    Course {
        said: "all at once, combined".into(),
        options,
        able,
        arms,
        ..Course::default()
    }
}

/// What a rule does with its requests, as policies write it.
pub(super) fn used(id: PlanId, known: &Known<'_>) -> String {
    let Some(plan) = known.image.plans.get(id.index()) else {
        return "use a plan".into();
    };
    match (&plan.name, &plan.route) {
        (Some(name), _) => format!("use plan {name}"),
        (None, Route::Plan(id)) => used(*id, known),
        (None, route) => {
            let course = self::route(route, known, Else::Refused);
            let mut words = vec![format!("use {}", kind(route, &course))];
            if matches!(route, Route::Attempt(_)) {
                words.extend(course.options);
            }
            words.join(" ")
        }
    }
}

fn kind(route: &Route, course: &Course) -> String {
    match route {
        Route::Attempt(_) | Route::Split(_) | Route::Canary(_) => course.said.clone(),
        Route::Plan(_) => "plan".into(),
        Route::Fallback(_) => "fallback".into(),
        Route::Listed(list) => match list.by {
            By::Cost => "cheapest".into(),
            By::Latency(..) => "fastest".into(),
            By::Weight => "balance".into(),
        },
        Route::Cascade(_) => "cascade".into(),
        Route::Ensemble(_) => "ensemble".into(),
        Route::Hedge(_) => "hedge".into(),
    }
}
