//! A plan as its reader should know it: who is asked, in which order, under which deadlines.

use super::account::{Branch, Course, Truth};
use super::known::Known;
use super::{filter, strategy, terms, value};
use crate::image::{
    Arm, Attempt, By, Canary, Cascade, Combine, Ensemble, Features, GuardId, Judge, Listed, PlanId,
    Route, Split, TargetId,
};
use crate::phrase::{count, share, time};

/// A plan by its id.
pub(super) fn plan(id: PlanId, known: &Known<'_>) -> Course {
    let Some(plan) = known.image.plans.get(id.index()) else {
        return Course::default();
    };
    let course = route(&plan.route, known);
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

fn route(route: &Route, known: &Known<'_>) -> Course {
    let of = |said: &str, own: &crate::image::Terms, arms: Vec<Branch>| Course {
        said: said.to_owned(),
        options: terms::terms(own, known.image),
        able: arms.iter().any(|arm| arm.course.able),
        arms,
        ..Course::default()
    };
    match route {
        Route::Attempt(attempt) => call(attempt, known),
        Route::Plan(id) => plan(*id, known),
        Route::Fallback(fallback) => {
            let tries = (1..).zip(&fallback.tries);
            let arms = tries.map(|(n, arm)| branch(format!("{n}"), arm, known));
            of(
                "in order, until one serves",
                &fallback.terms,
                arms.collect(),
            )
        }
        Route::Listed(list) => listed(list, known, &of),
        Route::Split(split) => self::split(split, known),
        Route::Canary(canary) => self::canary(canary, known),
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

/// A call to one target.
pub(super) fn call(attempt: &Attempt, known: &Known<'_>) -> Course {
    let target = known.image.fleet.targets.get(attempt.target.index());
    let name = value::target(known.image, attempt.target);
    let unable = unable(attempt.target, known);
    let mut notes: Vec<String> = Vec::new();
    notes.extend(
        target
            .map(|t| terms::target(t, known.image))
            .filter(|t| !t.is_empty()),
    );
    notes.extend(unable.clone());
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
        return Some(format!(
            "passed over, since it lacks {}",
            words.join(" and ")
        ));
    }
    let window = target.context.filter(|w| moment.request.tokens > *w)?;
    let window = count(window.into());
    Some(format!(
        "passed over, since it takes at most {window} tokens"
    ))
}

fn branch(label: String, arm: &Arm, known: &Known<'_>) -> Branch {
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
        course: route(&arm.route, known),
    }
}

fn bare(label: &str, inner: &Route, known: &Known<'_>) -> Branch {
    Branch {
        label: label.to_owned(),
        when: None,
        open: Truth::True,
        course: route(inner, known),
    }
}

fn listed(
    list: &Listed,
    known: &Known<'_>,
    of: &dyn Fn(&str, &crate::image::Terms, Vec<Branch>) -> Course,
) -> Course {
    let said = match list.by {
        By::Cost => "the cheapest of these for this request, then the others".to_owned(),
        By::Latency(q, over, explore) => format!(
            "the fastest of these by {} over {}{}, then the others",
            q.word(),
            time(over),
            if explore > 0 {
                format!(", {} of requests exploring", share(explore))
            } else {
                String::new()
            }
        ),
        By::Weight => "one of these by weight, then the others".to_owned(),
    };
    let mut arms: Vec<Branch> = Vec::new();
    for arm in &list.arms {
        let label = match list.by {
            By::Weight => format!("weight {}", arm.weight),
            _ => "-".to_owned(),
        };
        let mut own = branch(label, arm, known);
        if let (Some(asked), Route::Attempt(attempt)) = (&list.filter, &arm.route)
            && filter::passes(asked, attempt.target, known) == Truth::False
        {
            own.course.able = false;
            own.course.notes.push("left out by `where`".into());
        }
        arms.push(own);
    }
    let otherwise = list.otherwise.as_deref();
    arms.extend(otherwise.map(|o| bare("otherwise", o, known)));
    let mut course = of(&said, &list.terms, arms);
    let asked = list.filter.as_ref();
    course.options.splice(
        0..0,
        asked.map(|f| format!("where {}", filter::words(f, known))),
    );
    course
}

fn split(split: &Split, known: &Known<'_>) -> Course {
    let arms = split.arms.iter();
    let arms: Vec<_> = arms
        .map(|(part, arm)| branch(share(*part), arm, known))
        .collect();
    Course {
        said: format!("split by {}", terms::sticky(&split.by)),
        options: strategy::salt(&split.salt),
        able: arms.iter().any(|a| a.course.able),
        arms,
        ..Course::default()
    }
}

fn canary(canary: &Canary, known: &Known<'_>) -> Course {
    let arms = vec![
        bare("base", &canary.base, known),
        branch(share(canary.share), &canary.trial, known),
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
    Course {
        said: format!("canary by {}", terms::sticky(&canary.by)),
        options,
        able: arms.iter().any(|a| a.course.able),
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
    let able = arms.iter().any(|a| a.course.able);
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
    let able = arms.iter().any(|a| a.course.able);
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
            let course = self::route(route, known);
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
