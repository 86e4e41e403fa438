//! What policies do with a request, told rule by rule: which took it, why the others did not, and what is carried out.
//!
//! A request is told in full. Of a recorded path, only what was read on it is known; the rest is told as unknown.

mod account;
mod filter;
mod known;
mod listed;
mod plan;
mod sentence;
mod strategy;
mod telling;
mod terms;
mod value;

pub use account::{
    Asked, Branch, Course, Entered, Fact, Outcome, Reason, Story, Told, Truth, VERSION, WhyNot,
};

use crate::clause::{Clause, Then};
use crate::decide::Image;
use crate::image::{Policy, PolicyId, RuleId, TargetId, Verdict};
use crate::request::{Live, Request};
use crate::trace::Path;
use known::{Known, Moment, reasons};
use std::collections::BTreeMap;

/// A condition in one line, as policies write it.
pub(crate) fn condition(cond: &crate::condition::Cond) -> String {
    value::line(cond)
}

/// What a rule does, as policies write it.
pub(crate) fn does(image: &Image, does: &Then) -> String {
    then(&Known::read(image, BTreeMap::new()), does)
}

impl Image {
    /// What becomes of a request that enters at a policy, and why.
    #[must_use]
    pub fn story(&self, policy: PolicyId, request: &Request<'_>, live: &dyn Live) -> Story {
        let known = Known::at(self, Moment { request, live });
        let mut taken = Vec::new();
        let mut next = Some(policy);
        while let Some(policy) = next {
            let (program, scene) = self.code.scene(policy);
            let rule = program.decide(scene, request, &live, &mut Path::default());
            taken.push((policy, rule));
            next = goes(self, policy, rule);
        }
        story(&known, &taken)
    }

    /// What becomes of a request that names a deployment, as `allow direct` lets it: no policy is asked.
    #[must_use]
    pub fn direct_story(&self, target: TargetId, request: &Request<'_>, live: &dyn Live) -> Story {
        let known = Known::at(self, Moment { request, live });
        let mut story = story(&known, &[]);
        let course = plan::alone(target, &known);
        let name = &course.said;
        story.sentence = format!(
            "`{}` names the deployment {name}, which `allow direct` lets clients do: the request goes there, and no policy is asked.",
            request.model
        );
        if !course.able {
            story.sentence.push_str(" It cannot serve the request.");
        }
        story.plan = Some(course);
        story
    }

    /// What becomes of a request, as far as a recorded path tells it. `None` where the path is of another bundle, or was too long to be
    /// kept.
    #[must_use]
    pub fn retold(&self, policy: PolicyId, path: &Path) -> Option<Story> {
        let mut steps = path.steps();
        let mut cells = BTreeMap::new();
        let mut taken = Vec::new();
        let mut next = Some(policy);
        while let Some(policy) = next {
            self.policies.get(policy.index())?;
            let (program, scene) = self.code.scene(policy);
            let (rule, read) = program.follow(scene, &mut steps)?;
            cells.extend(read);
            taken.push((policy, rule));
            next = goes(self, policy, rule);
        }
        let known = Known::read(self, cells);
        steps.done().then(|| story(&known, &taken))
    }
}

impl Story {
    /// Why a rule did not take the request: `NAME`, `FILE:LINE`, a line, or `@POLICY:LINE`. `None` where no entered
    /// policy has such a rule.
    #[must_use]
    pub fn why_not(&self, rule: &str) -> Option<WhyNot> {
        let mut rules = self
            .policies
            .iter()
            .flat_map(|p| p.rules.iter().map(move |r| (p, r)));
        let (entered, asked) = rules.find(|(policy, told)| told.is(rule, &policy.policy))?;
        let taken = entered.rules.iter().find(|r| r.outcome == Outcome::Taken);
        let because = match (&asked.condition, asked.holds) {
            (Some(condition), Truth::False | Truth::Unknown) => reasons(condition, true),
            _ => Vec::new(),
        };
        let mut why = WhyNot {
            version: VERSION,
            policy: entered.policy.clone(),
            sentence: String::new(),
            rule: asked.clone(),
            taken: taken.filter(|t| t.number != asked.number).cloned(),
            because,
        };
        why.sentence = sentence::why_not(&why);
        Some(why)
    }

    /// For people: the story in one sentence, then the rules, then the plan.
    #[must_use]
    pub fn told(&self) -> String {
        telling::story(self)
    }

    /// The plan alone.
    #[must_use]
    pub fn plan_told(&self) -> String {
        telling::plan(self)
    }

