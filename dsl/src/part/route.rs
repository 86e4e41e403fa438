//! Routes as parts: what is done with a request, by content, with named plans written out.

use super::attempt::{deadlines, outcomes, retry, rules};
use super::{Figure, Guard, Part, test};
use crate::image::{
    Affinity, After, Arm, Attempt, BreakerId, By, Canary, Cascade, Combine, Ensemble, Fallback,
    Fleet, Hedge, Judge, Listed, Plan, PlanId, Route, Shadow, Split, Sticky, Terms,
};

/// What routes refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Book<'b> {
    pub(crate) fleet: &'b Fleet,
    pub(crate) plans: &'b [Plan],
    /// What the conditions of plans mean; by [`GuardId`](crate::image::GuardId).
    pub(crate) guards: &'b [Guard],
}

impl Book<'_> {
    /// A plan; a named one keeps its name as a label.
    pub(crate) fn plan(&self, id: PlanId) -> Part {
        let Some(plan) = self.plans.get(id.index()) else {
            return Part::new("plan", "?");
        };
        let mut part = self.route(&plan.route);
        if let Some(name) = &plan.name {
            part.label = Some(format!("plan {name}").into());
        }
        part
    }

    /// A copy that is sent besides.
    pub(crate) fn shadow(&self, shadow: &Shadow) -> Part {
        let Shadow { share, attempt } = shadow;
        let part = self.attempt(attempt).at("shadow");
        part.with("share", Figure::Share(*share))
    }

    fn route(&self, route: &Route) -> Part {
        match route {
            Route::Attempt(attempt) => self.attempt(attempt),
            Route::Plan(plan) => self.plan(*plan),
            Route::Fallback(Fallback { tries, terms }) => {
                let part = self.terms(Part::new("fallback", ""), terms);
                self.arms(part, "try", tries)
            }
            Route::Listed(list) => self.listed(list),
            Route::Split(split) => self.split(split),
            Route::Canary(canary) => self.canary(canary),
            Route::Cascade(cascade) => self.cascade(cascade),
            Route::Ensemble(ensemble) => self.ensemble(ensemble),
            Route::Hedge(hedge) => self.hedge(hedge),
        }
    }

    fn attempt(&self, attempt: &Attempt) -> Part {
        let Attempt {
            target,
            timeouts,
            retry: again,
        } = attempt;
        let target = self.fleet.targets.get(target.index());
        let name = target.map_or("?", |t| &t.name);
        retry(
            deadlines(Part::new("target", name), *timeouts),
            again.as_ref(),
        )
    }

    fn arms(&self, part: Part, role: &'static str, arms: &[Arm]) -> Part {
        arms.iter()
            .fold(part, |part, arm| part.holding(self.arm(role, arm)))
    }

    /// The name of an arm is for traces.
    fn arm(&self, role: &'static str, arm: &Arm) -> Part {
        let Arm {
            route,
            when,
            weight,
            name: _,
        } = arm;
        let weight = (*weight != 1).then(|| Figure::Number((*weight).into()));
        let part = self.route(route).at(role);
        part.maybe("weight", weight).maybe(
            "when",
            when.and_then(|id| Some(Figure::When(self.guards.get(id.index())?.clone()))),
        )
    }

    fn terms(&self, part: Part, terms: &Terms) -> Part {
        let Terms {
            within,
            on,
            breaker,
            affinity,
            resume,
        } = terms;
        let part = part
            .maybe("within", within.map(Figure::Time))
            .maybe("on", on.as_ref().map(outcomes))
            .maybe("affinity", affinity.map(affine))
            .flag("continue once", *resume);
        self.breaker(part, *breaker)
    }

    fn breaker(&self, part: Part, breaker: Option<BreakerId>) -> Part {
        match breaker.and_then(|id| self.fleet.breakers.get(id.index())) {
            Some(breaker) => part.holding(super::protect::breaker(breaker)),
            None => part,
        }
    }

    fn listed(&self, list: &Listed) -> Part {
        let Listed {
            by,
            filter,
            arms,
            otherwise,
            terms,
        } = list;
        let part = match by {
            By::Cost => Part::new("cheapest", ""),
            By::Weight => Part::new("balance", ""),
            By::Latency(quantile, over, explore) => Part::new("fastest", "")
                .with("by", Figure::Words(vec![quantile.word().into()]))
                .with("over", Figure::Time(*over))
                .with("explore", Figure::Share(*explore)),
        };
        let part = match filter {
            Some(filter) => part.holding(test::filter(filter, self.fleet).at("where")),
            None => part,
        };
        let part = self.arms(self.terms(part, terms), "of", arms);
        match otherwise {
            Some(route) => part.holding(self.route(route).at("otherwise")),
            None => part,
        }
    }

    fn split(&self, split: &Split) -> Part {
        let Split { by, salt, arms } = split;
        let part = sticky("split", by, salt);
        arms.iter().fold(part, |part, (share, arm)| {
            let arm = self.arm("arm", arm);
            part.holding(arm.with("share", Figure::Share(*share)))
        })
    }

    fn canary(&self, canary: &Canary) -> Part {
        let Canary {
            by,
            salt,
            base,
            trial,
            share,
            abort,
            ramp,
        } = canary;
        let part = sticky("canary", by, salt);
        let part = rules(part, "abort when", abort);
        let part = part.maybe(
            "ramp",
            ramp.as_ref().map(|(shares, every)| {
                let shares = shares.iter().map(|s| Figure::Share(*s));
                Figure::Row(shares.chain([Figure::Time(*every)]).collect())
            }),
        );
        let trial = self.arm("trial", trial);
        part.holding(self.route(base).at("base"))
            .holding(trial.with("share", Figure::Share(*share)))
    }

    fn cascade(&self, cascade: &Cascade) -> Part {
        let Cascade {
            judge,
            steps,
            buffer,
            terms,
        } = cascade;
        let part = Part::new("cascade", "").flag("buffer", *buffer);
        let part = self.judge(self.terms(part, terms), judge.as_ref());
        steps.iter().fold(part, |part, (arm, good)| {
            let arm = self.arm("try", arm);
            part.holding(match good {
                Some(good) => arm.holding(test::accept(good).at("accept when")),
                None => arm,
            })
        })
    }

    /// A rubric is what it says, wherever it stands.
    fn judge(&self, part: Part, judge: Option<&Judge>) -> Part {
        let Some(Judge {
            attempt,
            rubric: _,
            text,
        }) = judge
        else {
            return part;
        };
        let judge = self.attempt(attempt).at("judge");
        part.holding(judge.with("rubric", Figure::Text(text.clone())))
    }

    fn ensemble(&self, ensemble: &Ensemble) -> Part {
        let Ensemble {
            asks,
            quorum,
            combine,
            judge,
            buffer,
            terms,
        } = ensemble;
        let words = |words: &[&str]| Figure::Words(words.iter().map(|w| (*w).into()).collect());
        let part = Part::new("ensemble", "").with("quorum", Figure::Number((*quorum).into()));
        let part = match combine {
            Combine::FirstValid => part.with("combine", words(&["first-valid"])),
            Combine::Majority(path) => part.with("combine", words(&["majority on", path])),
            Combine::Vote(path) => part.with("combine", words(&["vote on", path])),
            Combine::Best => part.with("combine", words(&["best by judge"])),
            Combine::Merge(attempt) => part.holding(self.attempt(attempt).at("merge by")),
        };
        let part = part.flag("buffer", *buffer);
        let part = self.judge(self.terms(part, terms), judge.as_ref());
        self.arms(part, "ask", asks)
    }

    fn hedge(&self, hedge: &Hedge) -> Part {
        let Hedge {
            after,
            extra,
            arms,
            budget,
            cost,
            terms,
        } = hedge;
        let after = match after {
            After::Time(time) => Figure::Time(*time),
            After::Quantile(quantile) => Figure::Words(vec![quantile.word().into()]),
        };
        let part = Part::new("hedge", "")
            .with("after", after)
            .with("extra", Figure::Number((*extra).into()))
            .maybe("budget", budget.map(Figure::Share))
            .maybe("cost", cost.map(Figure::Money));
        self.arms(self.terms(part, terms), "of", arms)
    }
}

fn affine(affinity: Affinity) -> Figure {
    match affinity {
        Affinity::Conversation => Figure::Words(vec!["conversation".into()]),
        Affinity::EndUser => Figure::Words(vec!["end_user".into()]),
        Affinity::Key => Figure::Words(vec!["key".into()]),
        Affinity::Prefix(tokens) => Figure::Row(vec![
            Figure::Words(vec!["prefix".into()]),
            Figure::Tokens(tokens.into()),
        ]),
    }
}

fn sticky(kind: &'static str, by: &[Sticky], salt: &str) -> Part {
    let word = |sticky: &Sticky| match sticky {
        Sticky::EndUser => "end_user".into(),
        Sticky::Key => "key".into(),
        Sticky::Team => "team".into(),
        Sticky::Conversation => "conversation".into(),
        Sticky::Tag(name) => format!("tag.{name}").into(),
        Sticky::Header(name) => format!("header.{name}").into(),
    };
    Part::new(kind, "")
        .with("by", Figure::Words(by.iter().map(word).collect()))
        .with("salt", Figure::Text(salt.into()))
}