    /// Names by which [`Self::why_not`] finds rules, in order.
    #[must_use]
    pub fn rules(&self) -> Vec<String> {
        let rules = self.policies.iter().flat_map(|p| &p.rules);
        rules
            .map(|r| match &r.name {
                Some(name) => name.clone(),
                None => format!("{}:{}", r.file, r.line),
            })
            .collect()
    }
}

impl WhyNot {
    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        telling::why_not(self)
    }
}

impl Told {
    /// Whether it is called so.
    fn is(&self, rule: &str, policy: &str) -> bool {
        let line = self.line.to_string();
        let place = rule.strip_prefix(policy).and_then(|r| r.strip_prefix(':'));
        let called = |rule: &str| {
            rule == line
                || self.name.as_deref() == Some(rule)
                || (rule == "else" && self.condition.is_none())
        };
        called(rule)
            || place.is_some_and(called)
            || rule.rsplit_once(':').is_some_and(|(file, at)| {
                at == line && (self.file == file || self.file.ends_with(&format!("/{file}")))
            })
    }
}

fn goes(image: &Image, policy: PolicyId, rule: u32) -> Option<PolicyId> {
    let clauses = image.code.clauses.get(policy.index())?;
    match clauses.get(rule as usize)?.then {
        Then::Go(next) => Some(next),
        Then::Decide(_) => None,
    }
}

fn story(known: &Known<'_>, taken: &[(PolicyId, u32)]) -> Story {
    let image = known.image;
    let mut story = Story {
        version: VERSION,
        sentence: String::new(),
        facts: known.facts(),
        figures: Vec::new(),
        policies: Vec::new(),
        plan: None,
        shadows: Vec::new(),
    };
    for (policy, rule) in taken {
        let clauses = image.code.clauses.get(policy.index());
        let (Some(own), Some(clauses)) = (image.policies.get(policy.index()), clauses) else {
            continue;
        };
        story.policies.push(entered(known, own, clauses, *rule));
        let asked = clauses.iter().take(*rule as usize + 1);
        for figure in asked
            .filter_map(|c| c.cond.as_ref())
            .flat_map(|c| known.figures(c))
        {
            if !story.figures.contains(&figure) {
                story.figures.push(figure);
            }
        }
        let decided = clauses.get(*rule as usize).map(|c| &c.then);
        if let Some(Then::Decide(Verdict::Use(id))) = decided {
            story.plan = Some(plan::plan(*id, known));
            let rule = own.rules.get(RuleId(*rule).index());
            let shadows = rule.iter().flat_map(|r| &r.shadows);
            story.shadows = shadows.map(|s| shadow(s, known)).collect();
        }
    }
    story.sentence = sentence::story(&story);
    story
}

fn shadow(shadow: &crate::image::Shadow, known: &Known<'_>) -> String {
    let course = plan::call(&shadow.attempt, known);
    let words = [vec![course.said], course.options].concat();
    format!(
        "{} to {}",
        crate::phrase::share(shadow.share),
        words.join(" ")
    )
}

fn entered(known: &Known<'_>, policy: &Policy, clauses: &[Clause], taken: u32) -> Entered {
    let rules = (0..).zip(clauses.iter().zip(&policy.rules));
    let rules = rules.map(|(at, (clause, rule))| {
        let condition = clause.cond.as_ref().map(|cond| known.asked(cond));
        let outcome = match u32::cmp(&at, &taken) {
            std::cmp::Ordering::Less => Outcome::PassedOver,
            std::cmp::Ordering::Equal => Outcome::Taken,
            std::cmp::Ordering::Greater => Outcome::NotReached,
        };
        Told {
            number: at as usize + 1,
            name: rule.name.as_deref().map(str::to_owned),
            file: rule.file.to_string(),
            line: rule.line,
            outcome,
            holds: condition.as_ref().map_or(Truth::True, Asked::holds),
            when: clause
                .cond
                .as_ref()
                .map_or_else(|| "else".into(), value::line),
            then: then(known, &clause.then),
            because: condition
                .as_ref()
                .map_or_else(Vec::new, |c| reasons(c, false)),
            condition,
        }
    });
    Entered {
        policy: format!("@{}", policy.name),
        terms: terms::policy(policy, known.image),
        rules: rules.collect(),
    }
}

fn then(known: &Known<'_>, then: &Then) -> String {
    match then {
        Then::Go(next) => {
            let policy = known.image.policies.get(next.index());
            format!("go @{}", policy.map_or("?", |p| &*p.name))
        }
        Then::Decide(Verdict::Deny { status, message }) => format!("deny {status} {message:?}"),
        Then::Decide(Verdict::Use(id)) => plan::used(*id, known),
    }
}
